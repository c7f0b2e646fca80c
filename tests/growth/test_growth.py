"""Nothing takes longer than in proportion to a text's length: four times the text, four times the work.

Work is the processor's time of this thread. What else runs on the machine can only add to it, so each figure is the
least of several, and the bound leaves room for what is nearly linear. Work that grows with the square is four times as
dear for each character after each step. Of streams, `markdown/test_hostile.py` counts what they draw.
"""

import gc
import time
from collections.abc import Callable, Iterator

import pytest

from tests.growth.takers import OTHERS, RENDERERS, Take
from tests.growth.texts import texts

STEP, STEPS = 4, 2
DEARER = 2.2  # how much more a character may cost after a step
FLOOR_S = 0.001  # less says more of the clock than of the work
TRIES = 6


def work_s(take: Take, text: str) -> float:
    """Seconds of the processor."""
    begin = time.thread_time()
    take(text)
    return time.thread_time() - begin


def grows(take: Take, texts_by_length: list[str]) -> bool:
    """Whether work grows faster than the text; stops at the first step at which it does, before it takes for ever."""
    least = [float("inf")] * len(texts_by_length)
    for _ in range(TRIES):
        for index, text in enumerate(texts_by_length):
            least[index] = min(least[index], max(FLOOR_S, work_s(take, text)))
            if index and least[index] > least[index - 1] * STEP * DEARER:
                break
        else:
            return False
    return True


@pytest.fixture(autouse=True)
def _without_collector() -> Iterator[None]:
    """The garbage of other tests is not this work."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def dear(take: Take, texts_by_name: dict[str, Callable[[int], str]], small: int) -> list[str]:
    """Names of the texts over which work grows too fast."""
    sizes = [small * STEP**step for step in range(STEPS + 1)]
    return [name for name, make in texts_by_name.items() if grows(take, [make(size) for size in sizes])]


@pytest.mark.parametrize("name", RENDERERS)
def test_rendering_costs_in_proportion_to_the_text(name: str) -> None:
    assert not dear(RENDERERS[name], texts(), 250)


@pytest.mark.parametrize("name", OTHERS)
def test_reading_costs_in_proportion_to_the_text(name: str) -> None:
    assert not dear(OTHERS[name], texts(), 1_000)
