"""What a step reads: short prompts are not held up, a long one not for ever, and running answers not by either."""

from types import SimpleNamespace
from typing import Any

import pytest
from transformers.generation.continuous_batching.requests import RequestStatus

from glados_bots.inference.transformers_engine.short_first import ALONE, BESIDE, QUICK, let_short_prompts_in

ANSWER = SimpleNamespace(name="answer", status=RequestStatus.DECODING, remaining_prefill_tokens=[])
STEP = 256  # tokens


def prompt(name: str, tokens: int) -> Any:
    return SimpleNamespace(name=name, status=RequestStatus.PREFILLING, remaining_prefill_tokens=[0] * tokens)


def steps(states: list[Any], count: int, *, in_pieces: bool) -> list[tuple[list[str], int]]:
    """For each step, the names in the order of the offer, and the tokens of the step."""
    offered: list[tuple[list[str], int]] = []
    scheduler = SimpleNamespace(
        _process_candidates=lambda states, tokens, *_: offered.append(([each.name for each in states], tokens))
    )
    let_short_prompts_in(scheduler, in_pieces=in_pieces)
    for _ in range(count):
        scheduler._process_candidates(states, STEP, 10_000, set())
    return offered


def test_every_other_step_is_the_shortest_prompts_and_answers_under_way_come_first_in_all() -> None:
    states = [ANSWER, prompt("long", 3000), prompt("short", 20), prompt("middle", 200)]
    by_length, by_arrival = ["answer", "short", "middle", "long"], ["answer", "long", "short", "middle"]
    assert steps(states, 3, in_pieces=False) == [(by_length, STEP), (by_arrival, STEP), (by_length, STEP)]


@pytest.mark.parametrize(
    ("states", "tokens"),
    [
        ([prompt("long", 3000)], [ALONE, ALONE]),
        ([ANSWER], [STEP, STEP]),
        ([ANSWER, prompt("long", 3000)], [1 + BESIDE + 1] * 2),
        ([ANSWER, ANSWER, ANSWER, prompt("long", 3000)], [3 + BESIDE + 3] * 2),
        ([ANSWER, prompt("long", 3000), prompt("short", QUICK)], [1 + QUICK, 1 + BESIDE + 1]),
        ([ANSWER, prompt("long", 3000), prompt("tiny", 3)], [1 + BESIDE + 1] * 2),
        ([ANSWER, prompt("long", 3000), prompt("not quick", QUICK + 1)], [1 + BESIDE + 1] * 2),
    ],
    ids=["alone", "answers only", "beside one", "beside three", "a quick one", "a tiny one", "none is quick"],
)
def test_a_cpu_reads_pieces_that_answers_can_wait_for(states: list[Any], tokens: list[int]) -> None:
    assert [found for _, found in steps(states, 2, in_pieces=True)] == tokens
