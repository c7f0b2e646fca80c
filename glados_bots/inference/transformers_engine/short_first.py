"""Who reads their prompt first in a step. The library fills each step with the prompt that began first, to its end.

Answers under way keep their token of every step, as the library has it. What is left of the step goes to prompts: in
every other step to the shortest first, so that a short question does not wait until a long one is read; in the others
to the first that came, so that no stream of short ones holds up a long one for ever.
"""

from typing import Any

from transformers.generation.continuous_batching.requests import RequestStatus


def let_short_prompts_in(scheduler: Any) -> None:
    """Change the order in which the library's scheduler offers places in a step. Call it before the first request."""
    offer = scheduler._process_candidates  # noqa: SLF001 - the library has no hook for its order
    step = 0

    def offered(candidates: list[Any], *budgets: Any) -> Any:
        nonlocal step
        step += 1
        return offer(sorted(candidates, key=_length) if step % 2 else candidates, *budgets)

    scheduler._process_candidates = offered  # noqa: SLF001


def _length(state: Any) -> int:
    """Tokens of the prompt that are not read yet; none while it answers."""
    return 0 if state.status == RequestStatus.DECODING else len(state.remaining_prefill_tokens)
