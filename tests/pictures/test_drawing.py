"""The pictures of Discord and Slack show what the adapters sent, all of it and nothing else."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.pictures.asking import ANSWER, QUESTION, Said, Thread, ask_on_discord, ask_on_slack
from tests.pictures.drawing import draw


def drawn(page: str) -> list[str]:
    """The words of every message of a drawing, in order."""
    messages = re.findall(r'<div class="payload">(.*?)</section>', page, re.DOTALL)
    inline = re.compile(r"</?(?:a|b|code|em|s|small|span|strong)\b[^>]*>")
    return [word for message in messages for word in words(re.sub(r"<[^>]+>", " ", inline.sub("", message)))]


def words(text: str) -> list[str]:
    """Words and emoji; what is neither is punctuation, or marks of a dialect."""
    return re.findall(r"\w+|[\U0001f000-\U0001faff]", html.unescape(text))


def on_discord(thread: Thread) -> Iterator[str]:
    """What a person reads of the payloads: neither addresses of links, nor languages of code."""
    for said in thread.messages:
        text = re.sub(r"<@(\d+)>", lambda found: thread.names[found[1]], said.payload["content"])
        yield from words(re.sub(r"\]\([^)]+\)|(?m:^```\w+$)", " ", text))
        for part in [part for row in said.payload["components"] for part in row["components"]]:
            yield from words(f"{(part.get('emoji') or {}).get('name', '')} {part.get('label', '')}")


def on_slack(part: Any, names: dict[str, str]) -> Iterator[str]:
    """Every `text`, and the names of those who are mentioned."""
    if isinstance(part, list | tuple):
        for inner in part:
            yield from on_slack(inner, names)
    elif isinstance(part, dict):
        yield from words(names.get(part.get("user_id", ""), ""))
        yield from words(part["text"]) if isinstance(part.get("text"), str) else ()
        yield from on_slack([inner for inner in part.values() if not isinstance(inner, str)], names)


async def test_a_discord_thread_is_drawn_from_what_the_adapter_sent(redis_url: str) -> None:
    thread = await ask_on_discord(redis_url)
    shown = drawn(draw("discord", thread))
    assert shown == list(on_discord(thread))
    assert [said.is_ours for said in thread.messages] == [False, True]
    assert set(words(QUESTION)) <= set(shown)


async def test_a_slack_thread_is_drawn_from_what_the_app_sent(redis_url: str) -> None:
    thread = await ask_on_slack(redis_url)
    shown = drawn(draw("slack", thread))
    sent = [word for said in thread.messages for word in on_slack(said.payload["blocks"], thread.names)]
    assert [word for word in shown if word not in "👍👎"] == sent  # Slack's own signs on feedback_buttons
    assert [said.is_ours for said in thread.messages] == [False, True]
    assert set(words(QUESTION)) <= set(shown)


async def test_the_answer_has_all_that_a_picture_is_to_show(redis_url: str) -> None:
    kinds = {block["type"] for said in (await ask_on_slack(redis_url)).messages for block in said.payload["blocks"]}
    assert {"header", "rich_text", "table", "actions"} <= kinds
    assert all(mark in ANSWER for mark in ("## ", "**", "```python\n", "| --- |", "\n- ", "](https://", " `"))


def test_what_nobody_has_drawn_yet_is_refused_by_name() -> None:
    thread = Thread("general", (Said("GLaDOS", True, {"blocks": ({"type": "video"},)}),), {})
    with pytest.raises(ValueError, match=r"no drawing for 'video': add one to tests/pictures/looks/slack\.html"):
        draw("slack", thread)


@pytest.mark.parametrize(
    ("platform", "payload"),
    [
        ("discord", {"content": "<b>1</b> `<i>` & ```\n<u>\n```", "components": ()}),
        ("slack", {"blocks": ({"type": "header", "text": {"text": "<b>1</b> <i> & <u>"}},)}),
    ],
)
def test_words_stay_words(platform: str, payload: dict[str, Any]) -> None:
    page = draw(platform, Thread("general", (Said("GLaDOS", True, payload),), {}))
    assert "&lt;b&gt;1&lt;/b&gt;" in page
    assert "&lt;i&gt;" in page
    assert "&lt;u&gt;" in page


def test_discord_s_small_print_is_small() -> None:
    said = Said("GLaDOS", True, {"content": "Half\n-# Stopped.\n-# A *model*", "components": ()})
    page = draw("discord", Thread("general", (said,), {}))
    assert "<small>Stopped.</small><br />\n<small>A <em>model</em></small></p>" in page
    assert "-#" not in page
