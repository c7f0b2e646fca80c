"""The engine on transformers. A scheduler computes the tokens: the library's paged one, or our dense one.

Requests are tokenised in a thread, wait in our `WaitingLine`, run in the scheduler's thread, and return to the event
loop token by token.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import uuid4

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineDeadError, GenerationFailedError, first_line
from glados_bots.inference.card_engine import CardEngine, EngineRequest, Prompt
from glados_bots.inference.decoding.answer import Tokens
from glados_bots.inference.decoding.logprobs import Scored
from glados_bots.inference.engine import EngineOptions, EngineStats
from glados_bots.inference.grammars.matcher import Matcher
from glados_bots.inference.model_files import support
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.pictures import decoding
from glados_bots.inference.transformers_engine import out_of_memory
from glados_bots.inference.transformers_engine.assembling import assembled
from glados_bots.inference.transformers_engine.loading import Loaded
from glados_bots.inference.transformers_engine.lora_slots import LoraSlots
from glados_bots.inference.transformers_engine.multi_lora import BASE, tag
from glados_bots.inference.transformers_engine.prefix_cache import DOMAIN
from glados_bots.inference.transformers_engine.sampling.rows import RowSettings, row_settings
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.sampling.scoring import PromptScores
from glados_bots.inference.transformers_engine.scheduler import Output, Scheduler
from glados_bots.inference.transformers_engine.trial import Trial
from glados_bots.inference.transformers_engine.vision.eyes import Seen
from glados_bots.inference.transformers_engine.vision.sight import Sight
from glados_bots.wire.events import FinishReason, Sampling

FAILED = "this answer failed inside the model; the log of the service says why"

log = logging.getLogger(__name__)


class TransformersEngine(CardEngine):
    """One model, loaded by transformers. See `Engine` for the contract."""

    def __init__(self, card: Card, options: EngineOptions) -> None:
        super().__init__(card, options)
        self._shelf = self._lora_slots(Loaded(None, {card.name: BASE}))
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
            await asyncio.to_thread(self.forms.compiler.prepare)
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
            async for _ in self._answer(EngineRequest(self._shelf.spare, Sampling()), prompt, 2):
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
        parts = assembled(self._card, self._options, self._sampler)
        self._model, self._shelf = parts.loaded.model, self._lora_slots(parts.loaded)
        self._encoder, self._ends = parts.encoder, parts.ends
        self._scheduler, self._sight, self._trial = parts.scheduler, parts.sight, parts.trial

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
        self, request: EngineRequest, prompt: list[int], limit: int, *, prompt_scores: PromptScores | None = None
    ) -> AsyncGenerator[Tokens]:
        """Submit the prompt, read token by token, and cancel if the reader leaves.

        Args: prompt_scores: gets the scores of the prompt before the first token comes.
        """
        self._require_alive()
        scheduler: Scheduler = self.scheduler
        add: Callable[..., None] = scheduler.add
        if request.pictures and self._sight:
            scheduler = self._sight.scheduler
            add = await asyncio.to_thread(self._sight.adding, prompt, request.pictures)
        row = await self._row(request, prompt, prompt_scores)
        request_id = tag(f"{uuid4().hex}{DOMAIN}{request.domain}", request.model)
        outputs = self._outputs[request_id] = asyncio.Queue()
        self._sampler.add(request_id, row)
        count = 0
        reason: FinishReason | None = None
        try:
            add(request_id, prompt, limit, outputs.put_nowait)
            while reason is None:
                output = self._unfailed(await outputs.get())
                new = output.tokens[count:]
                scores = row.scores[count : count + len(new)]
                count += len(new)
                reason = self._reason(output, count, row.matcher)
                if new or reason:
                    yield Tokens(new, scheduler.cached(request_id), reason, scores)
        finally:
            scheduler.remove(request_id)
            self._sampler.drop(request_id)
            self._outputs.pop(request_id, None)

    async def _row(self, request: EngineRequest, prompt: list[int], prompt_scores: PromptScores | None) -> RowSettings:
        """How the sampler chooses the tokens of an answer."""
        forbids = self.encoder.completes_bad_word if self._card.bad_words else None
        wishes = (self._card.sampling, request.sampling, self._model.device, prompt)
        row = row_settings(*wishes, forbids=forbids, ends=self._ends)
        row.prompt_scores = prompt_scores
        row.matcher = await asyncio.to_thread(request.form.matcher, prompt) if request.form else None
        return row

    def _reason(self, output: Output, count: int, matcher: Matcher | None) -> FinishReason | None:
        """Why the answer ends with this output; None if it continues. Args: count: tokens of the answer so far."""
        if matcher and matcher.complete_at is not None and matcher.complete_at <= count:
            return "stop"  # nothing but an end can follow
        if not output.finished:
            return None
        return "stop" if output.tokens and output.tokens[-1] in self._ends else "length"

    async def _score(self, request: EngineRequest, prompt: list[int], count: int) -> list[Scored]:
        """Read the prompt but its last token, which nothing follows, like any other prompt, for one token of answer."""
        scores, read = PromptScores(prompt, count), prompt[:-1]
        if read:
            request = replace(request, sampling=Sampling(temperature=0.0), form=None)
            async with aclosing(self._answer(request, read, 1, prompt_scores=scores)) as pieces:
                async for _ in pieces:
                    pass
        return scores.known

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
