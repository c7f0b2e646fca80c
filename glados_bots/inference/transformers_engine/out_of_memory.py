"""Running out of GPU memory ends one answer at most, never the service.

The library treats torch.OutOfMemoryError like any error of a step: its thread ends, and with it all answers. Here the
requests at work are put back to wait with their tokens so far (the library's own soft reset), and steps become smaller:
what a step needs beside the cache grows with its tokens. A request that was put back already and meets it again may
fail: the longest one does, the others go on.
"""

import gc
import logging
from typing import Any

import torch
from transformers.generation.continuous_batching.requests import RequestStatus

log = logging.getLogger(__name__)

EXPLANATION = "the GPU's memory did not suffice for this answer; ask a shorter question, or start a new conversation"


def survive(manager: Any) -> None:
    """Let the manager's generation loop outlive torch.OutOfMemoryError. Call it before the loop starts."""
    body = manager._generation_loop_body  # noqa: SLF001 - the library has no hook for a failed step
    put_back: set[str] = set()

    def guarded(processor: Any, *, bootstrapping: bool) -> bool:
        try:
            return bool(body(processor, bootstrapping=bootstrapping))
        except torch.OutOfMemoryError as error:
            error.__traceback__ = None  # it holds the tensors of the failed step
        _recover(processor, put_back)
        return True

    manager._generation_loop_body = guarded  # noqa: SLF001


def _recover(processor: Any, put_back: set[str]) -> None:
    """In the generation thread: free what the step held, put all at work back, fail one when that is no news."""
    gc.collect()
    processor.inputs_and_outputs.reset()  # waits for the device, and forgets the step
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    states = list(processor.scheduler.active_requests.values())
    put_back &= {state.request_id for state in states}
    failed = None
    if states and len(put_back) == len(states):
        failed = max(states, key=lambda state: len(state.initial_tokens) + len(state.generated_tokens))
        processor._handle_request_error(torch.OutOfMemoryError(EXPLANATION), failed)  # noqa: SLF001 - its own way to fail one
        processor.scheduler.finish_request(failed.request_id)
    else:
        least = processor.cb_config.max_requests_per_batch
        processor.max_batch_tokens = max(least, processor.max_batch_tokens // 2)
    for state in states:
        if state is not failed:
            put_back.add(state.request_id)
            _put_back(processor.scheduler, state)
    log.error(
        "out of memory: %d requests begin their step again, %d failed, steps have %d tokens at most from now on; "
        "`glados models plan` says what fits",
        len(states) - (failed is not None), failed is not None, processor.max_batch_tokens,
    )  # fmt: skip


def _put_back(scheduler: Any, state: Any) -> None:
    """The library's soft reset: a new request of the same id whose prompt is all tokens so far."""
    again = state.create_equivalent_initial_request()
    state._status = RequestStatus.FINISHED  # noqa: SLF001 - as the library does it: no bookkeeping of an end
    scheduler.finish_request(state.request_id)
    scheduler.add_waiting_request(again)
