"""Whether a message asks the bot, on plain data: its own words, the thread's joining, and what an edit may do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glados_slack.connection.places import Event
from glados_slack.incoming.addressing import Edit, addressed, is_edit, is_question
from glados_slack.words.text import read

BOT, HOUR_S = "UBOT", 3600
AT = 1_795_000_000
Json = dict[str, Any]


def message(text: str = "hello", *, at: int = AT, thread: int = AT - 100, **more: Any) -> Event:
    """A person's message in a thread of a channel; all times are seconds."""
    data = {
        "type": "message",
        "channel": "C1",
        "user": "UADA",
        "text": text,
        "ts": stamp(at),
        "thread_ts": stamp(thread),
    }
    return Event.of({"event": {**data, **more}})


def stamp(at: int) -> str:
    return f"{at}.000100"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (message("hi"), "thread"),
        (message("hi", thread=AT), None),
        (message(f"<@{BOT}> hi", thread=AT), "mention"),
        (message(f"hi <@{BOT}|glados>"), "mention"),
        (message("hi", type="app_mention"), "mention"),
        (
            message("", blocks=[{"type": "rich_text_section", "elements": [{"type": "user", "user_id": BOT}]}]),
            "mention",
        ),
        (message("hi", channel="D1", channel_type="im"), "direct"),
        (message("yawns", channel="D1", channel_type="im", subtype="me_message"), "direct"),
        (message("hi", subtype="file_share"), "thread"),
        (message("hi", subtype="thread_broadcast"), "thread"),
        (message(f"<@{BOT}> hi", subtype="channel_topic"), None),
        (message(f"<@{BOT}> hi", bot_id="B1"), None),
        (message(f"<@{BOT}> hi", user=BOT), None),
        (message(f"<@{BOT}> hi", user="USLACKBOT"), None),
        (message("<@UBOB> look"), None),
        (message("can one of you look? <!subteam^S1|@oncall>"), None),
        (message("<!subteam^S1> look"), None),
        (message("<!here> look"), None),
        (message("look, <!channel|channel>"), None),
        (message("<!everyone>"), None),
        (
            message("", blocks=[{"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "here"}]}]),
            None,
        ),
        (message(f"<!here> and <@UBOB>, ask <@{BOT}>"), "mention"),
        (message("see <#C2|general> on <!date^1795000000^{date}|Monday>"), "thread"),
        (message("look", attachments=[{"is_share": True, "text": f"<@{BOT}> hi"}], thread=AT), None),
        (message("look", attachments=[{"is_share": True, "text": "<@UBOB> hi"}]), "thread"),
    ],
)
def test_a_message_is_meant_for_the_bot_or_for_others(event: Event, reason: str | None) -> None:
    assert addressed(event, BOT) == reason


@pytest.mark.parametrize(
    ("joined", "asks"), [("", False), (stamp(AT - 50), True), (stamp(AT), False), (stamp(AT + 50), False), ("1", True)]
)
def test_without_a_mention_only_what_is_newer_than_the_joining_asks(*, joined: str, asks: bool) -> None:
    assert is_question(message(), BOT, joined) is asks
    assert is_question(message(f"<@{BOT}> hi"), BOT, joined)


@pytest.mark.parametrize(
    ("event", "joined", "after_s", "asks"),
    [
        (message("mended"), stamp(AT - 50), 60, False),
        (message("mended"), stamp(AT + 50), 60, False),
        (message(f"<@{BOT}> now to you"), "", 60, True),
        (message(f"<@{BOT}> now to you"), stamp(AT - 50), 60, True),
        (message(f"<@{BOT}> now to you"), stamp(AT + 50), 60, False),
        (message(f"<@{BOT}> now to you"), "", HOUR_S + 60, False),
        (message(f"<@{BOT}> of last year"), "", 365 * 24 * HOUR_S, False),
        (message("direct", channel="D1", channel_type="im"), "", 60, True),
        (message("direct", channel="D1", channel_type="im"), "", 2 * HOUR_S, False),
    ],
)
def test_an_edit_makes_a_question_of_a_young_message_that_is_newer_than_the_joining(
    *, event: Event, joined: str, after_s: int, asks: bool
) -> None:
    assert is_question(event, BOT, joined, Edit(stamp(AT + after_s))) is asks


def test_an_edit_at_no_time_makes_no_question() -> None:
    assert not is_question(message(f"<@{BOT}> hi"), BOT, "", Edit("yesterday"))


# Whatever else Slack keeps of a message, and tells of as a change.
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "attachments": st.lists(
        st.fixed_dictionaries({"from_url": st.just("https://a.example"), "title": st.text(), "text": st.text()}),
        max_size=3,
    ),
    "edited": st.fixed_dictionaries({"user": st.just("UADA"), "ts": st.integers(AT, AT + 99).map(stamp)}),
    "pinned_to": st.lists(st.just("C1")),
    "pinned_info": st.dictionaries(st.text(), st.text()),
    "reactions": st.lists(
        st.fixed_dictionaries({"name": st.text(), "users": st.lists(st.text()), "count": st.integers()})
    ),
    "reply_count": st.integers(0, 99),
    "reply_users": st.lists(st.text()),
    "latest_reply": st.integers(AT, AT + 99).map(stamp),
    "subscribed": st.booleans(),
    "metadata": st.dictionaries(st.text(), st.text()),
    "user": st.sampled_from(["UADA", "UBOB", BOT, ""]),
    "bot_id": st.sampled_from(["", "B1"]),
    "subtype": st.sampled_from(["", "file_share", "thread_broadcast", "me_message", "tombstone"]),
    "client_msg_id": st.text(),
    "parent_user_id": st.text(),
}


FILE: Json = {"id": "F1", "name": "a.txt", "mimetype": "text/plain"}
SAME_FILES = st.sampled_from([[FILE], [{"id": "F1", "file_access": "check_file_info"}], [{**FILE, "size": 4}]])


@given(
    text=st.sampled_from(["hello", f"<@{BOT}> hi <https://a.example>", "", "<!here>"]),
    was=st.fixed_dictionaries({"files": SAME_FILES}, optional=FIELDS),
    now=st.fixed_dictionaries({"files": SAME_FILES}, optional=FIELDS),
)
def test_a_change_of_anything_but_the_words_and_the_files_is_no_edit(text: str, was: Json, now: Json) -> None:
    edit = Edit(stamp(AT + 60), message(text, **was))
    assert not is_edit(message(text, **now), BOT, edit)


def test_a_file_that_was_added_or_deleted_is_an_edit() -> None:
    none, one, two = message("hi"), message("hi", files=[FILE]), message("hi", files=[FILE, {"id": "F2"}])
    deleted = message("hi", files=[FILE, {"id": "F2", "mode": "tombstone"}])
    for was, now in ((none, one), (one, none), (one, two), (two, deleted)):
        assert is_edit(now, BOT, Edit(stamp(AT + 60), was))
    assert not is_edit(deleted, BOT, Edit(stamp(AT + 60), one))


@given(was=st.text(), now=st.text())
def test_a_change_of_the_words_is_one(was: str, now: str) -> None:
    assert is_edit(message(now), BOT, Edit(stamp(AT + 60), message(was))) is (was != now)


def test_a_table_that_was_mended_is_an_edit_and_one_that_slack_tells_of_again_is_none() -> None:
    before, now = ([{"blocks": [{"type": "markdown", "text": words}]}] for words in ("40", "41"))
    old = message("which?", attachments=before)
    assert is_edit(message("which?", attachments=now, edited={"ts": stamp(AT + 9)}), BOT, Edit(stamp(AT + 9), old))
    assert not is_edit(message("which?", attachments=now), BOT, Edit(stamp(AT + 9), old))


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b\u2060\ufeff", "\u00ad", "\u034f\u115f\u3164\u2800", "\ufe0f", "\u202e"]
)
async def test_who_writes_nothing_that_can_be_seen_says_nothing(text: str) -> None:
    async def nobody(_: str) -> str:
        return "nobody"

    assert await read(f"<@{BOT}> {text}", BOT, "GLaDOS", nobody) == ""
    assert await read(f"{text}?", BOT, "GLaDOS", nobody) != ""
