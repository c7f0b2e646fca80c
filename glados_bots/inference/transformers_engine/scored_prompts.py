"""Prompts whose scores are wanted, in the library's scheduler: each of their tokens is read, in bounded pieces.

The scores of a token come from the step that reads the token before it. So pages of earlier requests do not help, and
each token that is read takes a row of scores.
"""

from collections.abc import Callable, Sequence
from typing import Any

from glados_bots.inference.transformers_engine.sampling.scoring import MOST_AT_ONCE
from glados_bots.inference.transformers_engine.short_first import unread


def read_every_token(processor: Any, is_scored: Callable[[str], bool]) -> None:
    """Adapt the library's batch processor. Call this before its first request, and before `let_short_prompts_in`.

    Args:
        processor: the library's.
        is_scored: whether the request with this id wants the scores of its prompt.
    """
    cache, scheduler = processor.cache, processor.scheduler
    search = cache.search_prefix_match
    offer, take = scheduler._process_candidates, scheduler._schedule_request  # noqa: SLF001 - the library has no hooks

    def found(request_id: str, prompt: list[int]) -> int:
        return 0 if is_scored(request_id) else int(search(request_id, prompt))

    def offered(candidates: Sequence[Any], *others: Any) -> Any:
        return offer(_fitting(candidates, is_scored), *others)

    def taken(state: Any, tokens: list[int], budget: int, *others: Any) -> None:
        take(state, tokens, min(budget, MOST_AT_ONCE) if is_scored(state.request_id) else budget, *others)

    cache.search_prefix_match = found
    scheduler._process_candidates, scheduler._schedule_request = offered, taken  # noqa: SLF001


def _fitting(candidates: Sequence[Any], is_scored: Callable[[str], bool]) -> Sequence[Any]:
    """Those that a step may read: a piece of the first prompt that is scored, and others while they fit whole."""
    rows, fitting = 0, []
    for state in candidates:
        if is_scored(state.request_id):
            wanted = unread(state)
            if rows and rows + wanted > MOST_AT_ONCE:
                continue
            rows += wanted
        fitting.append(state)
    return fitting
