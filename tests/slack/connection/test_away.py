"""Slack itself is away, or wants us to wait: questions wait for it, none is given up, and none is answered twice."""

import pytest

from glados_bots.turns import insistence
from glados_bots.turns import turn as turns
from glados_slack.connection.calls import seconds_of
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import Adapter, answered

FAILURES = 30  # calls that fail: more than a turn with so few tries, and its apology, can make


@pytest.fixture(autouse=True)
def few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for Slack looks often, and what counts as a failed try ends a turn soon."""
    monkeypatch.setattr(insistence, "LONGEST_WAIT_S", 0.05)
    monkeypatch.setattr(insistence, "TRIES", 2)
    monkeypatch.setattr(turns, "MOST_FAILURES", 1)


@pytest.mark.parametrize("fault", [{"status": 503}, {"error": "service_unavailable"}, {"drop": True}])
async def test_a_question_asked_just_before_slack_goes_away_is_answered_once_when_it_is_back(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, fault: dict[str, object]
) -> None:
    async with adapter():
        away = slack.faults.add(method="*", times=None, **fault)  # type: ignore[arg-type]
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: away.hits > FAILURES)
        slack.faults.remove(away)
        (answer,) = await answered(slack, question)
    assert answer.content == "Hello world!"
    assert len(slack.ledger.by(slack.bot, channel.id)) == 1
    assert len(model.prompts) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0.5", 0.5), ("", 5), (None, 5), ("soon", 5), ("nan", 5), ("inf", 5), ("-1", 5), ("1e9", 3600)],
)
def test_a_retry_after_that_is_none_is_our_own_pause_and_none_is_endless(header: str | None, seconds: float) -> None:
    assert seconds_of(header) == seconds


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_limit_uses_up_no_tries_whatever_its_header_says(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, monkeypatch: pytest.MonkeyPatch,
    streaming: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr("glados_slack.connection.calls.DEFAULT_RETRY_S", 0.01)
    for odd in ("", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", "nan", "-1"):
        for method in ("chat.postMessage", "chat.update"):
            slack.faults.add(method=method, status=429, retry_after_s=odd, times=3)
    async with adapter(streaming=streaming):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
    assert answer.content == "Hello world!"
