"""Decides whose prompt is read first in a step. The library alone reads the prompt that began first, to its end.

Each running answer still gets one token per step. The rest of the step goes to prompts. Every other step reads the
shortest prompt first, so that a short question does not wait for a long one. The other steps read the oldest prompt
first, so that a stream of short questions cannot delay a long one for ever.
"""

from typing import Any

from transformers.generation.continuous_batching.requests import RequestStatus


def let_short_prompts_in(scheduler: Any) -> None:
    """Change the order in which the library's scheduler fills a step. Call this before the first request."""
    offer = scheduler._process_candidates  # noqa: SLF001 - the library has no hook for its order
    step = 0

    def offered(candidates: list[Any], *budgets: Any) -> Any:
        nonlocal step
        step += 1
        return offer(sorted(candidates, key=_length) if step % 2 else candidates, *budgets)

    scheduler._process_candidates = offered  # noqa: SLF001


def _length(state: Any) -> int:
    """Number of prompt tokens that are not read yet; 0 while the request answers."""
    return 0 if state.status == RequestStatus.DECODING else len(state.remaining_prefill_tokens)
