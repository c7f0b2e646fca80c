"""The engine on transformers. A scheduler computes the tokens: the library's paged one, or our dense one.

Requests are tokenised in a thread, wait in our `WaitingLine`, run in the scheduler's thread, and return to the event
loop token by token.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import torch

from glados_bots.conversation import Message
from glados_bots.errors import (
    ConfigError,
    EngineDeadError,
    EngineError,
    GenerationFailedError,
    PromptTooLongError,
    first_line,
)
from glados_bots.inference.card_engine import CardEngine, Prompt, chosen
from glados_bots.inference.decoding.answer import Tokens
from glados_bots.inference.engine import EngineOptions, EngineStats
from glados_bots.inference.model_files import shapes, support, weights
from glados_bots.inference.model_files.before_loading import admission
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.pictures import decoding
from glados_bots.inference.prompts.encoding import SHORTEST_ANSWER, Encoder
from glados_bots.inference.transformers_engine import out_of_memory, trial
from glados_bots.inference.transformers_engine.batching import CachePlan, for_pictures, loaded_shape, memory_for_cache
from glados_bots.inference.transformers_engine.dense.scheduler import DenseScheduler
from glados_bots.inference.transformers_engine.loading import load_model
from glados_bots.inference.transformers_engine.multi_lora import BASE, MultiLora, tag
from glados_bots.inference.transformers_engine.paged import PagedScheduler
from glados_bots.inference.transformers_engine.prefix_cache import DOMAIN
from glados_bots.inference.transformers_engine.sampler import RowSettings, Sampler
from glados_bots.inference.transformers_engine.scheduler import Output, Scheduler
from glados_bots.inference.transformers_engine.trial import Trial
from glados_bots.inference.transformers_engine.vision.eyes import BlindError, Eyes, Seen, eyes_of
from glados_bots.inference.transformers_engine.vision.shown import shown_in
from glados_bots.inference.transformers_engine.vision.twin import twin_of
from glados_bots.wire.events import FinishReason, Sampling

S = TypeVar("S", PagedScheduler, DenseScheduler)
FAILED = "this answer failed inside the model; the log of the service says why"

log = logging.getLogger(__name__)


class TransformersEngine(CardEngine):
    """One model, loaded by transformers. See `Engine` for the contract."""

    def __init__(self, card: Card, options: EngineOptions) -> None:
        super().__init__(card, options)
        self._names = {card.name: BASE}  # every model name and the slot of its LoRA
        self._loras: MultiLora | None = None
        self._model: Any = None
        self._scheduler: Scheduler | None = None  # `start` creates it
        self._eyes: Eyes | None = None  # only for a model that sees
        self._picture_scheduler: DenseScheduler | None = None  # for turns with pictures; it may be `_scheduler`
        self._picture_window = 0  # tokens of a turn with pictures
        self._trial: Trial | None = None  # only for a model class that nobody has tested
        self._sampler = Sampler(self._fail)
        self._outputs: dict[str, asyncio.Queue[Output | Exception]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False

    async def start(self) -> None:
        """Load the weights, start the generation thread, and answer one short question as a warm-up."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._load)
            for scheduler in self._schedulers:
                scheduler.start()
            await self._warm_up()
            await self._try_eyes()
        except BaseException as error:
            await self.stop()  # the generation thread would keep the process alive
            if isinstance(error, ConfigError) or not isinstance(error, Exception):
                raise
            raise ConfigError(support.cannot_be_served(self._card, first_line(error))) from error

    async def _warm_up(self) -> None:
        """Answer one question with a system text, as the bots send it. A model that fails here would always fail."""
        messages = [Message("system", "Be brief."), Message("user", "Hi")]
        async with aclosing(
            self.generate(self.models[0], messages, Sampling(max_tokens=2, reasoning_tokens=0))
        ) as events:
            async for _ in events:
                pass
        if self._trial is not None and not self._trial.passed(await self._trial.ask(self.scheduler, self._sampler)):
            raise RuntimeError(f"its answers differ from those of {type(self._model).__name__} without batching")

    async def _try_eyes(self) -> None:
        """Show the model a gray picture. If it fails, the log says why, and the model reads text only."""
        if self._eyes is None:
            return
        messages = [Message("user", "What is this?", (decoding.gray(),))]
        try:
            async for _ in self.generate(self.models[0], messages, Sampling(max_tokens=2, reasoning_tokens=0)):
                pass
        except EngineError as error:
            log.warning("%s sees no pictures here: %s", self._card.name, first_line(error))
            self._eyes = None

    async def stop(self) -> None:
        """Fail all running requests and end the generation thread."""
        self._stopping = True
        for scheduler in self._schedulers:
            await asyncio.to_thread(scheduler.stop)

    def _load(self) -> None:
        # 1. Files: check the config before fetching the large ones
        card, options = self._card, self._options
        admission.refuse_by_hub(card, options.hf_token)
        admission.refuse_too_large(card, options)
        folder = weights.fetch(card, options.data_dir, options.hf_token)
        found = admission.admitted(card, folder)
        # 2. Weights and LoRAs
        model, self._loras, self._names = load_model(folder, card, options)
        self._model = model.eval()
        shape, memory = loaded_shape(model), memory_for_cache(options, model)
        # 3. Prompts, and the tokens that end an answer
        config = model.config.get_text_config()
        wanted = shapes.wanted_window(card, shapes.window_of(config), options.context_length)
        window = shapes.served_window(card, shape, wanted, memory)
        self._encoder = Encoder(card, folder, config, window)
        self._ends = self._encoder.ends(model.generation_config)
        self._eyes = self._opened_eyes(folder)
        # 4. The trial of an untested model class: its plain answer, before its attention is replaced
        if type(model).__name__ not in trial.TESTED:
            self._trial = Trial(model, self._encoder.encode([Message("user", trial.QUESTION)]))
        # 5. What computes the tokens, and the window that its cache really has room for
        self._make_schedulers(found.way, CachePlan(shape, window, memory))
        self._encoder.context = shapes.served_window(card, shape, window, self.scheduler.room)
        log.info("window: %d tokens", self.context_length)

    def _opened_eyes(self, folder: Path) -> Eyes | None:
        """The eyes of a model with vision. If they do not work, the log says why, and the model reads text only."""
        if not hasattr(self._model.config, "vision_config"):
            return None
        try:
            return eyes_of(folder, self._model, self.encoder)
        except BlindError as blind:
            log.warning("%s sees no pictures here: %s", self._card.name, blind)
            return None

    def _make_schedulers(self, way: str | None, plan: CachePlan) -> None:
        """One scheduler, and for a paged model that sees a second one, with the same weights."""
        if way == "dense":
            self._scheduler = dense = self._made(DenseScheduler, self._model, plan)
            self._picture_scheduler, self._picture_window = (dense, plan.window) if self._eyes else (None, 0)
            return
        if self._eyes is not None:
            plan, pictures = for_pictures(plan)
            twin = twin_of(self._model, self._loras, self._sampler)
            self._picture_scheduler = self._made(DenseScheduler, twin, pictures)
            self._picture_window = shapes.tokens_in(plan.shape, plan.window, pictures.memory)
        self._scheduler = self._made(PagedScheduler, self._model, plan)

    def _made(self, kind: type[S], model: Any, plan: CachePlan) -> S:
        parts = (model, self._sampler, self._loras, self._options, plan)
        return kind(*parts, ends=self._ends, vocabulary=self.encoder.vocabulary)

    def _look(self, messages: Sequence[Message]) -> Sequence[Seen]:
        return self._eyes.look(messages) if self._eyes else ()

    def _encode(self, messages: Sequence[Message], sampling: Sampling) -> Prompt:
        prompt = super()._encode(messages, sampling)
        room = self._picture_window - SHORTEST_ANSWER
        if prompt.pictures and len(prompt.tokens) > room:
            raise PromptTooLongError(len(prompt.tokens), room, self._picture_window)
        return prompt

    async def _answer(
        self, model: str, prompt: list[int], limit: int, sampling: Sampling, domain: str, *, pictures: Sequence[Seen]
    ) -> AsyncGenerator[Tokens]:
        """Submit the prompt, read token by token, and cancel if the reader leaves."""
        self._require_alive()
        scheduler, add = await asyncio.to_thread(self._submitting, prompt, pictures)
        request_id = tag(f"{uuid4().hex}{DOMAIN}{domain}", self._names.get(model, BASE))  # the service checked the name
        outputs = self._outputs[request_id] = asyncio.Queue()
        self._sampler.add(request_id, self._row(prompt, sampling))
        count, last, finished = 0, -1, False
        reason: FinishReason | None = None
        try:
            add(request_id, prompt, limit, outputs.put_nowait)
            while not finished:
                output = self._unfailed(await outputs.get())
                new, finished = output.tokens[count:], output.finished
                count, last = count + len(new), new[-1] if new else last
                if finished:
                    reason = "stop" if last in self._ends else "length"
                if new or finished:
                    yield Tokens(new, scheduler.cached(request_id), reason)
        finally:
            scheduler.remove(request_id)
            self._sampler.drop(request_id)
            self._outputs.pop(request_id, None)

    def _submitting(self, prompt: list[int], pictures: Sequence[Seen]) -> tuple[Scheduler, Callable[..., None]]:
        """(the scheduler for a prompt with these pictures, its method `add`)."""
        scheduler = self._picture_scheduler
        if not pictures or self._eyes is None or scheduler is None:
            return self.scheduler, self.scheduler.add
        return scheduler, partial(scheduler.add, shown=shown_in(self._eyes, pictures, prompt, self._model))

    def _unfailed(self, output: Output | Exception) -> Output:
        """The output. Raises GenerationFailedError if the request failed, or EngineDeadError."""
        if isinstance(output, Output) and output.error is None:
            return output
        self._require_alive()
        cause = output if isinstance(output, Exception) else None
        error = str(cause or getattr(output, "error", None))
        log.error("an answer failed inside the model: %s", error, exc_info=cause)
        full = out_of_memory.EXPLANATION
        raise GenerationFailedError(full if full in error else FAILED)

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
    def seeing(self) -> tuple[str, ...]:
        return self.models if self._eyes else ()

    @property
    def _schedulers(self) -> list[Scheduler]:
        found = (self._scheduler, self._picture_scheduler)
        return list({id(one): one for one in found if one is not None}.values())

    @property
    def scheduler(self) -> Scheduler:
        """What computes the tokens. Raises EngineDeadError before `start`."""
        if self._scheduler is None:
            raise EngineDeadError("the engine has not been started")
        return self._scheduler

    @property
    def fatal(self) -> str | None:
        return None if self._stopping else next(filter(None, (one.fatal for one in self._schedulers)), None)

    def stats(self) -> EngineStats:
        return EngineStats(
            self._line.waiting, self._line.running, *(self._scheduler.pages if self._scheduler else (0, 0))
        )
