"""Sessions and status lines end with their turns, whatever dies or fails, and in whichever process."""

import pytest

from glados_bots.conversation import Turn
from glados_bots.settings import Settings
from glados_bots.surface import View
from glados_slack.answers import loose_ends
from glados_slack.answers.loose_ends import LINE
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.answers.test_waiting import surfaces, turn
from tests.slack.conftest import Adapter, answered

__all__ = ["turn"]
SESSION, STATUS = "agents.sessions.setStatus", "assistant.threads.setStatus"
WAITING = View("", "", "waiting", is_last=True)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks often, and gives nobody time."""
    monkeypatch.setattr(loose_ends, "EVERY_S", 0.05)
    monkeypatch.setattr(loose_ends, "YOUNG_S", 0.0)
    monkeypatch.setattr(loose_ends, "PAUSE_S", 0.05)


def session(slack: FakeSlack, channel: Channel, thread: str) -> str:
    """The newest state of a thread's session."""
    return slack.ledger.sessions.get((channel.id, thread), ["none"])[-1]


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_session_whose_begin_had_an_unknown_outcome_is_ended(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, streaming: bool
) -> None:
    slack.faults.add(method=SESSION, args={"status": "processing"}, drop=True, after_commit=True, times=None)
    async with adapter(streaming=streaming):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, question)
        await slack.wait_for(lambda: session(slack, channel, question.ts) == "active")


async def test_a_session_and_a_line_whose_end_fails_are_ended_once_slack_takes_it(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    slack.faults.add(method=STATUS, args={"status": ""}, status=503, times=3)
    slack.faults.add(method=SESSION, args={"status": "active"}, error="internal_error", times=3)
    async with adapter(streaming=False):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, question)
        await slack.wait_for(lambda: session(slack, channel, question.ts) == "active")
        await slack.wait_for(lambda: not slack.ledger.status(channel.id, question.ts))


async def test_what_a_process_that_died_left_of_a_deleted_question_is_ended_by_the_next(
    slack: FakeSlack, settings: Settings, channel: Channel, turn: Turn
) -> None:
    """Nobody holds the turn any more: its question was deleted before anything of it was saved."""
    async with surfaces(slack, settings, 2) as (before, after):
        before.answer(turn)
        assert await before.post(turn, WAITING, "name") == LINE
        assert session(slack, channel, turn.place["thread"]) == "processing"
        await after.loose.tidy()
        assert session(slack, channel, turn.place["thread"]) == "active"
        assert not slack.ledger.status(channel.id, turn.place["thread"])
        said = len(slack.ledger.requests)
        await after.loose.tidy()
        assert len(slack.ledger.requests) == said, "what has ended is not ended again"


async def test_what_belongs_to_a_turn_under_way_is_left_alone(
    slack: FakeSlack, *, adapter: Adapter, settings: Settings, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.gate.clear()
    model.pieces = ["Hello"]
    async with adapter(), surfaces(slack, settings, 1) as (other,):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: slack.ledger.status(channel.id, question.ts))
        await slack.wait_for(model.reached.is_set)
        await other.loose.tidy()
        assert slack.ledger.sessions[channel.id, question.ts] == ["processing"]
        assert slack.ledger.status(channel.id, question.ts) == "is thinking…"
        model.gate.set()
        await answered(slack, question)
        await slack.wait_for(lambda: session(slack, channel, question.ts) == "active")


async def test_whoever_takes_a_turn_over_takes_the_line_of_the_dead_process_away(
    slack: FakeSlack, settings: Settings, channel: Channel, turn: Turn
) -> None:
    async with surfaces(slack, settings, 2) as (before, after):
        before.answer(turn)
        await before.post(turn, WAITING, "name")
        await after.remove(turn, LINE)
        assert not slack.ledger.status(channel.id, turn.place["thread"])
