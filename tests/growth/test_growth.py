"""Nothing takes longer than in proportion to a text's length: four times the text, four times the work.

Work is the processor's time of this thread. What else runs on the machine can only add to it, so each figure is the
least of several, and the bound leaves room for what is nearly linear. Work that grows with the square is four times as
dear for each character after each step.
"""

import gc
import time
from collections.abc import Iterator

import pytest

from tests.growth.takers import OTHERS, RENDERERS, Take
from tests.growth.texts import texts

STEP, STEPS = 4, 2
SMALL_RENDERED, SMALL = 250, 1_000  # characters of the shortest text
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


@pytest.mark.parametrize("name", [*RENDERERS, *OTHERS])
def test_work_is_in_proportion_to_the_text(name: str) -> None:
    take, small = (RENDERERS[name], SMALL_RENDERED) if name in RENDERERS else (OTHERS[name], SMALL)
    sizes = [small * STEP**step for step in range(STEPS + 1)]
    dear = [text for text, make in texts().items() if grows(take, [make(size) for size in sizes])]
    assert not dear, f"{name}: work grows faster than texts of {', '.join(dear)}"
