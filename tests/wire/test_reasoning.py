"""Reasoning: folded away however it is cut, shown as a quote when asked for, and never an empty answer."""

import pytest

from glados_bots.wire.reasoning import Reasoning

TEXT = "<think>\nOne.\n\nTwo </thin\n</think>\n\nThe *answer*\nis `<think>x</think>`."


def through(text: str, size: int, *, show: bool = False, begun: bool = False) -> str:
    reasoning = Reasoning(show=show, begun=begun)
    parts = [reasoning.feed(text[i : i + size]) for i in range(0, len(text), size)]
    return "".join(parts) + reasoning.close()


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


@pytest.mark.parametrize("text", ["", "Hello", "<b>x</b>", "< think>", "  indented", "<thi", "a <think> b </think> c"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_an_answer_without_reasoning_is_not_changed(text: str, size: int) -> None:
    assert through(text, size) == text


def test_nothing_but_reasoning_is_said_to_be_so() -> None:
    for show, shown in ((False, ""), (True, "> for ever and ever")):
        reasoning = Reasoning(show=show)
        text = reasoning.feed("<think>for ever and") + reasoning.feed(" ever") + reasoning.close()
        assert text == shown
        assert reasoning.is_inside


def test_text_comes_as_soon_as_it_is_certain() -> None:
    reasoning = Reasoning()
    assert [reasoning.feed(part) for part in ("<th", "ink>a", "</think>", "\n\nb", "c")] == ["", "", "", "b", "c"]
