"""How answers appear, and what goes wrong with them."""

import asyncio
import re
from itertools import pairwise

import pytest

from glados_bots.conversation import Turn
from glados_bots.wording.sentence import say
from glados_slack.answers import answer as answer_module
from glados_slack.answers import status, streams
from glados_slack.answers.answer import Chunk
from glados_slack.connection.budgets import budget, new_streams
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Limit, Message, Person
from tests.fakes.slack.api.ratelimits import RateLimits
from tests.fakes.slack.world.messages import delete_message
from tests.slack.conftest import Adapter, answered, is_end, labels

NEXT, CUT, AWAY = str(say("queued-next")), str(say("slack-cut")), str(say("model-unreachable"))
SET_STATUS = "assistant.threads.setStatus"
TABLE = "| Name | Size |\n| --- | ---: |\n| cake | 3 |\n| lie | 10 |\n"


async def begun(slack: FakeSlack, model: ScriptedModel) -> None:
    """Return when a stream shows the beginning of an answer, and its end is still to come."""
    await slack.wait_for(lambda: model.reached.is_set() and slack.ledger.unfinished, what="for a stream")


async def test_a_stream_that_slack_has_ended_is_finished_by_an_update_of_the_same_message(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.pieces = ["One. ", "Two. ", "Three. ", "Four."]
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} count")
        await begun(slack, model)
        slack.clock.advance(301)
        model.gate.set()
        (answer,) = await answered(slack, question)
    assert answer.content == "One. Two. Three. Four."
    assert not slack.ledger.unfinished


async def test_an_old_stream_gives_way_to_updates_before_slack_ends_it(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(streams, "LIFE_S", 0.2)
    model.pieces = [f"word{number} " for number in range(60)]
    model.pause_s = 0.02
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} go on")
        (answer,) = await answered(slack, question)
    assert answer.content == "".join(model.pieces).strip()
    assert len(slack.ledger.calls("chat.update")) >= 2
    assert not [call for call in slack.ledger.refused if call.method.endswith("Stream")]
    grown = [content for content in answer.contents if content]
    assert all(answer.content.startswith(content.strip()) for content in grown)


async def test_stop_by_slacks_own_button_keeps_what_was_said_and_ends_the_rest(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    model.gate.clear()
    async with adapter():
        question = await ada.dm("tell me")
        await begun(slack, model)
        await ada.stop(question)
        (answer,) = await answered(slack, question)
        model.gate.set()
    assert answer.content.startswith("Hello")
    assert str(say("stopped")) in answer.content
    assert "!" not in answer.content
    assert slack.ledger.sessions[ada.direct.id, question.ts] == ["processing", "active"]
    assert model.dropped == 1


async def test_slacks_own_button_ends_nobody_elses_waiting_question(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} tell me")
        await begun(slack, model)
        await ada.say(channel, "and more", thread=question)
        await slack.wait_for(lambda: any(NEXT in one.content for one in slack.answers(thread=question)))
        await bob.stop(question)
        await slack.settled()
        model.gate.set()
        _, second = await answered(slack, question, 2)
    assert second.content == "Hello world!"
    assert len(model.prompts) == 2


async def test_stop_by_our_button(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    """Where Slack has no button of its own, the stream carries ours; only the asker, or an admin, may press it."""
    slack.app.agent = ""
    bob = slack.add_user("bob")
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} tell me")
        await begun(slack, model)
        (record,) = slack.answers(thread=question)
        await bob.click(slack.message(record), "Stop")
        await slack.wait_for(lambda: any(one.visible_to == bob.id for one in slack.answers(channel)))
        assert slack.ledger.unfinished
        await ada.click(slack.message(record), "Stop")
        await slack.wait_for(lambda: str(say("stopped")) in record.content)
        model.gate.set()
    assert record.content.startswith("Hello")


async def test_a_long_answer_goes_on_in_further_messages_with_whole_code_blocks(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    blocks = [
        [f"line_{number} = {number}  # {'and so on ' * 5}" for number in range(at, at + 60)] for at in (0, 60, 120)
    ]
    code = "\n\n".join(f"```python\n{chr(10).join(lines)}\n```" for lines in blocks)
    text = f"Intro.\n\n{code}\n\n" + "\n\n".join(f"Paragraph {n}. " + "word " * 60 for n in range(12))
    model.pieces = [text[at : at + 700] for at in range(0, len(text), 700)]
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} at length")
        found = await answered(slack, question, 2)
    said = "\n".join(record.content for record in found)
    assert re.findall(r"line_(\d+) =", said) == [str(number) for number in range(180)]
    assert re.findall(r"Paragraph (\d+)\.", said) == [str(number) for number in range(12)]
    assert ["glados_redo" in labels(record) for record in found] == [False] * (len(found) - 1) + [True]
    assert not slack.ledger.refused
    for record in found:
        kinds = [part["type"] for block in record.blocks if block["type"] == "rich_text" for part in block["elements"]]
        assert "```" not in record.content or "rich_text_preformatted" in kinds


async def test_more_blocks_than_a_message_takes_go_on_in_further_messages(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.pieces = [f"## Heading {number}\n\nText {number}.\n\n" for number in range(40)]
    model.pause_s = 0.02
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        found = await answered(slack, question, 2)
    said = "\n".join(record.content for record in found)
    assert re.findall(r"Heading (\d+)", said) == [str(number) for number in range(40)]
    assert all(len(record.blocks) <= 50 for record in found)


async def test_a_table_is_a_table_block(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.pieces = ["Sizes:\n\n", TABLE, "\nand more:\n\n", TABLE]
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} sizes?")
        found = await answered(slack, question, 2)
    tables = [[block for block in record.blocks if block["type"] == "table"] for record in found]
    assert [len(one) for one in tables] == [1, 1]
    assert tables[0][0]["rows"][1] == [{"type": "raw_text", "text": "cake"}, {"type": "raw_text", "text": "3"}]


@pytest.mark.parametrize("error", ["msg_too_long", "msg_blocks_too_long", "invalid_blocks"])
async def test_a_message_slack_refuses_for_its_form_is_sent_in_a_plainer_one(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, error: str
) -> None:
    model.pieces = ["Be **bold** & <!channel>\n\n", TABLE]
    fault = slack.faults.add(method="chat.update", error=error)
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await begun(slack, model)
        model.gate.set()
        (answer,) = await answered(slack, question)
    assert fault.hits == 1
    assert "bold" in answer.content
    assert "cake" in answer.content
    assert {block["type"] for block in answer.blocks} <= {"section", "actions", "context_actions"}


async def test_what_slack_refuses_in_every_form_is_shortened_and_said_to_be(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.faults.add(method="chat.update", error="invalid_blocks", times=2)
    model.pieces = ["word ", "word " * 1200]
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await begun(slack, model)
        model.gate.set()
        await slack.wait_for(lambda: any(CUT in one.content for one in slack.answers(thread=question)))
    assert len(slack.answers(thread=question)) == 1


async def test_when_no_stream_may_be_started_the_answer_is_posted_and_updated(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.rate_limits.limits["tier2"] = Limit(1)
    slack.faults.add(method="chat.startStream", status=429, retry_after_s=30)
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: slack.answers(thread=question))
        assert labels(slack.answers(thread=question)[0]) == {"glados_stop"}
        other = await ada.dm("hi")
        await slack.wait_for(lambda: slack.answers(thread=other))
        model.gate.set()
        await answered(slack, question)
        await answered(slack, other)
    assert len(slack.ledger.calls("chat.startStream")) == 1, "nobody asks again before Slack's pause is over"
    assert not slack.ledger.rate_limit_faults


async def test_a_limited_append_waits_and_carries_all_text_of_the_meantime(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.faults.add(method="chat.appendStream", status=429, retry_after_s=1)
    model.pieces = [f"word{number} " for number in range(150)]
    model.pause_s = 0.015
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
    assert answer.content == "".join(model.pieces).strip()
    assert not slack.ledger.rate_limit_faults


@pytest.mark.parametrize("after_commit", [True, False])
@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream", "chat.update"])
async def test_when_the_connection_is_lost_nothing_is_lost_and_nothing_said_twice(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, method: str,
    after_commit: bool,
) -> None:  # fmt: skip
    fault = slack.faults.add(method=method, drop=True, after_commit=after_commit)
    model.pieces = [f"word{number} " for number in range(60)]
    model.pause_s = 0.02
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
    assert fault.hits == 1
    assert answer.content == "".join(model.pieces).strip()


@pytest.mark.parametrize("after_commit", [True, False])
async def test_a_message_whose_answer_was_lost_is_found_again(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, after_commit: bool
) -> None:
    fault = slack.faults.add(method="chat.postMessage", drop=True, after_commit=after_commit)
    async with adapter(streaming=False):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, question)
    assert fault.hits == 1
    assert len(slack.answers(thread=question)) == 1


async def test_what_would_mention_anybody_is_text_also_cut_in_pieces(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    """The fixture `slack` checks that the bot has pinged nobody, in streams and in finished messages."""
    bob = slack.add_user("bob")
    evil = f"<!channel> <!here|x> <@{bob.id}> `<!everyone>` <!subteam^S1> @channel @here\n"
    evil += f"\n```\n<@{bob.id}> <!channel>\n```\n"
    model.pieces = [evil[at : at + 3] for at in range(0, len(evil), 3)] + ["\nend"]
    model.pause_s = 0.01
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} {evil}")
        pings = len([ping for ping in slack.ledger.pings if ping.author_id == slack.bot.id])
        (answer,) = await answered(slack, question)
        await ada.run(channel, "/glados", f"ask {evil}")
        await slack.wait_for(lambda: len(model.prompts) == 2)
        await slack.wait_for(lambda: not slack.ledger.unfinished)
    assert pings == 0
    assert "channel>" in answer.content
    assert f"@{bob.id}" in answer.content.replace("\u200b", "")


@pytest.mark.parametrize("streaming", [True, False])
async def test_links_are_never_previewed_and_show_where_they_lead(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, streaming: bool
) -> None:
    """The fixture `slack` checks that nothing of the bot was unfurled."""
    slack.world.stream_rules.unfurls = True
    model.pieces = [
        "See https://evil.example/?q=secret and ",
        "[paypal.com](https://evil.example/x) ![](https://evil.example/i.png)",
        *[f" word{number}" for number in range(30)],
    ]
    model.pause_s = 0.02
    async with adapter(streaming=streaming):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        asked = await ada.run(channel, "/glados", "ask https://evil.example/?q=secret")
        persona = await ada.run(ada.direct, "/glados", "persona See https://evil.example/?q=secret")
        await slack.wait_for(lambda: asked.is_done and persona.messages and len(slack.answers(channel)) == 3)
        await slack.wait_for(lambda: is_end(slack.answers(channel)[-1]))
        await ada.say(channel, slack.bot.mention)
        await slack.wait_for(lambda: len(slack.answers(channel)) == 4)
    assert "(evil.example)" in answer.content
    told = [
        call.args for call in slack.ledger.requests if {"text", "blocks", "chunks", "markdown_text"} & call.args.keys()
    ]
    assert all(args["unfurl_links"] is False and args["unfurl_media"] is False for args in told)
    assert {call.method for call in slack.ledger.requests} >= {"chat.update"} | (
        {"chat.startStream"} if streaming else {"chat.postMessage"}
    )


async def test_the_status_line_is_said_again_while_one_waits_and_taken_away_at_the_end(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(status, "REFRESH_S", 0.05)
    model.pieces = ["Hello"]
    model.gate.clear()
    async with adapter():
        for end in ("answer", "delete", "fail"):
            wanted = len(slack.ledger.statuses) + 3
            question = await ada.say(channel, f"{slack.bot.mention} hi")
            await slack.wait_for(lambda: len(slack.ledger.statuses) >= wanted, what="for a status")  # noqa: B023
            assert slack.ledger.status(channel.id, question.ts) == "is thinking…"
            if end == "delete":
                await ada.delete(question)
            else:
                model.pieces = ["Hello"] if end == "answer" else [""]
                model.gate.set()
                await answered(slack, question)
            await slack.wait_for(lambda: slack.ledger.calls(SET_STATUS)[-1].args["status"] == "")
            if end != "delete":  # the thread went with the question
                assert slack.ledger.status(channel.id, question.ts) == ""
            model.gate.clear()
            said = len(slack.ledger.calls(SET_STATUS))
            await asyncio.sleep(0.2)
            assert len(slack.ledger.calls(SET_STATUS)) == said, "nothing is said after the end"
            model.pieces = [""] if end == "delete" else ["Hello"]


async def test_a_model_that_is_away_is_said_in_the_status_line(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    async with adapter(core={"inference_url": "http://127.0.0.1:9/v1"}):
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: AWAY in slack.ledger.status(channel.id, question.ts))
        await ada.delete(question)
        await slack.wait_for(lambda: slack.ledger.calls(SET_STATUS)[-1].args["status"] == "")
    assert not slack.answers(channel)


async def test_streams_refused_to_a_place_are_replaced_by_messages(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.faults.add(method="chat.startStream", error="channel_type_not_supported", times=None)
    await _asks_twice(slack, adapter, channel, ada, model)
    assert len(slack.ledger.calls("chat.startStream")) == 1


async def test_letters_that_may_become_anything_are_not_shown_before_they_are_something(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    """An answer that begins with `1.` says nothing yet: the status line stands until it does."""
    model.pieces = ["1", ".", " Le", "mon", "s\n", "2. Limes"]
    model.pause_s = 0.15
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
    assert answer.contents[0].startswith("1. Le")
    assert slack.ledger.calls("chat.startStream")


async def test_without_status_lines_a_message_says_that_one_waits(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.faults.add(method=SET_STATUS, error="missing_scope", times=None)
    await _asks_twice(slack, adapter, channel, ada, model)
    assert len(slack.ledger.calls(SET_STATUS)) == 1
    assert all(one.contents[0] == "Thinking…" for one in slack.answers(channel))


async def _asks_twice(slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel) -> None:
    model.pieces = [f"word{number} " for number in range(40)]
    model.pause_s = 0.02
    async with adapter():
        for _ in range(2):
            question = await ada.say(channel, f"{slack.bot.mention} hi")
            (answer,) = await answered(slack, question)
            assert answer.content == "".join(model.pieces).strip()


async def test_within_slacks_own_limits_many_questions_at_once_cost_no_refused_call(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    """More answers than streams may begin in a minute, with the fake as strict as Slack's documentation."""
    slack.rate_limits.limits = RateLimits(slack.clock).limits
    model.pieces = [f"word{number} " for number in range(30)]
    model.pause_s = 0.05
    channels = [slack.add_channel(f"channel{number}") for number in range(24)]
    for channel in channels:
        channel.members.add(ada.id)
    async with adapter():
        questions = [await ada.say(channel, f"{slack.bot.mention} hi") for channel in channels]
        for question in questions:
            (answer,) = await answered(slack, question, seconds=150)
            assert answer.content == "".join(model.pieces).strip()
    assert not slack.ledger.rate_limited
    begun = len(slack.ledger.calls("chat.startStream"))
    assert begun == new_streams("").limit < budget("", "chat.stopStream").limit, "a follower must be able to stop them"


async def test_an_answer_that_somebody_deletes_while_it_is_written_is_said_again(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await begun(slack, model)
        (record,) = slack.answers(thread=question)
        delete_message(slack.world, slack.message(record))
        model.gate.set()
        (answer,) = await answered(slack, question)
    assert answer is not record
    assert answer.content == "Hello world!"


async def test_the_model_is_named_in_small_print_where_the_operator_wants_it(
    slack: FakeSlack, adapter: Adapter, ada: Person
) -> None:
    async with adapter(core={"show_model": True}):
        (answer,) = await answered(slack, await ada.dm("hi"))
    assert answer.content == "Hello world!\nscripted"


CODE = ["```python\ndef f(x):\n", "    return x\n", "```\n\nThat", " is all", " of it."]
BOLD = ["**Very", " bold", " words** and", " more", " of them."]


@pytest.mark.parametrize(
    ("pieces", "words"),
    [(CODE, ["def f(x)", "return x", "That", "is all"]), (BOLD, ["Very", "bold", "words", "more"])],
    ids=["code", "bold"],
)
async def test_an_answer_that_begins_with_code_or_bold_text_is_streamed_to_its_end(
    slack: FakeSlack, *, adapter: Adapter, ada: Person, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch,
    pieces: list[str], words: list[str],
) -> None:  # fmt: skip
    """What a drawing closes for the moment is no part of the stream; each drawing settles the one before it."""
    offered: list[str] = []
    append = streams.Streams.append

    async def watched(self: streams.Streams, turn: Turn, live: streams.LiveStream, chunk: Chunk) -> None:
        await append(self, turn, live, chunk)
        offered.append(chunk.markdown)

    monkeypatch.setattr(streams.Streams, "append", watched)
    monkeypatch.setattr(answer_module, "DRAW_EVERY_S", 0.0)  # each piece is a drawing
    model.pieces, model.is_stepped = pieces, True
    model.gate.clear()
    async with adapter():
        question = await ada.dm("hi")
        model.gate.set()
        await slack.wait_for(lambda: words[0] in _streamed(slack, question), what=f"for {words[0]!r}")
        for before, now in pairwise(words):
            model.gate.set()
            await slack.wait_for(lambda: any(now in text for text in offered), what=f"to draw {now!r}")  # noqa: B023
            assert before in _streamed(slack, question)
        assert not slack.ledger.calls("chat.update")
        model.gate.set()
        await answered(slack, question)
    assert len(slack.ledger.calls("chat.startStream")) == 1
    assert len(slack.ledger.calls("chat.appendStream")) >= 2
    assert len(slack.ledger.calls("chat.update")) == 1, "once, at its end"


def _streamed(slack: FakeSlack, question: Message) -> str:
    """What the unfinished stream under a question shows."""
    return "".join(one.content for one in slack.answers(thread=question) if one.is_unfinished)
