"""Limits the damage when the GPU runs out of memory: it ends at most one answer, never the service.

The library treats torch.OutOfMemoryError like any error of a step: its thread ends, and all answers with it. Here, the
active requests go back to the queue with their tokens so far (the library's own soft reset), and steps become smaller,
because a step's memory beside the cache grows with its tokens. If all active requests were put back before, the longest
one fails and the others continue.

Where the cache has too few pages, the library itself puts requests back, and drops the step that is under way.
"""

import gc
import logging
from collections.abc import Callable
from typing import Any

import torch
from transformers.generation.continuous_batching.requests import RequestStatus

log = logging.getLogger(__name__)

EXPLANATION = "the GPU has too little memory for this answer; ask a shorter question, or start a new conversation"


def survive(manager: Any, rewind: Callable[[str, int], None]) -> None:
    """Make the manager's generation loop survive torch.OutOfMemoryError. Call this before the loop starts.

    Args:
        manager: the library's.
        rewind: gets the id of each request that was put back, and its tokens, prompt included.
    """
    body = manager._generation_loop_body  # noqa: SLF001 - the library has no hook for a failed step
    put_back: set[str] = set()

    def guarded(processor: Any, *, bootstrapping: bool) -> bool:
        try:
            return bool(body(processor, bootstrapping=bootstrapping))
        except torch.OutOfMemoryError as error:
            error.__traceback__ = None  # it holds the tensors of the failed step
        for state in _recover(processor, put_back):
            rewind(state.request_id, len(state.initial_tokens) + len(state.generated_tokens))
        return True

    manager._generation_loop_body = guarded  # noqa: SLF001


def rewind_starved(processor: Any, rewind: Callable[[str, int], None]) -> None:
    """Tell which tokens remain of each request whose pages the library takes. Call this before its first request.

    With async batching, the sampler has chosen a token of the step under way, which the library then drops.

    Args:
        processor: the library's batch processor.
        rewind: see `survive`.
    """
    offload, scheduler = processor.offloading_manager.offload_requests, processor.scheduler

    def told() -> bool:
        before = list(scheduler.active_requests.values())
        done = bool(offload())
        for state in before:
            if state.request_id not in scheduler.active_requests:
                rewind(state.request_id, len(state.initial_tokens) + len(state.generated_tokens))
        return done

    processor.offloading_manager.offload_requests = told


def _recover(processor: Any, put_back: set[str]) -> list[Any]:
    """In the generation thread: free the step's memory and put all requests back, but fail one if all were before.

    Returns:
        The states of those that were put back.
    """
    gc.collect()
    processor.inputs_and_outputs.reset()  # waits for the device, and forgets the step
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    states = list(processor.scheduler.active_requests.values())
    put_back &= {state.request_id for state in states}
    failed = None
    if states and len(put_back) == len(states):
        failed = max(states, key=lambda state: len(state.initial_tokens) + len(state.generated_tokens))
        processor._handle_request_error(torch.OutOfMemoryError(EXPLANATION), failed)  # noqa: SLF001 - the library's way to fail one
        processor.scheduler.finish_request(failed.request_id)
    else:
        least = processor.cb_config.max_requests_per_batch
        processor.max_batch_tokens = max(least, processor.max_batch_tokens // 2)
    for state in states:
        if state is not failed:
            put_back.add(state.request_id)
            _put_back(processor.scheduler, state)
    log.error(
        "out of GPU memory: %d requests repeat their step, %d failed; from now on, a step has at most %d tokens; "
        "run `glados models plan` to see what fits",
        len(states) - (failed is not None), failed is not None, processor.max_batch_tokens,
    )  # fmt: skip
    return [state for state in states if state is not failed]


def _put_back(scheduler: Any, state: Any) -> None:
    """Do the library's soft reset: queue a new request with the same id, whose prompt holds all tokens so far."""
    again = state.create_equivalent_initial_request()
    state._status = RequestStatus.FINISHED  # noqa: SLF001 - like the library: without the bookkeeping of an end
    scheduler.finish_request(state.request_id)
    scheduler.add_waiting_request(again)
