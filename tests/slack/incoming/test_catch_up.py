"""What Slack has given up to tell is found by looking: after a gap, and where an event came late."""

import pytest

from glados_bots.settings import Settings
from glados_slack.connection import standing
from glados_slack.incoming import catch_up, facts, look_back
from glados_slack.incoming.facts import SlackFacts
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.answers.test_waiting import surfaces
from tests.slack.conftest import Adapter, answered


@pytest.fixture(autouse=True)
def every_pause_is_a_gap(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """So all that is known is looked through again and again; and Slack gives up at once."""
    monkeypatch.setattr(facts, "GAP_MS", 0)
    monkeypatch.setattr(catch_up, "EVERY_S", 0.05)
    monkeypatch.setattr(look_back, "SETTLED_S", 0.0)
    slack.delivery.retry_delays_s = ()


async def looked_through(slack: FakeSlack) -> None:
    """Return when all was looked through twice from now on."""
    calls = len(slack.ledger.calls("conversations.history"))
    await slack.wait_for(lambda: len(slack.ledger.calls("conversations.history")) >= calls + 3)


async def test_questions_of_a_gap_are_answered_once_each_in_their_threads(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        known = await ada.say(channel, f"{slack.bot.mention} before")
        direct = await ada.dm("before")
        await answered(slack, known)
        await answered(slack, direct)
    follow_up = await ada.say(channel, "follow-up", thread=known)
    directly = await ada.dm("directly")
    new = await ada.say(channel, f"{slack.bot.mention} new")
    await ada.say(channel, "new follow-up", thread=new)
    await ada.say(channel, "to nobody")
    await slack.settled()
    assert len(slack.delivery.lost) >= 5
    async with adapter(), adapter():
        await answered(slack, known, 2)
        await answered(slack, new, 2)
        await answered(slack, directly)
        await looked_through(slack)
    assert len(slack.answers()) == 6
    asked = [prompt[-1]["content"] for prompt in model.prompts]
    assert sorted(asked) == sorted(["before", "before", "follow-up", "directly", "new", "new follow-up"])
    assert asked.index("new") < asked.index("new follow-up")
    assert follow_up.root == known.ts


async def test_what_people_said_to_each_other_before_the_bot_was_called_in_is_not_asked_after_a_gap(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        root = await ada.say(channel, "shall we?")
        mended = await bob.say(channel, "why nott?", thread=root)
        await ada.say(channel, "because", thread=root)
        await bob.say(channel, f"{slack.bot.mention} who is right?", thread=root)
        await answered(slack, root)
    await bob.edit(mended, "why not?")
    await ada.edit(root, "shall we go?")
    await ada.say(channel, "thanks", thread=root)
    await slack.settled()
    async with adapter():
        await answered(slack, root, 2)
        await looked_through(slack)
    assert [prompt[-1]["content"].rpartition("\n\n")[2] for prompt in model.prompts] == ["who is right?", "ada: thanks"]


async def test_changes_in_a_gap_are_followed(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        edited = await ada.say(channel, f"{slack.bot.mention} edited")
        root = await ada.say(channel, f"{slack.bot.mention} root")
        alone = await ada.say(channel, f"{slack.bot.mention} root with a reply")
        reply = await ada.say(channel, "a reply", thread=alone)
        await answered(slack, edited)
        await answered(slack, root)
        await answered(slack, alone, 2)
    await ada.edit(edited, f"{slack.bot.mention} edited twice")
    await ada.delete(root)
    await ada.delete(reply)
    await slack.settled()
    async with adapter():
        await slack.wait_for(lambda: len(slack.answers()) == 2)
        await slack.wait_for(lambda: len(model.prompts) == 5)
        await answered(slack, edited)
        await looked_through(slack)
    assert model.prompts[-1][-1]["content"] == "edited twice"
    assert len(slack.answers(thread=edited)) == len(slack.answers(thread=alone)) == 1
    assert len(model.prompts) == 5


async def test_a_question_asked_edited_and_taken_back_in_a_gap_is_read_as_it_stands(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} before"))
    edited = await ada.say(channel, f"{slack.bot.mention} wrong")
    await ada.edit(edited, f"{slack.bot.mention} right")
    await ada.delete(await ada.say(channel, f"{slack.bot.mention} never mind"))
    await slack.settled()
    async with adapter():
        await answered(slack, edited)
        await looked_through(slack)
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["before", "right"]
    assert len(slack.answers()) == 2


async def test_looking_waits_for_slack_and_goes_on_where_it_was(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    other = slack.add_channel("other")
    async with adapter():
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} before"))
        await answered(slack, await ada.say(other, f"{slack.bot.mention} before"))
    questions = [await ada.say(place, f"{slack.bot.mention} in a gap") for place in (channel, other)]
    await slack.settled()
    away = slack.faults.add(method="conversations.*", status=503, times=2 * look_back.TRIES)
    slack.faults.add(method="conversations.history", status=429, retry_after_s=1)
    slack.faults.add(method="conversations.history", error="not_in_channel")
    async with adapter():
        await slack.wait_for(lambda: away.hits == 2 * look_back.TRIES)
        for question in questions:
            await answered(slack, question)


async def test_what_nobody_asks_to_be_found_is_not_looked_for(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    async with adapter(catch_up_minutes=0):
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} before"))
    await ada.say(channel, f"{slack.bot.mention} in a gap")
    await slack.settled()
    async with adapter(catch_up_minutes=0):
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} after"))
    assert len(slack.answers()) == 2
    assert not slack.ledger.calls("conversations.history")


async def test_people_of_other_organisations_are_not_answered_after_a_gap_either(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    shared, stranger = slack.add_channel("shared"), slack.add_team("Black Mesa").add_user("gordon")
    slack.team.share(shared, stranger)
    async with adapter():
        await answered(slack, await ada.say(shared, f"{slack.bot.mention} before"))
    await stranger.say(shared, f"{slack.bot.mention} let me in")
    await slack.settled()
    async with adapter():
        await looked_through(slack)
    assert len(model.prompts) == 1
    assert [one.visible_to for one in slack.answers(shared)] == [None, stranger.id]


@pytest.mark.parametrize("what", ["deleted", "edited", "as it was"])
async def test_a_late_event_speaks_of_its_message_as_it_stands(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Slack has given up to tell of the change before it succeeded to tell of the message."""
    monkeypatch.setattr(standing, "LATE_S", -60.0)
    async with adapter(catch_up_minutes=0):
        slack.delivery.hold()
        question = await ada.say(channel, f"{slack.bot.mention} wrong")
        if what == "deleted":
            await ada.delete(question)
        elif what == "edited":
            await ada.edit(question, f"{slack.bot.mention} right")
        slack.delivery.release(lambda held: held[:2])
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} other"))
        await slack.settled()
        words = {"deleted": set(), "edited": {"right"}, "as it was": {"wrong"}}[what]
        await slack.wait_for(lambda: {prompt[-1]["content"] for prompt in model.prompts} == {"other", *words})
    assert len(slack.answers(thread=question)) == len(words)


async def test_a_gap_is_kept_until_it_was_looked_through(
    slack: FakeSlack, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with surfaces(slack, settings, 1) as (only,):
        known = SlackFacts(only._store)
        monkeypatch.setattr(facts, "GAP_MS", 10**9)
        await known.stamp()
        await known.stamp()
        assert not await known.gaps()
        await known.stamp(is_first=True)  # the process before this one may have died with events
        gaps = await known.gaps()
        assert len(gaps) == 1
        assert await known.take(60)
        assert not await known.take(60)
        await known.close(gaps)
        assert not await known.gaps()
