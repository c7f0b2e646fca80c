"""Reasoning: apart from the answer however it is cut, shown as a quote when asked for, and never an empty answer."""

import pytest

from glados_bots.wire.events import Delta, Thought
from glados_bots.wire.reasoning import Piece, Quote, Reasoning

TEXT = "<think>\nOne.\n\nTwo </thin\n</think>\n\nThe *answer*\nis `<think>x</think>`."


def through(text: str, size: int, *, show: bool = False, begun: bool = False) -> str:
    """What people see of an answer that comes in pieces of this size."""
    return "".join(map(Quote(show=show).feed, pieces(text, size, begun=begun)))


def pieces(text: str, size: int, *, begun: bool = False) -> list[Piece]:
    reasoning = Reasoning(begun=begun)
    parts = [reasoning.feed(text[i : i + size]) for i in range(0, len(text), size)]
    return [piece for part in [*parts, reasoning.close()] for piece in part]


@pytest.mark.parametrize("size", range(1, 30))
def test_it_is_folded_away_however_it_is_cut_and_only_at_the_beginning(size: int) -> None:
    assert through(TEXT, size) == "The *answer*\nis `<think>x</think>`."
    assert through("  " + TEXT, size) == "The *answer*\nis `<think>x</think>`."


@pytest.mark.parametrize("size", range(1, 30))
def test_a_prompt_that_opened_it_is_known(size: int) -> None:
    assert through(TEXT.removeprefix("<think>"), size, begun=True) == "The *answer*\nis `<think>x</think>`."


@pytest.mark.parametrize("size", range(1, 30))
def test_it_is_shown_as_a_quote_when_asked_for(size: int) -> None:
    shown = through("<think>One.\n\nTwo</think>\n\nAnswer", size, show=True)
    assert shown == "> One.\n> \n> Two\n\nAnswer"


@pytest.mark.parametrize("size", range(1, 30))
def test_it_is_apart_from_the_answer_without_the_white_space_around_it(size: int) -> None:
    found = pieces("<think>\nOne.\n\nTwo\n</think>\n\nAnswer", size)
    assert "".join(piece.text for piece in found if isinstance(piece, Thought)) == "One.\n\nTwo"
    assert "".join(piece.text for piece in found if isinstance(piece, Delta)) == "Answer"
    assert [type(piece) for piece in found] == sorted((type(piece) for piece in found), key=[Thought, Delta].index)


@pytest.mark.parametrize("text", ["", "Hello", "<b>x</b>", "< think>", "  indented", "<thi", "a <think> b </think> c"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_an_answer_without_reasoning_is_not_changed(text: str, size: int) -> None:
    assert through(text, size) == text


def test_nothing_but_reasoning_is_said_to_be_so() -> None:
    for show, shown in ((False, ""), (True, "> for ever and ever")):
        reasoning = Reasoning()
        found = [*reasoning.feed("<think>for ever and"), *reasoning.feed(" ever"), *reasoning.close()]
        assert "".join(map(Quote(show=show).feed, found)) == shown
        assert reasoning.is_inside


def test_text_comes_as_soon_as_it_is_certain() -> None:
    reasoning = Reasoning()
    parts = [reasoning.feed(part) for part in ("<th", "ink>a", "</think>", "\n\nb", "c")]
    assert parts == [[], [Thought("a")], [], [Delta("b")], [Delta("c")]]
