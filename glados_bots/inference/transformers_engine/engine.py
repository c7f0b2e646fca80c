"""The engine on transformers. A scheduler computes the tokens: the library's paged one, or our dense one.

Requests are tokenised in a thread, wait in our `WaitingLine`, run in the scheduler's thread, and return to the event
loop token by token.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar
from uuid import uuid4

from glados_bots.conversation import Message
from glados_bots.errors import (
    ConfigError,
    EngineDeadError,
    GenerationFailedError,
    first_line,
)
from glados_bots.inference.card_engine import CardEngine, Prompt
from glados_bots.inference.decoding.answer import Tokens
from glados_bots.inference.decoding.logprobs import Scored
from glados_bots.inference.engine import EngineOptions, EngineStats
from glados_bots.inference.grammars.form import Form
from glados_bots.inference.model_files import shapes, support, weights
from glados_bots.inference.model_files.before_loading import admission
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.pictures import decoding
from glados_bots.inference.prompts.encoding import Encoder
from glados_bots.inference.transformers_engine import out_of_memory, trial
from glados_bots.inference.transformers_engine.batching import CachePlan, for_pictures, loaded_shape, memory_for_cache
from glados_bots.inference.transformers_engine.dense.scheduler import DenseScheduler
from glados_bots.inference.transformers_engine.loading import Loaded, load_model
from glados_bots.inference.transformers_engine.lora_slots import LoraSlots
from glados_bots.inference.transformers_engine.multi_lora import BASE, MultiLora, tag
from glados_bots.inference.transformers_engine.paged import PagedScheduler
from glados_bots.inference.transformers_engine.prefix_cache import DOMAIN
from glados_bots.inference.transformers_engine.sampling.rows import row_settings
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.scheduler import Output, Scheduler
from glados_bots.inference.transformers_engine.trial import Trial
from glados_bots.inference.transformers_engine.vision.eyes import Eyes, Seen, opened_eyes
from glados_bots.inference.transformers_engine.vision.sight import Sight
from glados_bots.inference.transformers_engine.vision.twin import twin_of
from glados_bots.wire.events import FinishReason, Sampling

S = TypeVar("S", PagedScheduler, DenseScheduler)
FAILED = "this answer failed inside the model; the log of the service says why"

log = logging.getLogger(__name__)


class TransformersEngine(CardEngine):
    """One model, loaded by transformers. See `Engine` for the contract."""

    def __init__(self, card: Card, options: EngineOptions) -> None:
        super().__init__(card, options)
        self._shelf = self._lora_slots(Loaded(None, {card.name: BASE}))
        self._loras: MultiLora | None = None
        self._model: Any = None
        self._scheduler: Scheduler | None = None  # `start` creates it
        self._sight: Sight | None = None  # only for a model that sees
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
            await asyncio.to_thread(self.compiler.prepare)
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
        if self._shelf.spare:  # tells which layers no LoRA can change, see `MultiLora.strange`
            prompt = self.encoder.encode(messages)
            async for _ in self._answer(self._shelf.spare, prompt, 2, Sampling(), "", pictures=(), form=None):
                pass
        if self._trial is not None and not self._trial.passed(await self._trial.ask(self.scheduler, self._sampler)):
            raise RuntimeError(f"its answers differ from those of {type(self._model).__name__} without batching")

    async def _try_eyes(self) -> None:
        """Show the model a gray picture. If it fails, the log says why, and the model reads text only."""
        if self._sight is None:
            return
        messages = [Message("user", "What is this?", (decoding.gray(),))]
        try:
            async for _ in self.generate(self.models[0], messages, Sampling(max_tokens=2, reasoning_tokens=0)):
                pass
        except Exception as error:
            if self.fatal:
                raise
            log.warning("%s sees no pictures here: %s", self._card.name, first_line(error))
            if self._sight.scheduler is not self._scheduler:
                await asyncio.to_thread(self._sight.scheduler.stop)
            self._sight = None

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
        loaded = load_model(folder, card, options)
        self._shelf, self._loras, model = self._lora_slots(loaded), loaded.loras, loaded.model
        self._model = model.eval()
        shape, memory = loaded_shape(model), memory_for_cache(options, model)
        # 3. Prompts, and the tokens that end an answer
        config = model.config.get_text_config()
        wanted = shapes.wanted_window(card, shapes.window_of(config), options.context_length)
        window = shapes.served_window(card, shape, wanted, memory)
        self._encoder = Encoder(card, folder, config, window)
        self._ends = self._encoder.ends(model.generation_config)
        eyes = opened_eyes(folder, card, model, self._encoder)
        # 4. The trial of an untested model class: its plain answer, before its attention is replaced
        if type(model).__name__ not in trial.TESTED:
            self._trial = Trial(model, self._encoder.encode([Message("user", trial.QUESTION)]))
        # 5. What computes the tokens, and the window that its cache really has room for
        self._make_schedulers(found.way, CachePlan(shape, window, memory), eyes)
        self._encoder.context = shapes.served_window(card, shape, window, self.scheduler.room)
        log.info("window: %d tokens", self.context_length)

    def _make_schedulers(self, way: str | None, plan: CachePlan, eyes: Eyes | None) -> None:
        """One scheduler, and for a paged model that sees a second one, with the same weights."""
        dense: DenseScheduler | None = None
        pictures = plan
        if way == "dense":
            self._scheduler = dense = self._made(DenseScheduler, self._model, plan)
        elif eyes is not None:
            plan, pictures = for_pictures(plan)
            dense = self._made(DenseScheduler, twin_of(self._model, self._loras), pictures)
        if dense is not None and eyes is not None:
            window = shapes.tokens_in(plan.shape, plan.window, pictures.memory)
            self._sight = Sight(self._model, eyes, dense, window)
            log.info("it sees pictures; window of turns with pictures: %d tokens", window)
        if way != "dense":  # last, because it replaces the model's attention
            self._scheduler = self._made(PagedScheduler, self._model, plan)

    def _made(self, kind: type[S], model: Any, plan: CachePlan) -> S:
        parts = (model, self._sampler, self._loras, self._options, plan)
        return kind(*parts, ends=self._ends, vocabulary=self.encoder.vocabulary)

    def _lora_slots(self, loaded: Loaded) -> LoraSlots:
        return LoraSlots(self._options, self._card.base.hub, loaded, lambda: self._schedulers)

    @property
    def shelf(self) -> LoraSlots:
        return self._shelf

    def _look(self, messages: Sequence[Message]) -> Sequence[Seen]:
        return self._sight.look(messages) if self._sight else ()

    def _encode(self, messages: Sequence[Message], sampling: Sampling) -> Prompt:
        prompt = super()._encode(messages, sampling)
        if prompt.pictures and self._sight:
            self._sight.require_room(prompt.tokens)
        return prompt

    async def _answer(
        self,
        model: str,
        prompt: list[int],
        limit: int,
        sampling: Sampling,
        domain: str,
        *,
        pictures: Sequence[Seen],
        form: Form | None = None,
        forced: Sequence[int] = (),
    ) -> AsyncGenerator[Tokens]:
        """Submit the prompt, read token by token, and cancel if the reader leaves.

        Tokens in `forced` come first, and only their scores are computed.
        """
        self._require_alive()
        scheduler: Scheduler = self.scheduler
        add: Callable[..., None] = scheduler.add
        if pictures and self._sight:
            scheduler, add = self._sight.scheduler, await asyncio.to_thread(self._sight.adding, prompt, pictures)
        request_id = tag(f"{uuid4().hex}{DOMAIN}{domain}", model)
        outputs = self._outputs[request_id] = asyncio.Queue()
        forbids = self.encoder.completes_bad_word if self._card.bad_words else None
        wishes = (self._card.sampling, sampling, self._model.device, prompt)
        row = row_settings(*wishes, forbids=forbids, ends=self._ends)
        row.forced = forced
        matcher = row.matcher = await asyncio.to_thread(form.matcher, prompt) if form else None
        self._sampler.add(request_id, row)
        count, last, finished = 0, -1, False
        reason: FinishReason | None = None
        try:
            add(request_id, prompt, limit, outputs.put_nowait)
            while not finished:
                output = self._unfailed(await outputs.get())
                new, finished = output.tokens[count:], output.finished
                scores = row.scores[count : count + len(new)]
                count, last = count + len(new), new[-1] if new else last
                if matcher and matcher.complete_at is not None and matcher.complete_at <= count:
                    reason, finished = "stop", True  # nothing but an end can follow
                elif finished:
                    reason = "stop" if last in self._ends else "length"
                if new or finished:
                    yield Tokens(new, scheduler.cached(request_id), reason, scores)
        finally:
            scheduler.remove(request_id)
            self._sampler.drop(request_id)
            self._outputs.pop(request_id, None)

    async def _score(self, model: str, prompt: list[int], count: int, domain: str) -> list[Scored]:
        """Read the prompt as if the model were saying it, a token per step beside the answers of others."""
        scores: list[Scored] = []
        wish = Sampling(temperature=0.0, logprobs=count)
        while rest := prompt[len(scores) + 1 :]:  # an end token within the prompt ends a request
            known = prompt[: len(scores) + 1]
            said = self._answer(model, known, len(rest), wish, domain, pictures=(), forced=rest)
            async with aclosing(said) as pieces:
                async for piece in pieces:
                    scores += piece.scores
        return scores

    def _unfailed(self, output: Output | Exception) -> Output:
        """The output. Raises GenerationFailedError if the request failed, or EngineDeadError."""
        if isinstance(output, Output) and output.error is None:
            return output
        self._require_alive()
        cause = output if isinstance(output, Exception) else None
        if isinstance(cause, GenerationFailedError):
            raise cause
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

    @property
    def seeing(self) -> tuple[str, ...]:
        return self.models if self._sight else ()

    @property
    def sight(self) -> Sight:
        """What answers turns with pictures. Raises EngineDeadError for a model that sees none."""
        if self._sight is None:
            raise EngineDeadError("the model sees no pictures")
        return self._sight

    @property
    def _schedulers(self) -> list[Scheduler]:
        found = [self._scheduler, self._sight.scheduler if self._sight else None]
        return [one for number, one in enumerate(found) if one is not None and one not in found[:number]]

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
