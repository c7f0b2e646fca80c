"""The common part of all engines that use a model card: waiting line, prompt, and room for the answer."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from contextvars import copy_context
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

from glados_bots.conversation import Message
from glados_bots.errors import EngineDeadError
from glados_bots.inference.decoding.answer import Answer, Limits, Tokens
from glados_bots.inference.decoding.logprobs import Scored
from glados_bots.inference.engine import EngineOptions, ServedLora
from glados_bots.inference.grammars.calling import Calls, calls_of
from glados_bots.inference.grammars.form import Form
from glados_bots.inference.grammars.forms import Forms
from glados_bots.inference.loras.shelf import LoraShelf
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.prompts.encoding import Encoder
from glados_bots.inference.prompts.suspects import Suspects
from glados_bots.inference.raw_prompts import continued
from glados_bots.inference.waiting_line import WaitingLine
from glados_bots.wire.events import Begun, Event, Sampling

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads before its answer."""

    tokens: list[int]
    calls: Calls
    pictures: Sequence[Any] = ()  # of a conversation, as the engine keeps them
    raw: bool = False  # whether it is no conversation


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One answer that an engine computes, whatever tokens it continues."""

    model: str  # its mark, see `LoraShelf`
    sampling: Sampling
    domain: str = ""  # only requests of one domain share prefixes
    form: Form | None = None
    pictures: Sequence[Any] = ()


class CardEngine(ABC):
    """The part of `Engine` that does not depend on what computes the tokens."""

    def __init__(self, card: Card, options: EngineOptions) -> None:
        self._card = card
        self._options = options
        self._line = WaitingLine(options.max_running, options.max_waiting)
        self._suspects = Suspects(options.data_dir / "service" / "prompts.json")
        self._picture_thread = ThreadPoolExecutor(1, "pictures")  # so that nobody's words wait for pictures
        self._token_thread = ThreadPoolExecutor(1, "tokens")  # so that nobody's answer waits for lists of tokens
        self._encoder: Encoder | None = None  # `start` creates it
        self._ends: Collection[int] = ()  # tokens that end an answer; `start` finds them

    def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        return self._events(model, partial(self._conversation, messages, sampling), sampling, caller)

    def complete(
        self, model: str, prompt: str | Sequence[int], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        return self._events(model, partial(self._raw, prompt, sampling), sampling, caller)

    async def _events(
        self, model: str, read: Callable[[], Awaitable[Prompt]], sampling: Sampling, caller: str
    ) -> AsyncGenerator[Event]:
        """All events of one answer. Args: read: makes the prompt."""
        with self.shelf.held(model) as mark:
            prompt = await read()
            limits, calls = self._limits(prompt, sampling), prompt.calls
            self._require_tokens(sampling)
            form = await self.forms.of(calls.sampling, prompt.tokens, raw=prompt.raw)
            domain = caller if self._options.share_prefixes == "key" else ""
            request = EngineRequest(mark, calls.sampling, domain, form, prompt.pictures)
            ends, stops = frozenset([*self._ends, *sampling.stop_tokens]), self._stops(sampling)
            reader = Answer(self.encoder, prompt.tokens, ends, stops, limits, form=form, calls=calls, raw=prompt.raw)
            answer: Callable[[], AsyncGenerator[Event]] = partial(reader.events, partial(self._answer, request))
            if prompt.raw:
                score = partial(self._score, request, prompt.tokens)
                answer = partial(continued, prompt.tokens, sampling, self.encoder.texts, score, answer)
            async with aclosing(self._in_turn(prompt.tokens, caller, answer)) as events:
                async for event in events:
                    yield event

    async def _in_turn(
        self, prompt: list[int], caller: str, answer: Callable[[], AsyncGenerator[Event]]
    ) -> AsyncGenerator[Event]:
        """An answer's events, after those of the waiting line."""
        async with aclosing(self._line.enter(caller)) as places:
            async for queued in places:
                yield queued
        try:
            yield Begun(len(prompt))
            async with aclosing(answer()) as events:
                async for event in events:
                    yield event
        finally:
            self._line.leave(caller)

    async def tokenize(self, prompt: str | Sequence[Message], sampling: Sampling, *, special: bool) -> list[int]:
        if isinstance(prompt, str):
            return await self._listed(partial(self.encoder.raw, prompt, special=special)) if prompt else []
        return (await self._listed(partial(self._encode, prompt, sampling))).tokens

    async def detokenize(self, tokens: Sequence[int]) -> str:
        self.encoder.require_tokens("tokens", tokens)
        return str(await self._listed(partial(self.encoder.tokenizer.decode, list(tokens))))

    async def _listed(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._token_thread, copy_context().run, work)

    def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        return [self.encoder.texts.of(token) for token in tokens]

    def tokenizer_info(self) -> dict[str, str | None]:
        return self.encoder.info()

    def _require_tokens(self, sampling: Sampling) -> None:
        """Raise ParameterRefusedError if the request names a token that the model lacks."""
        self.encoder.require_tokens("logit_bias", sampling.logit_bias)
        self.encoder.require_tokens("stop_token_ids", sampling.stop_tokens)

    async def load_lora(self, name: str, path: str, *, in_place: bool = False) -> None:
        await self.shelf.load(name, path, in_place=in_place)

    async def unload_lora(self, name: str) -> None:
        await self.shelf.unload(name)

    @property
    def loras(self) -> Mapping[str, ServedLora]:
        return self.shelf.served

    @property
    @abstractmethod
    def shelf(self) -> LoraShelf:
        """Its LoRAs."""

    @property
    def models(self) -> tuple[str, ...]:
        """The card's name, the names of its LoRAs, and the base's name if the card's own name means a LoRA."""
        return self.shelf.names

    async def _conversation(self, messages: Sequence[Message], sampling: Sampling) -> Prompt:
        thread = self._picture_thread if any(message.pictures for message in messages) else None
        encode = partial(copy_context().run, self._encode, messages, sampling)
        return await asyncio.get_running_loop().run_in_executor(thread, encode)

    def _encode(self, messages: Sequence[Message], sampling: Sampling) -> Prompt:
        with self._suspects.making(messages):
            calls = calls_of(sampling, self.encoder.spellings)
            pictures = self._look(messages)
            return Prompt(self.encoder.encode(messages, sampling, [one.text for one in pictures]), calls, pictures)

    def _look(self, messages: Sequence[Message]) -> Sequence[Any]:
        """All pictures of a conversation in order, each with the `text` that stands for it. Blocks."""
        del messages
        return ()

    async def _raw(self, prompt: str | Sequence[int], sampling: Sampling) -> Prompt:
        return Prompt(await asyncio.to_thread(self.encoder.raw, prompt), Calls(sampling), raw=True)

    def _limits(self, prompt: Prompt, sampling: Sampling) -> Limits:
        """What the answer may take of the room that the prompt leaves. Raises PromptTooLongError if that is too little.

        A raw prompt is not followed by reasoning, and need not leave room if no answer is wanted.
        """
        if prompt.raw:
            room = self.encoder.room(prompt.tokens, least=min(1, chosen(sampling.max_tokens, 1)))
            return Limits.within(room, sampling.max_tokens, 0)
        reasoning = chosen(sampling.reasoning_tokens, self._options.thinking_tokens)
        most = sampling.max_tokens or self._card.max_answer_tokens
        return Limits.within(self.encoder.room(prompt.tokens), most, reasoning)

    def _stops(self, sampling: Sampling) -> list[str]:
        """The strings that end an answer."""
        return [*self._card.stop, *sampling.stop]

    @abstractmethod
    def _answer(self, request: EngineRequest, prompt: list[int], limit: int) -> AsyncGenerator[Tokens]:
        """Compute at most `limit` tokens. Closing the iterator stops it."""

    @abstractmethod
    async def _score(self, request: EngineRequest, prompt: list[int], count: int) -> list[Scored]:
        """The scores of all tokens of a prompt but the first, each with the `count` likeliest tokens."""

    @property
    def seeing(self) -> tuple[str, ...]:
        return ()

    @cached_property
    def forms(self) -> Forms:
        """The forms of its answers. Raises EngineDeadError before `start`."""
        return Forms(self.encoder, self._ends)

    @property
    def encoder(self) -> Encoder:
        """Converts messages to tokens. Raises EngineDeadError before `start`."""
        if self._encoder is None:
            raise EngineDeadError("the engine has not been started")
        return self._encoder

    @property
    def thinking_levels(self) -> tuple[str, ...]:
        return self._encoder.variables.levels if self._encoder else ()

    @property
    def thinking_tokens(self) -> int:
        return self._options.thinking_tokens

    @property
    def context_length(self) -> int:
        """Maximum number of tokens of prompt and answer together; 0 before `start`."""
        return self._encoder.context if self._encoder else 0


def chosen(value: T | None, default: T) -> T:
    """A request's setting, or the card's if the request has none."""
    return default if value is None else value
