"""What people see of an answer while it is written: it grows, and shows no source that will be something else."""

import re
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glados_discord.answers import markdown as discord
from glados_slack.answers import markdown as slack

both = pytest.mark.parametrize("platform", [discord, slack])
BLOCKS = [
    "# One",
    "Some text. More",
    "- one\n- two",
    "> quoted",
    "```py\nx = 1\n```",
    "1. one\n2. two",
    "---",
    "**b** c",
]


def seen(platform: ModuleType, text: str, size: int = 1) -> list[str]:
    """Everything that is shown of a text that comes in pieces; the last is the whole."""
    stream = platform.stream()
    shown = ["\n".join(stream.feed(text[place : place + size]).chunks) for place in range(0, len(text), size)]
    return [*shown, "\n".join(stream.close().chunks)]


def gaps(shown: str) -> list[int]:
    """How many line feeds stand between what is visible."""
    return [len(found) for found in re.findall(r"\n+", shown)]


@both
@given(blocks=st.lists(st.sampled_from(BLOCKS), min_size=2, max_size=6), size=st.sampled_from([1, 5, 24]))
@settings(max_examples=40, deadline=None)
def test_the_gap_between_blocks_is_the_same_from_the_first_word_on(
    platform: ModuleType, blocks: list[str], size: int
) -> None:
    *shown, whole = seen(platform, "\n\n".join(blocks), size)
    for text in shown:
        if text.count("```") % 4 == 0 and not text.endswith("```"):  # a block of code that is open has an end already
            found = gaps(text)
            assert found[:-1] == gaps(whole)[: len(found) - 1] if found else True


@both
@pytest.mark.parametrize(
    "text",
    [
        "This takes ~5 minutes at most",
        "see ~/.bashrc and then ~/bin for more",
        "~3 kg, ~4 kg and ~5 kg",
        "a ~ b and c",
        "- ~10 items\n- ~20 items",
        "2*3 is 6, and more",
    ],
)
def test_a_single_marker_that_means_itself_closes_nothing(platform: ModuleType, text: str) -> None:
    *shown, whole = seen(platform, text)
    for each in shown:
        assert whole.startswith(each.rstrip("\\-* \u200b\ufeff").removesuffix("~"))


@both
@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("So \\[\nx = y\n- 1\n\\] holds", ["\\[", "\\\\", "x ="]),
        ("So\n\n$$\nx^2\n$$\n\nholds", ["$", "^"]),
        ("The area \\(a^2\\) grows", ["(", "^"]),
        ("A root $\\alpha^2$ grows", ["$", "^", "alpha"]),
        ("> $$\n> x^2\n> $$", ["$", "^"]),
        ("<details>\n<summary\n class='x'\n>Sum</summary>\n\nInside", ["summary", "class", "<"]),
        ("Text <b\n title='x'>bold</b>", ["title", "<"]),
        ("See [the docs](https://example.org/a)", ["example.org/a) "]),
    ],
)
def test_no_source_flashes_of_what_comes_over_several_lines(platform: ModuleType, text: str, hidden: list[str]) -> None:
    *shown, whole = seen(platform, text)
    for mark in hidden:
        if mark not in whole:
            assert not [each for each in shown if mark in each]


@both
def test_what_is_no_formula_is_shown_in_time(platform: ModuleType) -> None:
    """A bracket that nothing closes holds an answer back for so long only."""
    for opening in ("\\[", "$$", "\\(", "[", "<a ", "$\\x"):
        *shown, _ = seen(platform, f"Before {opening} " + "and so on " * 300, 50)
        assert "and so on" in shown[-1]
