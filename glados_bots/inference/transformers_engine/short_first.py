"""Decides which prompts a step reads, and how much of them. The library alone fills a step with the oldest prompt.

Each running answer gets one token per step, so answers wait while a step reads prompts. On a CPU, a token of a prompt
costs about a fifth of a step that only answers. So a step there reads a piece of the prompts that takes about as long
as its answers. Every other step reads the shortest prompt first, so that a short question does not wait for a long one.
The other steps read the oldest prompt first, so that a stream of short questions cannot delay a long one for ever.
"""

from collections.abc import Sequence
from typing import Any

from transformers.generation.continuous_batching.requests import RequestStatus

ALONE = 96  # tokens of prompts per step while nobody is being answered; the next question waits for one step
QUICK = 64  # tokens of a prompt that a step reads whole
BESIDE = 8  # tokens of prompts beside one answer; each further answer allows one more


def piece(answering: int, first: int) -> int:
    """The most tokens of prompts that a step on a CPU reads.

    Args:
        answering: number of answers under way.
        first: tokens left of the prompt that is read first.
    """
    if not answering:
        return ALONE
    beside = BESIDE + answering
    return max(first, beside) if first <= QUICK else beside


def let_short_prompts_in(scheduler: Any, *, in_pieces: bool) -> None:
    """Change how the library's scheduler fills a step. Call this before the first request.

    Args:
        scheduler: the library's.
        in_pieces: whether `piece` bounds the prompts of a step; else they fill it.
    """
    offer = scheduler._process_candidates  # noqa: SLF001 - the library has no hook for its order
    step = 0

    def offered(candidates: Sequence[Any], tokens: int, *others: Any) -> Any:
        nonlocal step
        step += 1
        ordered = sorted(candidates, key=unread) if step % 2 else candidates
        lengths = [length for length in map(unread, ordered) if length]
        if in_pieces and lengths:
            answering = len(ordered) - len(lengths)
            tokens = min(tokens, answering + piece(answering, lengths[0]))
        return offer(ordered, tokens, *others)

    scheduler._process_candidates = offered  # noqa: SLF001


def unread(state: Any) -> int:
    """Number of its prompt's tokens that are not read yet; 0 while the request answers."""
    return 0 if state.status == RequestStatus.DECODING else len(state.remaining_prefill_tokens)
