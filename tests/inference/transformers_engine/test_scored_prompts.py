"""Prompts whose scores are wanted: a step has a bounded number of their tokens, and no page of them is found."""

from types import SimpleNamespace
from typing import Any

import pytest
from transformers.generation.continuous_batching.requests import RequestStatus

from glados_bots.inference.transformers_engine.sampling.scoring import MOST_AT_ONCE
from glados_bots.inference.transformers_engine.scored_prompts import read_every_token

STEP = 8_192  # tokens
SCORED = "scored"


class Library:
    """The parts of the library's batch processor that are adapted. Each request is read as far as the step allows."""

    def __init__(self) -> None:
        self.cache = SimpleNamespace(search_prefix_match=lambda *_: 64)
        self.scheduler = SimpleNamespace(_process_candidates=self._offer, _schedule_request=self._take)
        self.read: dict[str, int] = {}
        read_every_token(self, lambda request_id: request_id.startswith(SCORED))

    def _offer(self, candidates: list[Any], tokens: int) -> None:
        for state in candidates:
            self.scheduler._schedule_request(state, state.remaining_prefill_tokens, tokens, set())
            tokens -= self.read[state.request_id]

    def _take(self, state: Any, tokens: list[int], budget: int, _: set[str]) -> None:
        self.read[state.request_id] = min(len(tokens), budget)


def prompt(name: str, tokens: int) -> Any:
    return SimpleNamespace(request_id=name, status=RequestStatus.PREFILLING, remaining_prefill_tokens=[0] * tokens)


@pytest.mark.parametrize(
    ("prompts", "read"),
    [
        ({"a": 3_000, "b": 500}, {"a": 3_000, "b": 500}),
        ({"scored": 3_000}, {"scored": MOST_AT_ONCE}),
        ({"scored": 3_000, "a": 3_000}, {"scored": MOST_AT_ONCE, "a": 3_000}),
        ({"a": 20, "scored a": 100, "scored b": 3_000, "scored c": 150}, {"a": 20, "scored a": 100, "scored c": 150}),
        ({"scored a": 300, "scored b": 1, "a": 20}, {"scored a": MOST_AT_ONCE, "a": 20}),
    ],
    ids=["none scored", "a long one", "beside another", "what fits whole", "a long one first"],
)
def test_a_step_has_a_bounded_number_of_scores(prompts: dict[str, int], read: dict[str, int]) -> None:
    library = Library()
    library.scheduler._process_candidates([prompt(*one) for one in prompts.items()], STEP)
    assert library.read == read


def test_only_prompts_that_are_not_scored_find_pages() -> None:
    search = Library().cache.search_prefix_match
    assert (search("a", [1] * 99), search("scored", [1] * 99)) == (64, 0)
