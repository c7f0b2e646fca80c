"""The promises of every chat renderer, for any text: limits, fences, pings, links, and streams that end alike."""

import os
import re
from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glados_bots.markdown import Stream
from glados_discord.answers import markdown as discord
from glados_slack.answers import markdown as slack
from glados_slack.answers.answer import Chunk
from glados_slack.answers.answer import stream as slack_answer
from glados_web.answers import markdown as web
from glados_web.answers.sanitize import sanitize

FRAGMENTS = [
    "word",
    "two words",
    "**",
    "*",
    "_",
    "__",
    "~~",
    "`",
    "``",
    "```",
    "~~~",
    "```py\n",
    "\n",
    "\n\n",
    "- ",
    "1. ",
    "10) ",
    "> ",
    "# ",
    "#### ",
    "- [ ] ",
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n",
    "| c |",
    "[label](https://example.org/a_b)",
    "[paypal.com](https://evil.example)",
    "![alt](https://example.org/i.png)",
    "[x](javascript:alert(1))",
    "[ref]",
    "[ref]: https://example.org\n",
    "[^1]",
    "\n[^1]: note\n",
    "https://example.org/x?y=*z*",
    "www.example.org",
    "@everyone",
    "@here",
    "<@123456789012345678>",
    "<@&123456789012345678>",
    "<!channel>",
    "<!subteam^S1>",
    "&lt;!here&gt;",
    "<#123456789012345678>",
    "<t:1:R>",
    "||spoiler||",
    "<b>",
    "</b>",
    "<br>",
    "<details>",
    "<script>alert(1)</script>",
    "Vec<String>",
    "&amp;",
    "\\",
    "\\(x^2\\)",
    "\\[\nx\n\\]",
    "$x$",
    "$5-$10",
    "标签\uff1a",
    "「重点」",
    "👩‍👩‍👧",
    "é",
    "    code\n",
    "---\n",
    "===\n",
    "x" * 180,
    "long " * 60,
    "code line\n" * 30,
    "\r\n",
    "\t",
    "\ud800",
    "\0",
]
texts = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=6), max_size=14).map("".join)
limits = st.sampled_from([200, 201, 317, 2000])
EXAMPLES = int(os.environ.get("MARKDOWN_EXAMPLES", "100"))
few = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PINGS = {
    discord: re.compile(r"@everyone|@here|(?<!\\)<(?:@[!&]?|#|/|a?:|t:|id:)[^>\s]*\d", re.IGNORECASE),
    slack: re.compile(r"<[!@#]|@(?:here|channel|everyone)", re.IGNORECASE),
}


def without_code(message: str) -> str:
    """A message without its code, where nothing pings."""
    message = re.sub(r"```.*?```", "", message, flags=re.DOTALL)
    return re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", message)


def render(platform: ModuleType, text: str, limit: int) -> list[str]:
    messages: list[str] = platform.render(text, limit)
    return messages


@pytest.mark.parametrize("platform", [discord, slack])
@given(text=texts, limit=limits)
@few
def test_messages_keep_the_limit_and_their_fences(platform: ModuleType, text: str, limit: int) -> None:
    for message in render(platform, text, limit):
        assert 0 < len(message) <= limit
        assert message.strip()
        lines = [line.removeprefix("> ") for line in message.split("\n")]
        assert sum(line.startswith("```") for line in lines) % 2 == 0
        assert message.count("```") % 2 == 0


@pytest.mark.parametrize("platform", [discord, slack])
@given(text=texts, limit=limits)
@few
def test_nothing_pings(platform: ModuleType, text: str, limit: int) -> None:
    for message in render(platform, text, limit):
        assert not PINGS[platform].search(without_code(message))


@given(text=texts, limit=limits)
@few
def test_blocks_keep_their_limits(text: str, limit: int) -> None:
    for blocks in slack.render_blocks(text, limit):
        assert 0 < len(blocks) <= 50
        assert sum(block["type"] == "table" for block in blocks) <= 1
        assert sum(map(len, strings(blocks))) <= limit
    for chunk in whole(slack_answer, text):
        assert 0 < len(Chunk.decode(chunk).text) <= 4000


WORDS = st.lists(st.text("abcdefgh", min_size=4, max_size=12), min_size=1, max_size=6, unique=True)
AROUND = [
    "{}",
    "**{}**",
    "# {}",
    "- {}\n",
    "1. {}\n",
    "> {}\n",
    "`{}`",
    "```\n{}\n```\n",
    "| {} | x |\n|---|---|\n| y | {} |\n",
    "[{}](https://example.org/a)",
    "<b>{}</b>",
    "<div>\n{}\n</div>\n",
    "\\[\n{}\n\\]",
    "{}\u0301\u0301",
    "{}" + "\u0301" * 700,
]


@given(words=WORDS, parts=st.lists(st.sampled_from(AROUND) | st.sampled_from(FRAGMENTS[:10]), min_size=1, max_size=8))
@few
def test_no_word_is_lost(words: list[str], parts: list[str]) -> None:
    """Whatever stands around it, on every platform."""
    text = "\n\n".join(part.replace("{}", f" {words[index % len(words)]} ") for index, part in enumerate(parts))
    wanted = {word for word in words if word in text}
    blocks = "".join(strings(slack.render_blocks(text, 317)))
    for shown in ("".join(render(discord, text, 317)), "".join(render(slack, text, 317)), blocks, web.render(text)):
        assert {word for word in wanted if word in shown} == wanted


def strings(value: object) -> list[str]:
    """Every text and address in a message."""
    if isinstance(value, dict):
        own = [content for key, content in value.items() if key in {"text", "url"} and isinstance(content, str)]
        return own + [text for content in value.values() for text in strings(content)]
    return [text for content in value for text in strings(content)] if isinstance(value, list) else []


@given(text=texts)
@few
def test_html_is_stable_under_sanitising(text: str) -> None:
    html = web.render(text)
    assert sanitize(html) == html
    assert not re.search(r"<script|<[^>]*(?:javascript:|\son\w+=|\sstyle=)|<img|<iframe", html)
    assert all(re.match(r"https?:|mailto:", url) for url in re.findall(r'href="([^"]*)"', html))


@pytest.mark.parametrize("start", [discord.stream, slack.stream, slack_answer])
@given(text=texts, size=st.integers(1, 30))
@few
def test_a_stream_ends_like_the_whole(start: Callable[[int], Stream[str]], text: str, size: int) -> None:
    stream = start(200)
    seen: list[str] = []
    for place in range(0, len(text), size):
        update = stream.feed(text[place : place + size])
        assert update.chunks[: update.first_changed] == seen[: update.first_changed]
        seen = update.chunks
        check_prefix(start, seen)
    assert stream.close().chunks == whole(start, text)


def check_prefix(start: object, chunks: list[str]) -> None:
    for chunk in chunks:
        message = Chunk.decode(chunk).text if start is slack_answer else chunk
        assert not PINGS[discord if start is discord.stream else slack].search(without_code(message))
        assert start is slack_answer or len(message) <= 200
        assert message.count("```") % 2 == 0


def whole(start: object, text: str) -> list[str]:
    if start is slack_answer:
        stream = slack_answer(200)
        stream.feed(text)
        return stream.close().chunks
    return list(render(discord if start is discord.stream else slack, text, 200))


@pytest.mark.parametrize("start", [discord.stream, slack.stream, slack_answer])
@given(text=texts.filter(lambda text: "]:" not in text and "[^" not in text), size=st.integers(1, 30))
@few
def test_messages_left_behind_do_not_change(start: Callable[[int], Stream[str]], text: str, size: int) -> None:
    """But for definitions that come late, and footnotes, which need the whole answer."""
    stream = start(200)
    left: list[str] = []
    for place in range(0, len(text), size):
        chunks = stream.feed(text[place : place + size]).chunks
        assert chunks[: len(left)] == left
        left = chunks[:-1]
    assert stream.close().chunks[: len(left)] == left


@given(
    name=st.sampled_from(["paypal.com", "google.co.uk", "www.bank.example", "p\u0430ypal.com", "my-bank.io"]),
    form=st.sampled_from(["{}", "https://{}/login", "HTTP://{}", "*{}*", "`{}`", "go to {} now", "{}.", "**{}**/x"]),
    evil=st.sampled_from(
        ["https://evil.example", "http://paypal.com.evil.example/x", "https://paypal.com@evil.example"]
    ),
)
@few
def test_a_label_cannot_hide_the_host(name: str, form: str, evil: str) -> None:
    text = f"See [{form.format(name)}]({evil}) and text."
    shown = [*discord.render(text), *slack.render(text), web.render(text), str(slack.render_blocks(text))]
    for message in shown:
        assert "(evil.example)" in message or "(paypal.com.evil.example)" in message


@pytest.mark.parametrize("text", ["See https://paypal.com@evil.example/x.", "<https://paypal.com:80@evil.example/x>"])
def test_a_user_name_cannot_pass_for_the_host(text: str) -> None:
    for message in (discord.render(text)[0], slack.render(text)[0]):
        assert "<https://evil.example/x>" in message
    for message in (web.render(text), str(slack.render_blocks(text))):
        assert "(evil.example)" in message


@given(text=texts, size=st.integers(1, 30))
@few
def test_an_html_stream_ends_like_the_whole(text: str, size: int) -> None:
    stream = web.stream()
    for place in range(0, len(text), size):
        stream.feed(text[place : place + size])
    assert "\n".join(stream.close().chunks) == web.render(text)


def test_a_small_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="199 is too small"):
        discord.render("x", 199)
