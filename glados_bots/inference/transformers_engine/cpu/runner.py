"""Puts step.cpp under the library's continuous batching. It replaces the library's input tensors and forward pass.

The library still schedules requests, assigns cache pages, shares prefixes and delivers tokens. For each step it tells
this runner which requests take part, and the runner tells the compiled step where their tokens and pages are.
"""

import ctypes
from array import array
from collections.abc import Sequence
from ctypes import c_int32, c_int64, c_void_p
from pathlib import Path
from typing import Any

import torch

from glados_bots.inference.transformers_engine.cpu.build import NoCompilerError, library
from glados_bots.inference.transformers_engine.cpu.loras import StepLoras
from glados_bots.inference.transformers_engine.cpu.memory import ask_for_huge_pages
from glados_bots.inference.transformers_engine.cpu.packing import PackedModel, why_not
from glados_bots.inference.transformers_engine.multi_lora import MultiLora, slot_of
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.sampling.wanted import Wanted

PAGE = 32  # tokens, as in attention.h; the library's 256 is two to four times slower on a CPU


class Batch(ctypes.Structure):
    """See model.h."""

    _fields_ = (
        ("requests", c_int32),
        *((name, c_void_p) for name in ("tokens", "counts", "past", "pages", "first_page", "wanted", "cache")),
        ("block_bytes", c_int64),
        ("scores", c_void_p),
        ("slots", c_void_p),
        ("loras", c_void_p),
        ("most_rank", c_int32),
    )


class Runner:
    """Runs one step after another. Replaces the library's `inputs_and_outputs` and its `_generation_step`.

    Args:
        step: the function of the compiled library.
        packed: the weights.
        cache: the library's cache, with pages of PAGE tokens and full attention in every layer.
        vocabulary: number of tokens that may be chosen.
        sampler: chooses each request's next token, and keeps the scores of prompts.
        loras: the LoRAs, if there are or will be any.
    """

    compute_stream = None  # there is no other device

    def __init__(
        self,
        step: Any,
        packed: PackedModel,
        cache: Any,
        vocabulary: int,
        sampler: Sampler,
        *,
        loras: StepLoras | None = None,
    ) -> None:
        self._step = step
        self._loras = loras
        self._packed = packed
        self._vocabulary = vocabulary
        self._sampler = sampler
        (self._allocator,) = cache.cache_allocators.values()
        self._cache = cache.cache_tensor
        self._requests: Sequence[Any] = []
        self._tokens: list[int] = []

    def reset(self) -> None:
        self._requests, self._tokens = [], []

    def prepare_batch_tensors(self, requests_in_batch: Sequence[Any], **_: Any) -> None:
        self._requests = requests_in_batch

    def prepare_batch_update(self) -> tuple[Sequence[Any], list[int], None]:
        """(requests of the step, tokens chosen for those that need one, None instead of probabilities)."""
        return self._requests, self._tokens, None

    def run(self, _: Any) -> None:
        """Compute the step: write keys and values to the pages, and choose a token for each complete prompt."""
        requests = self._requests
        states = [request.state for request in requests]
        wanting = [request.state for request in requests if request.has_new_token]
        wanted = Wanted(requests, self._sampler)
        scores = torch.empty(sum(wanted.counts), self._packed.vocabulary)
        tables = [self._allocator.block_table[state.request_id] for state in states]
        ends = [0]
        for table in tables:
            ends.append(ends[-1] + len(table))
        arrays = {
            "tokens": array("i", [token for state in states for token in state.tokens_to_process]),
            "counts": array("i", [request.query_length for request in requests]),
            "past": array("i", [state.position_offset for state in states]),
            "pages": array("i", [block for table in tables for block in table]),
            "first_page": array("i", ends),
            "wanted": array("i", wanted.counts),
            "slots": array("i", [slot_of(state.request_id) for state in states] if self._loras else []),
        }
        batch = Batch(
            requests=len(requests),
            cache=self._cache.data_ptr(),
            block_bytes=self._allocator.bytes_per_block,
            scores=scores.data_ptr(),
            **{name: values.buffer_info()[0] for name, values in arrays.items()},
        )
        if self._loras and any(arrays["slots"]):
            batch.loras, batch.most_rank = ctypes.addressof(self._loras.table), self._loras.most_rank
        self._step(ctypes.byref(self._packed.model), ctypes.byref(batch))
        for request in requests:
            request.state.position_offset += request.query_length
        scores = wanted.chosen_from(scores[:, : self._vocabulary])
        self._tokens = self._sampler.choose_all(wanting, scores) if wanting else []


def attach(
    manager: Any, model: Any, data_dir: Path, positions: int, sampler: Sampler, *, loras: MultiLora | None = None
) -> str | None:
    """Make a manager that has not started compute with step.cpp.

    Args:
        manager: the library's manager, which has its batch processor already.
        model: loaded in bfloat16 on the CPU. The memory of its linear layers is freed.
        data_dir: folder of the compiled step.
        positions: longest sequence in tokens.
        sampler: see `Runner`.
        loras: the LoRAs beside the weights. The step computes with copies of them.

    Returns:
        None, or the reason why nothing was changed.
    """
    processor = manager.batch_processor
    reason = why_not(model)
    if reason is None and list(processor.cache.cache_allocators) != ["full_attention"]:
        reason = "not all its layers see the whole text"
    if reason:
        return reason
    try:
        step = library(data_dir).glados_step
    except NoCompilerError as error:
        return str(error)
    ask_for_huge_pages(processor.cache.cache_tensor)
    with torch.no_grad():
        packed = PackedModel(model, positions)
    copies = StepLoras(model, packed.layers, packed.model.head, loras.capacity) if loras else None
    if loras and copies:
        loras.follow(copies.write)
    runner = Runner(step, packed, processor.cache, model.config.vocab_size, sampler, loras=copies)
    processor.inputs_and_outputs = runner
    processor._generation_step = runner.run  # noqa: SLF001 - the library has no hook for another forward pass
    return None
