"""The engine on transformers' own continuous batching: paged cache, shared prefixes, one forward pass for all requests.

We have no scheduler of our own. Requests are tokenised in a thread, wait in our `WaitingLine`, run in the library's
generation thread, and return to the event loop token by token.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import torch
from transformers import GenerationConfig
from transformers.generation import LogitsProcessorList
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineDeadError, GenerationFailedError, first_line
from glados_bots.inference.card_engine import CardEngine, chosen
from glados_bots.inference.decoding.answer import Tokens
from glados_bots.inference.engine import EngineOptions, EngineStats
from glados_bots.inference.model_files import unservable, weights
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.prompts.encoding import Encoder
from glados_bots.inference.transformers_engine import after_forward, cache_spread, out_of_memory, trial
from glados_bots.inference.transformers_engine.batching import batching
from glados_bots.inference.transformers_engine.cpu import runner as cpu
from glados_bots.inference.transformers_engine.loading import load_model
from glados_bots.inference.transformers_engine.multi_lora import BASE, LoraProcessors, MultiLora, tag
from glados_bots.inference.transformers_engine.prefix_cache import (
    DOMAIN,
    count_found,
    evict_oldest_first,
    separate_prefixes,
)
from glados_bots.inference.transformers_engine.sampler import RowSettings, Sampler
from glados_bots.inference.transformers_engine.short_first import let_short_prompts_in
from glados_bots.inference.transformers_engine.trial import Trial
from glados_bots.wire.events import FinishReason, Sampling

FAILED = "this answer failed inside the model; the log of the service says why"

log = logging.getLogger(__name__)


class TransformersEngine(CardEngine):
    """One model, loaded by transformers. See `Engine` for the contract."""

    def __init__(self, card: Card, options: EngineOptions) -> None:
        super().__init__(card, options)
        self._names = {card.name: BASE}  # every model name and the slot of its LoRA
        self._loras: MultiLora | None = None
        self._model: Any = None
        self._manager: Any = None
        self._trial: Trial | None = None  # only for a model class that nobody has tested
        self._sampler = Sampler(self._fail)
        self._outputs: dict[str, asyncio.Queue[Any]] = {}
        self._cached: dict[str, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False

    async def start(self) -> None:
        """Load the weights, start the generation thread, and answer one short question as a warm-up."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._load)
            self._manager.start()
            await self._warm_up()
        except BaseException as error:
            await self.stop()  # the generation thread would keep the process alive
            if isinstance(error, ConfigError) or not isinstance(error, Exception):
                raise
            raise ConfigError(unservable.cannot_be_served(self._card, first_line(error))) from error

    async def _warm_up(self) -> None:
        """Answer one question with a system text, as the bots send it. A model that fails here would always fail."""
        messages = [Message("system", "Be brief."), Message("user", "Hi")]
        async with aclosing(
            self.generate(self.models[0], messages, Sampling(max_tokens=2, reasoning_tokens=0))
        ) as events:
            async for _ in events:
                pass
        if self._trial is not None and not self._trial.passed(await self._trial.ask(self._manager, self._sampler)):
            raise RuntimeError(f"its answers differ from those of {type(self._model).__name__} without batching")

    async def stop(self) -> None:
        """Fail all running requests and end the generation thread."""
        self._stopping = True
        if self._manager is not None:
            await asyncio.to_thread(self._manager.stop, timeout=10, hard_stop=True)

    def _load(self) -> None:
        # 1. Files: check the config before fetching the large ones
        unservable.refuse_by_hub(self._card, self._options.hf_token)
        folder = weights.fetch(self._card, self._options.data_dir, self._options.hf_token)
        unservable.refuse_by_config(self._card, folder)
        # 2. Weights and LoRAs
        cuda = torch.cuda.is_available()
        model, self._loras, self._names = load_model(folder, self._card, self._options)
        self._model = model.eval()
        # 3. Prompts, and the tokens that end an answer
        config = model.config.get_text_config()
        self._encoder = Encoder(self._card, folder, config)
        self._ends = self._encoder.ends(model.generation_config)
        # 4. The trial of an untested model class: its plain answer, before its attention is replaced
        if type(model).__name__ not in trial.TESTED:
            self._trial = Trial(model, self._encoder.encode([Message("user", trial.QUESTION)]))
        # 5. The library's scheduler and cache, which must survive a full GPU
        self._manager = model.init_continuous_batching(
            GenerationConfig(do_sample=False, eos_token_id=sorted(self._ends) or None, pad_token_id=0),
            batching(self._options, config, self.context_length, cuda=cuda),
        )
        out_of_memory.survive(self._manager)
        # 6. Our sampler as its logits processor
        kind = LoraProcessors if self._loras else ContinuousBatchingLogitsProcessorList
        processors = kind(LogitsProcessorList([self._sampler]))
        processors.tensors_required = 1 + (self._loras is not None)
        self._manager.logit_processor = processors
        self._manager.batch_processor = self._manager._create_batch_processor()  # noqa: SLF001 - before graphs are captured
        # 7. The library's cache and order of requests, adapted to many callers
        self._prepare_cache(self._manager.batch_processor.cache)
        evict_oldest_first(self._manager.batch_processor)
        let_short_prompts_in(self._manager.batch_processor.scheduler)
        # 8. Tokens are chosen after the forward pass, which is captured as CUDA graphs on a GPU
        after_forward.install(self._manager.batch_processor, self._sampler, config.vocab_size)
        self._manager.warmup()
        if not cuda:
            self._use_own_step()

    def _use_own_step(self) -> None:
        """Compute with `cpu/step.cpp` if possible; with `GLADOS_QUANTIZE=none`, compute in exact bfloat16 instead."""
        if self._options.quantize != "auto" or self._loras:
            return
        reason = cpu.attach(
            self._manager, self._model, self._options.data_dir, self.context_length, self._sampler.choose_all
        )
        log.info("computing with %s", f"transformers' own modules: {reason}" if reason else "8-bit weights, step.cpp")

    def _prepare_cache(self, cache: Any) -> None:
        """Spread the cache over the model's devices, keep callers and LoRAs apart, and count reused tokens."""
        if self._options.multi_gpu:
            cache_spread.spread(self._model, cache)
        separate_prefixes(cache, self.encoder.vocabulary)
        count_found(cache, self._cached)

    async def _answer(
        self, model: str, prompt: list[int], limit: int, sampling: Sampling, domain: str
    ) -> AsyncGenerator[Tokens]:
        """Submit the prompt, read token by token, and cancel if the reader leaves."""
        self._require_alive()
        request_id = tag(f"{uuid4().hex}{DOMAIN}{domain}", self._names.get(model, BASE))  # the service checked the name
        outputs = self._outputs[request_id] = asyncio.Queue()
        self._sampler.add(request_id, self._row(prompt, sampling))
        count, last, finished = 0, -1, False
        reason: FinishReason | None = None
        try:
            self._manager.register_result_handler(request_id, outputs.put_nowait)
            self._manager.add_request(prompt, request_id, max_new_tokens=limit, streaming=True)
            while not finished:
                output = await outputs.get()
                error = output if isinstance(output, Exception) else output.error
                if error is not None:
                    self._require_alive()
                    log.error(
                        "an answer failed inside the model: %s",
                        error,
                        exc_info=error if isinstance(error, Exception) else None,
                    )
                    full = out_of_memory.EXPLANATION
                    raise GenerationFailedError(full if full in str(error) else FAILED)
                new, finished = output.generated_tokens[count:], output.is_finished()
                count, last = count + len(new), new[-1] if new else last
                if finished:
                    reason = "stop" if last in self._ends else "length"
                if new or finished:
                    yield Tokens(new, self._cached.get(request_id, 0), reason)
        finally:
            self._end(request_id, finished=finished)

    def _end(self, request_id: str, *, finished: bool) -> None:
        if not finished:
            self._manager.cancel_request(request_id)
        self._manager.output_router.result_handlers.pop(request_id, None)
        self._sampler.drop(request_id)
        self._outputs.pop(request_id, None)
        self._cached.pop(request_id, None)

    def _fail(self, request_id: str, error: Exception) -> None:
        """Called in the generation thread if choosing a token failed for one request."""
        outputs = self._outputs.get(request_id)
        if outputs is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(outputs.put_nowait, error)

    def _require_alive(self) -> None:
        if self._stopping:
            raise GenerationFailedError("the service is shutting down; ask again in a moment")
        if self.fatal:
            raise EngineDeadError(self.fatal)

    def _row(self, prompt: list[int], sampling: Sampling) -> RowSettings:
        """The request's sampling settings; the card's settings fill the gaps."""
        card = self._card.sampling
        generator = torch.Generator(device=self._model.device)
        if sampling.seed is None:
            generator.seed()
        else:
            generator.manual_seed(sampling.seed)
        return RowSettings(
            temperature=chosen(sampling.temperature, card.temperature),
            top_p=chosen(sampling.top_p, card.top_p),
            top_k=chosen(sampling.top_k, card.top_k),
            repetition_penalty=card.repetition_penalty,
            presence_penalty=sampling.presence_penalty,
            frequency_penalty=sampling.frequency_penalty,
            no_repeat_ngram_size=card.no_repeat_ngram_size,
            generator=generator,
            prompt=prompt,
            forbids=self.encoder.completes_bad_word if self._card.bad_words else None,
        )

    @property
    def models(self) -> tuple[str, ...]:
        """The card's name, the names of its LoRAs, and the base's name if the card's own name means a LoRA."""
        return tuple(self._names)

    @property
    def fatal(self) -> str | None:
        if self._manager is None or self._stopping:
            return None
        error = self._manager.background_thread_status.fatal_error
        if error is not None:
            return f"the generation thread failed: {error}"
        made = getattr(self._manager, "batch_processor", None) is not None
        return "the generation thread has ended" if made and not self._manager.is_running() else None

    def stats(self) -> EngineStats:
        processor = getattr(self._manager, "batch_processor", None)
        if processor is None:
            return EngineStats(self._line.waiting, self._line.running, 0, 0)
        total = int(processor.cache.num_blocks)
        used = round(total * (1 - processor.cache.compute_free_capacity()))
        return EngineStats(self._line.waiting, self._line.running, used, total)
