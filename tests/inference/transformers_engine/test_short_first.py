"""In which order prompts are offered places in a step: short ones are not held up, nor is a long one for ever."""

from types import SimpleNamespace
from typing import Any

from transformers.generation.continuous_batching.requests import RequestStatus

from glados_bots.inference.transformers_engine.short_first import let_short_prompts_in


def prompt(name: str, tokens: int) -> Any:
    return SimpleNamespace(name=name, status=RequestStatus.PREFILLING, remaining_prefill_tokens=[0] * tokens)


def test_every_other_step_is_the_shortest_prompts_and_answers_under_way_come_first_in_all() -> None:
    offered: list[list[str]] = []
    scheduler = SimpleNamespace(_process_candidates=lambda states, *_: offered.append([each.name for each in states]))
    let_short_prompts_in(scheduler)
    answers = SimpleNamespace(name="answer", status=RequestStatus.DECODING, remaining_prefill_tokens=[])
    states = [answers, prompt("long", 3000), prompt("short", 20), prompt("middle", 200)]
    for _ in range(3):
        scheduler._process_candidates(states, 256, 10_000, set())
    by_length, by_arrival = ["answer", "short", "middle", "long"], ["answer", "long", "short", "middle"]
    assert offered == [by_length, by_arrival, by_length]
