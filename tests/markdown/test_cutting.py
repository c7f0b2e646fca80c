"""The promises of cutting: every message stands alone, and nothing that belongs together is torn apart."""

import os
import re
from itertools import pairwise
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from glados_discord.answers import markdown as discord
from glados_slack.answers import markdown as slack

few = settings(max_examples=int(os.environ.get("MARKDOWN_EXAMPLES", "40")), deadline=None)
both = pytest.mark.parametrize("platform", [discord, slack])
limits = st.integers(200, 420)
words = st.text(alphabet="abcdefghij", min_size=1, max_size=9)
sentences = st.lists(words, min_size=1, max_size=14).map(lambda found: " ".join(found) + ".")

GRAPHEMES = ["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪", "1️⃣", "e\u0301", "n\u0303\u0301", "ก็", "नि", "한", "字", "x"]
INVISIBLE = re.compile("[\u200b\u2060\ufeff]")
FENCED = re.compile(r"^```(\S*)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


def visible(message: str) -> str:
    return INVISIBLE.sub("", message)


@both
@given(parts=st.lists(st.sampled_from(GRAPHEMES), min_size=150, max_size=400), limit=limits)
@few
def test_no_grapheme_is_cut(platform: ModuleType, parts: list[str], limit: int) -> None:
    whole = list(iter_graphemes("".join(parts)))
    cut = [grapheme for message in platform.render("".join(parts), limit) for grapheme in iter_graphemes(message)]
    assert cut == whole


# One grapheme each, longer than any message.
ENDLESS = {
    "marks": "a" + "\u0301" * 30_000,
    "tone marks": "ก" + "\u0e48" * 30_000,
    "family": "\u200d".join("👩" * 15_000),
    "variation selectors": "a" + "\ufe0f" * 30_000,
    "jamo": "\u1100" * 30_000,
    "skin tones": "👍" + "🏽" * 30_000,
    "tags": "🏴" + "\U000e0067" * 30_000,
    "conjunct": "क\u094d" * 15_000,
    "prepended": "\u0600" * 30_000,
    "nothing but marks": "\u0301" * 30_000,
}
PLACES = [
    "{}",
    "**{}**",
    "# {}",
    "- {}",
    "> {}",
    "`{}`",
    "```\n{}\n```",
    "| h |\n|---|\n| {} |",
    "[{}](https://example.org)",
    "<b>{}</b>",
    "x\n[^1]\n\n[^1]: {}",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ENDLESS)
def test_a_grapheme_longer_than_a_message_is_cut_inside(name: str, place: str) -> None:
    text = place.format(ENDLESS[name])
    for platform, limit in ((discord, discord.LIMIT), (slack, slack.LIMIT)):
        messages = platform.render(text, limit)
        assert all(0 < len(message) <= limit for message in messages)
        assert sum(map(len, messages)) >= len(ENDLESS[name]) - 1
    assert len(slack.render_blocks(text)) > 1


@both
@given(labels=st.lists(sentences, min_size=5, max_size=12), limit=limits)
@few
def test_no_link_is_cut(platform: ModuleType, labels: list[str], limit: int) -> None:
    text = " ".join(f"{label} [{label}](https://example.org/{n}/page)" for n, label in enumerate(labels))
    found = [
        (int(number), label) for message in platform.render(text, limit) for label, number in links(platform, message)
    ]
    assert found == list(enumerate(labels))


def links(platform: ModuleType, message: str) -> list[tuple[str, str]]:
    if platform is discord:
        return re.findall(r"\[([^\]]*)\]\(https://example\.org/(\d+)/[^)\s]*\)", message)
    return [(label, n) for n, label in re.findall(r"<https://example\.org/(\d+)/[^|>\s]*\|([^>]*)>", message)]


@both
@given(before=st.lists(sentences, min_size=1, max_size=30), glue=st.sampled_from([" {} ", "{}", "x{}"]), limit=limits)
@few
def test_no_mention_is_cut(platform: ModuleType, before: list[str], glue: str, limit: int) -> None:
    mention = "<@123456789012345678>"
    shown = r"\<@123456789012345678>" if platform is discord else "&lt;@123456789012345678&gt;"
    messages = [visible(message) for message in platform.render(glue.format(mention).join([*before, ""]), limit)]
    assert sum(message.count(shown) for message in messages) == len(before)


@both
@given(rows=st.lists(st.tuples(words, words, words), min_size=1, max_size=60), limit=limits)
@few
def test_a_table_repeats_its_header(platform: ModuleType, rows: list[tuple[str, str, str]], limit: int) -> None:
    table = "\n".join(f"| {n}{a} | {b} | {c} |" for n, (a, b, c) in enumerate(rows))
    messages = platform.render(f"| Key | Second | Third |\n|---|---|---|\n{table}", limit)
    shown = []
    for message in messages:
        ((_, grid),) = FENCED.findall(message)
        header, rule, *lines = grid.split("\n")
        assert [cell.strip() for cell in header.split("│")] == ["Key", "Second", "Third"]
        assert set(rule) <= set("─┼")
        shown += [tuple(cell.strip() for cell in line.split("│")) for line in lines]
    assert shown == [(f"{n}{a}", b, c) for n, (a, b, c) in enumerate(rows)]


@both
@given(items=st.lists(sentences, min_size=1, max_size=40), start=st.integers(0, 998), limit=limits)
@few
def test_numbering_goes_on(platform: ModuleType, items: list[str], start: int, limit: int) -> None:
    text = "\n".join(f"{start + n}. {item}" for n, item in enumerate(items))
    numbers = re.findall(r"^(\d+)\. ", "\n".join(platform.render(text, limit)), re.MULTILINE)
    assert list(map(int, numbers)) == [start + n for n in range(len(items))]


@both
@given(lines=st.lists(st.text("ab(){}=; \"'#", max_size=90), min_size=1, max_size=60), limit=limits)
@few
def test_code_is_verbatim_and_keeps_its_language(platform: ModuleType, lines: list[str], limit: int) -> None:
    messages = platform.render("\n".join(["~~~~python", *lines, "~~~~"]), limit)
    parts = [part for message in messages for part in FENCED.findall(message)]
    assert {language for language, _ in parts} == {"python" if platform is discord else ""}
    code = "\n".join(part for _, part in parts)
    assert "\n".join(lines) in {code, code.strip(" ")}


@both
@given(paragraphs=st.lists(sentences, min_size=1, max_size=12), limit=limits)
@few
def test_a_paragraph_is_whole_where_it_fits(platform: ModuleType, paragraphs: list[str], limit: int) -> None:
    messages = platform.render("\n\n".join(paragraphs), limit)
    assert [part for message in messages for part in message.split("\n\n")] == paragraphs
    for message, following in pairwise(messages):
        assert len(message) + len("\n\n") + len(following.split("\n\n")[0]) > limit  # there was no room for it


@both
@given(text=st.lists(words, min_size=60, max_size=200), limit=limits)
@few
def test_emphasis_goes_on_in_the_next_message(platform: ModuleType, text: list[str], limit: int) -> None:
    mark = "**" if platform is discord else "*"
    messages = [visible(message) for message in platform.render(f"**{' '.join(text)}**", limit)]
    assert all(message.startswith(mark) and message.endswith(mark) for message in messages)
    assert " ".join(message.removeprefix(mark).removesuffix(mark) for message in messages) == " ".join(text)


@both
@given(lines=st.lists(sentences, min_size=5, max_size=40), limit=limits)
@few
def test_a_quote_stays_a_quote(platform: ModuleType, lines: list[str], limit: int) -> None:
    messages = platform.render("\n".join(f"> {line}" for line in lines), limit)
    assert all(line.startswith("> ") for message in messages for line in message.split("\n"))
    assert re.sub(r"\s*\n?> ", " ", "\n".join(messages)).split() == " ".join(lines).split()
