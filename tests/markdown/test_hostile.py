"""Answers made to hurt: endless paragraphs of markers, and nesting without end, cost little and lose nothing."""

import re
from types import ModuleType
from typing import Any

import pytest

from glados_bots.markdown import Document, Stream
from glados_bots.markdown.drawing.chat import ChatSink
from glados_bots.markdown.tree import Heading, List, Paragraph, Quote, Table
from glados_discord.answers import markdown as discord
from glados_discord.answers.markdown import DiscordDialect
from glados_slack.answers import markdown as slack
from glados_web.answers import markdown as web

PIECE = 8
UNITS = [
    "[",
    "[](",
    "**a ",
    "<",
    "~~a ",
    "`a``b ",
    "![[]()",
    "|",
    "https://e.org/a_b ",
    "$x ",
    "> ",
    "\\(x ",
    "- item\n",
    "a@b.c ",
    "a.a@b.c",
    "<b>x ",
    "<code>a",
    "http://a_",
    "a**b_c*",
    "# a\n",
    "[^1]",
]
DEPTHS = [31, 33, 100, 1_000]


def size(blocks: list[Any]) -> int:
    """Runs and blocks: what a renderer has to look at."""
    total = len(blocks)
    for block in blocks:
        if isinstance(block, Paragraph | Heading):
            total += len(block.runs) + sum(len(run.text) for run in block.runs) // 8
        elif isinstance(block, Quote):
            total += size(block.blocks)
        elif isinstance(block, List):
            total += sum(size(item.blocks) for item in block.items)
        elif isinstance(block, Table):
            total += sum(len(row) for row in block.rows)
    return total


class CountingSink(ChatSink[str, str]):
    """Discord's, counting what it is given."""

    work = 0

    def chunks(self, rest: Document, *, is_open: bool) -> tuple[int, list[str]]:
        CountingSink.work += size(rest.blocks)
        return super().chunks(rest, is_open=is_open)


def work_of(text: str) -> int:
    """What a stream of this text makes its renderer look at, the final rendering included."""
    CountingSink.work = 0
    stream = Stream(lambda: CountingSink(DiscordDialect(), discord.LIMIT))
    for place in range(0, len(text), PIECE):
        stream.feed(text[place : place + PIECE])
    assert stream.close().chunks == discord.render(text)
    return CountingSink.work


@pytest.mark.parametrize("unit", UNITS)
def test_an_endless_paragraph_costs_in_proportion_to_its_length(unit: str) -> None:
    small, large = (work_of((unit * count)[:count]) for count in (2_000, 8_000))
    assert large <= 12 * small, "four times the text costs four times as much, and some for its logarithm"
    assert large <= 45 * 8_000, "each character is looked at a bounded number of times"


@pytest.mark.parametrize("render", [discord.render, slack.render, slack.render_blocks, web.render])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(
    "form", ["> {}", "- {}", "1. {}", "> - {}", "*{}*", "**a {}**", "[{}](http://e.org)", "<b>{}</b>"]
)
def test_nesting_without_end_is_read_flat_and_keeps_its_content(render: Any, depth: int, form: str) -> None:
    opening, closing = form.split("{}")
    shown = str(render(opening * depth + "kernel" + closing * depth + "\n\nafter"))
    assert re.sub("[\u200b\u2060\ufeff]", "", shown).count("kernel") == 1
    assert "after" in shown


@pytest.mark.parametrize("render", [discord.render, slack.render, slack.render_blocks])
def test_a_table_of_cells_that_nobody_wrote_stays_short(render: Any) -> None:
    """A header of many columns over rows of one cell: the parser fills up each row."""
    shown = str(render("|name" * 300 + "|\n" + "|-" * 300 + "|\n" + "|word|\n" * 300))
    assert len(shown) < 300_000
    assert shown.count("word") == 300


@pytest.mark.parametrize("platform", [discord, slack, web])
@pytest.mark.parametrize("depth", [33, 100])
def test_a_deep_list_ends_as_its_stream_does(platform: ModuleType, depth: int) -> None:
    text = "".join("  " * level + f"- item{level}.\n" for level in range(depth)) + "\n\nafter"
    stream = platform.stream()
    for place in range(0, len(text), 50):
        stream.feed(text[place : place + 50])
    shown = "\n".join(stream.close().chunks)
    assert shown == "\n".join([platform.render(text)] if platform is web else platform.render(text))
    assert all(f"item{level}." in shown for level in range(depth))


LOOK_ALIKES = [
    "p\u0430ypal.com",  # a Cyrillic letter
    "\uff50\uff41\uff59\uff50\uff41\uff4c.com",  # full width
    "paypal\u3002com",  # an ideographic full stop
    "pay\u200bpal.com",
    "pay\u00adpal.com",
    "PAYPAL.COM",
    "www.paypal.com",
    "paypal.com/login",
    "https://paypal.com@x",
    "paypal&#46;com",
    "paypal\\.com",
    "pay**pal**.com",
]


@pytest.mark.parametrize("label", LOOK_ALIKES)
@pytest.mark.parametrize(
    "link", ["[{}](https://evil.example/x)", "[{}][r]\n\n[r]: https://evil.example/x", "![{}](https://evil.example/x)"]
)
def test_a_label_that_looks_like_a_host_is_followed_by_the_real_one(label: str, link: str) -> None:
    text = "See " + link.format(label)
    for shown in (*discord.render(text), *slack.render(text), web.render(text), str(slack.render_blocks(text))):
        assert "(evil.example)" in shown


@pytest.mark.parametrize(
    "label", ["e.g. this", "Node.js", "setup.py", "version 1.2", "evil.example", "docs.evil.example"]
)
def test_other_labels_are_left_alone(label: str) -> None:
    text = f"See [{label}](https://docs.evil.example/x)"
    for shown in (*discord.render(text), *slack.render(text), web.render(text), str(slack.render_blocks(text))):
        assert "(docs.evil.example)" not in shown
