"""The paged scheduler: transformers' own continuous batching, with a paged cache and one forward pass for all requests.

The library schedules. We replace parts of it: the choice of tokens, what it evicts, its order of prompts, and its end
when a GPU is full.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import GenerationConfig
from transformers.generation import LogitsProcessorList
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList

from glados_bots.errors import EngineDeadError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.transformers_engine import after_forward, cache_spread, out_of_memory
from glados_bots.inference.transformers_engine.batching import HALF, CachePlan, batching, room_in
from glados_bots.inference.transformers_engine.cpu import runner as cpu
from glados_bots.inference.transformers_engine.multi_lora import LoraProcessors, MultiLora
from glados_bots.inference.transformers_engine.prefix_cache import count_found, evict_oldest_first, separate_prefixes
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.scheduler import Deliver, Output
from glados_bots.inference.transformers_engine.scored_prompts import read_every_token
from glados_bots.inference.transformers_engine.short_first import let_short_prompts_in

STOP_S = 10  # seconds that the library's thread gets to end its step

log = logging.getLogger(__name__)


class PagedScheduler:
    """See `Scheduler` for the contract.

    Args:
        model: a loaded model whose class the library serves exactly; see `model_files/support.py`.
        sampler: chooses the tokens.
        loras: the LoRAs beside the weights.
        options: what the engine may use of this machine.
        plan: the memory for keys and values.
        ends: tokens that end an answer.
        vocabulary: number of tokens that may be chosen.
    """

    def __init__(
        self,
        model: Any,
        sampler: Sampler,
        loras: MultiLora | None,
        options: EngineOptions,
        plan: CachePlan,
        *,
        ends: Iterable[int],
        vocabulary: int,
    ) -> None:
        cuda = torch.cuda.is_available()
        self._itemsize = model.dtype.itemsize
        self._found: dict[str, int] = {}
        self._running: set[str] = set()
        # 1. The library's scheduler and cache, which must survive a full GPU
        self._manager: Any = model.init_continuous_batching(
            GenerationConfig(do_sample=False, eos_token_id=sorted(ends) or None, pad_token_id=0),
            batching(options, plan, cuda=cuda),
        )
        out_of_memory.survive(self._manager, sampler.rewind)
        # 2. Our sampler as its logits processor
        kind = LoraProcessors if loras else ContinuousBatchingLogitsProcessorList
        processors = kind(LogitsProcessorList([sampler]))
        processors.tensors_required = 1 + (loras is not None)
        self._manager.logit_processor = processors
        self._manager.batch_processor = self._manager._create_batch_processor()  # noqa: SLF001 - before graphs are captured
        # 3. The library's cache and order of requests, adapted to many callers
        processor = self._manager.batch_processor
        if options.multi_gpu:
            cache_spread.spread(model, processor.cache)
        separate_prefixes(processor.cache, vocabulary)
        count_found(processor.cache, self._found)
        evict_oldest_first(processor)
        read_every_token(processor, sampler.scores_prompt)
        out_of_memory.rewind_starved(processor, sampler.rewind)
        let_short_prompts_in(processor.scheduler, in_pieces=not cuda)
        # 4. Tokens are chosen after the forward pass, which is captured as CUDA graphs on a GPU
        after_forward.install(processor, sampler, vocabulary)
        self._manager.warmup()
        # 5. On a CPU, `cpu/step.cpp` computes if it can; other settings than these ask for exact weights
        if not cuda and options.quantize == "auto" and options.dtype == "bfloat16":
            reason = cpu.attach(self._manager, model, options.data_dir, plan.window, sampler, loras=loras)
            log.info(
                "computing with %s", f"transformers' own modules: {reason}" if reason else "8-bit weights, step.cpp"
            )

    def start(self) -> None:
        self._manager.start()

    def stop(self) -> None:
        self._manager.stop(timeout=STOP_S, hard_stop=True)

    def add(self, request_id: str, prompt: Sequence[int], limit: int, deliver: Deliver) -> None:
        def delivered(output: Any) -> None:
            if output.is_finished() or output.error is not None:
                self._running.discard(request_id)
            deliver(Output(output.generated_tokens, output.is_finished(), output.error))

        self._running.add(request_id)
        self._manager.register_result_handler(request_id, delivered)
        self._manager.add_request(list(prompt), request_id, max_new_tokens=limit, streaming=True)

    def remove(self, request_id: str) -> None:
        if request_id in self._running:
            self._running.discard(request_id)
            self._manager.cancel_request(request_id)
        self._manager.output_router.result_handlers.pop(request_id, None)
        self._found.pop(request_id, None)

    def cached(self, request_id: str) -> int:
        return self._found.get(request_id, 0)

    @contextmanager
    def paused(self) -> Iterator[None]:
        try:
            with self._manager.pause():
                yield
        except RuntimeError as error:
            if self.fatal is None:
                raise
            raise EngineDeadError(self.fatal) from error

    @property
    def fatal(self) -> str | None:
        error = self._manager.background_thread_status.fatal_error
        if error is not None:
            return f"the generation thread failed: {error}"
        return None if self._manager.is_running() else "the generation thread has ended"

    @property
    def room(self) -> float:
        return float(room_in(self._manager.batch_processor.cache) * HALF / self._itemsize)

    @property
    def pages(self) -> tuple[int, int]:
        cache = self._manager.batch_processor.cache
        total = int(cache.num_blocks)
        return round(total * (1 - cache.compute_free_capacity())), total
