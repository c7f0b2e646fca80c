"""What a message says, on plain data: text, blocks, attachments, shared messages, and no previews."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glados_slack.words.said import MOST_CHARS, Said, SharedMessage, said

Json = dict[str, Any]


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


def text(words: str) -> Json:
    return {"type": "text", "text": words}


TABLE = {
    "type": "table",
    "rows": [[{"type": "raw_text", "text": one} for one in row] for row in (["a", "b"], ["1", "2"])],
}


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (rich(text("a < b "), {"type": "user", "user_id": "U1"}), "a &lt; b <@U1>"),
        (rich({"type": "link", "url": "https://a.example/?b=1&c", "text": "here"}), "<https://a.example/?b=1&amp;c|here>"),
        (rich({"type": "emoji", "name": "wave"}, {"type": "broadcast", "range": "here"}), ":wave:<!here>"),
        (rich({"type": "text", "text": "x=1", "style": {"code": True}}), "`x=1`"),
        (
            {"type": "rich_text", "elements": [
                {"type": "rich_text_list", "style": "ordered", "offset": 2, "elements": rich(text("c"))["elements"]},
                {"type": "rich_text_quote", "elements": [text("said")]},
                {"type": "rich_text_preformatted", "elements": [text("code")]},
            ]},
            "3. c\n&gt; said\n```\ncode\n```",
        ),
        ({"type": "header", "text": {"type": "plain_text", "text": "Down"}}, "Down"),
        (
            {"type": "section", "text": {"type": "mrkdwn", "text": "*CPU*"}, "fields": [
                {"type": "mrkdwn", "text": "host: web-1"}, {"type": "plain_text", "text": "load: 9"}
            ], "accessory": {"type": "button", "text": {"type": "plain_text", "text": "Acknowledge"}}},
            "*CPU*\nhost: web-1\nload: 9",
        ),
        (
            {"type": "context", "elements": [
                {"type": "mrkdwn", "text": "since 9"}, {"type": "image", "alt_text": "graph"}
            ]},
            "since 9\ngraph",
        ),
        (TABLE, "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ({"type": "table", "rows": [[rich(text("a|b")), {"type": "raw_number", "value": 7}], [rich(text("c"))]]},
         "| a\\|b | 7 |\n| --- | --- |\n| c |  |"),
        ({"type": "markdown", "text": "# Title"}, "# Title"),
        ({"type": "card", "title": {"type": "plain_text", "text": "New"}, "body": {"type": "mrkdwn", "text": "kind"}},
         "New\nkind"),
        ({"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}}]}, ""),
        ({"type": "divider"}, ""),
    ],
)  # fmt: skip
def test_every_kind_of_block_says_what_people_see(block: Json, words: str) -> None:
    assert said({"text": "", "blocks": [block]}).own == words
    assert said({"text": "", "attachments": [{"blocks": [block], "fallback": "[no preview available]"}]}).own == words


@pytest.mark.parametrize(
    ("message", "own"),
    [
        ({"text": "hi <@U1>", "blocks": [rich(text("hi "), {"type": "user", "user_id": "U1"})]}, "hi <@U1>"),
        ({"text": "Alert", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "Alert: disk"}}]},
         "Alert: disk"),
        ({"text": "no blocks here", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "Other"}}]},
         "no blocks here\nOther"),
        ({"text": "a b 1 2?", "blocks": [TABLE]}, "a b 1 2?\n| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ({"text": "which?", "attachments": [{"id": 1, "blocks": [TABLE]}]},
         "which?\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ({"text": "", "attachments": [{"pretext": "Prod", "title": "Down", "title_link": "https://s.example",
                                       "text": "*No*", "fields": [{"title": "Host", "value": "web-1"}],
                                       "fallback": "fallback"}]},
         "Prod\n<https://s.example|Down>\n*No*\nHost: web-1"),
        ({"attachments": [{"fallback": "only this"}]}, "only this"),
        ({"attachments": [{"fallback": "[no preview available]"}]}, ""),
        ({"text": None, "blocks": None, "attachments": None, "files": None}, ""),
        ({"text": 1, "blocks": [None, "x", {"type": ["?"]}], "attachments": [[], {"fields": {}, "blocks": 3}]}, ""),
    ],
)  # fmt: skip
def test_text_blocks_and_attachments_are_said_once_each(message: Json, own: str) -> None:
    assert said(message).own == own


@pytest.mark.parametrize(
    "preview",
    [
        {"from_url": "https://a.example/x", "title": "A page", "text": "words", "fallback": "A page"},
        {"original_url": "https://a.example/x", "blocks": [rich(text("words"))]},
        {"app_unfurl_url": "https://a.example/x", "is_app_unfurl": True, "blocks": [rich(text("words"))]},
        {"from_url": "https://a.example/x", "is_msg_unfurl": True, "author_id": "U2", "text": "words"},
        {"from_url": "https://elsewhere.example", "title": "where a short link leads"},
    ],
)
def test_a_preview_is_not_what_was_said(preview: Json) -> None:
    assert said({"text": "see <https://a.example/x>", "attachments": [preview]}) == Said("see <https://a.example/x>")


@pytest.mark.parametrize(
    ("attachment", "words"),
    [
        ({"text": "1 &lt; 2", "from_url": "https://x.slack.com/archives/C1/p1"}, "1 &lt; 2"),
        ({"text": "", "message_blocks": [{"message": {"blocks": [rich(text("deep"))]}}]}, "deep"),
        ({"text": "look", "files": [{"name": "pump.log"}]}, "look\n(file pump.log)"),
        ({"text": "", "attachments": [{"title": "Down", "text": "No answer"}]}, "Down\nNo answer"),
        ({"text": "", "fallback": "all there is"}, "all there is"),
    ],
)
def test_a_shared_message_is_anothers_words(attachment: Json, words: str) -> None:
    shared = {"is_share": True, "author_id": "U2", "author_name": "Gordon", **attachment}
    found = said({"text": "true?", "attachments": [shared]})
    assert found == Said("true?", shared=(SharedMessage("U2", "Gordon", words),))


def test_a_shared_message_may_show_another_one() -> None:
    inner = {"is_share": True, "author_name": "Barney", "text": "inner"}
    outer = {"is_share": True, "author_id": "U2", "text": "outer", "attachments": [inner]}
    assert [one.words for one in said({"attachments": [outer]}).shared] == ["outer", "inner"]


def test_what_stands_beside_the_text_is_bounded_in_depth_length_and_number() -> None:
    deep: Json = {"type": "mrkdwn", "text": "x"}
    shared: Json = {"is_share": True, "text": "x"}
    for _ in range(200):
        deep, shared = {"type": "new", "elements": [deep]}, {"is_share": True, "text": "x", "attachments": [shared]}
    assert said({"blocks": [deep]}).words == ""
    assert len(said({"attachments": [shared]}).shared) <= 4
    assert len(said({"attachments": [{"text": "x" * 1000}] * 100}).own) <= MOST_CHARS + 2
    wide = {"type": "table", "rows": [[{}] * 100_000, *[[]] * 100_000]}
    assert len(said({"blocks": [wide]}).words) <= MOST_CHARS + 2


_NAMES = st.sampled_from(
    "type text blocks attachments elements rows fields title files name style message_blocks message is_share "
    "author_id from_url fallback indent offset url value".split()
)
_VALUES = st.sampled_from(
    [
        "rich_text",
        "rich_text_section",
        "rich_text_list",
        "table",
        "link",
        "mrkdwn",
        "raw_text",
        "",
        "https://a.example",
        1,
    ]
)
_ANYTHING = st.recursive(
    st.none() | st.floats() | st.text() | _VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=6),
    max_leaves=30,
)


@given(st.dictionaries(_NAMES, _ANYTHING))
def test_no_message_is_too_odd_to_be_read(message: Json) -> None:
    assert isinstance(said(message).own, str)


@pytest.mark.parametrize(
    "piece", ["<@U1> ", "<", "<@U1|", " \n", "- ", "1. ", "| ", "_a", "&lt;", "<https://a.example|b>"]
)
def test_the_time_grows_no_faster_than_the_message(piece: str) -> None:
    """Measured in processor time, against one eight times as long."""

    def seconds(length: int) -> float:
        words = piece * (length // len(piece))
        cell = {"type": "raw_text", "text": words}
        message = {"text": words, "blocks": [rich(text(words)), {"type": "table", "rows": [[cell]]}]}
        began = time.process_time()
        said({**message, "attachments": [{"text": words, "from_url": "https://b.example"}]})
        return time.process_time() - began

    assert min(seconds(160_000) for _ in range(3)) < 40 * max(min(seconds(20_000) for _ in range(3)), 0.001)
