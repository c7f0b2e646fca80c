"""The common part of all engines that use a model card: waiting line, prompt, and room for the answer."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from glados_bots.conversation import Message
from glados_bots.errors import EngineDeadError, ParameterRefusedError
from glados_bots.inference.decoding.answer import Answer, Limits, Tokens
from glados_bots.inference.decoding.logprobs import Scored
from glados_bots.inference.engine import EngineOptions, ServedLora
from glados_bots.inference.grammars import blame, sources
from glados_bots.inference.grammars.calling import Calls, calls_of
from glados_bots.inference.grammars.compiler import Compiler
from glados_bots.inference.grammars.form import Form
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
    """A conversation as an engine reads it."""

    tokens: list[int]
    calls: Calls
    pictures: Sequence[Any] = ()  # of the conversation, as the engine keeps them


class CardEngine(ABC):
    """The part of `Engine` that does not depend on what computes the tokens."""

    def __init__(self, card: Card, options: EngineOptions) -> None:
        self._card = card
        self._options = options
        self._line = WaitingLine(options.max_running, options.max_waiting)
        self._suspects = Suspects(options.data_dir / "service" / "prompts.json")
        self._picture_thread = ThreadPoolExecutor(1, "pictures")  # so that nobody's words wait for pictures
        self._form_thread = ThreadPoolExecutor(1, "forms")  # so that nobody's words wait for a form to be compiled
        self._token_thread = ThreadPoolExecutor(1, "tokens")  # so that nobody's answer waits for lists of tokens
        self._compiler: Compiler | None = None  # the first form creates it
        self._encoder: Encoder | None = None  # `start` creates it
        self._ends: Collection[int] = ()  # tokens that end an answer; `start` finds them

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        with self.shelf.held(model) as asked:
            async with aclosing(self._generate(asked, messages, sampling, caller)) as events:
                async for event in events:
                    yield event

    async def _generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str
    ) -> AsyncGenerator[Event]:
        thread = self._picture_thread if any(message.pictures for message in messages) else None
        encode = partial(copy_context().run, self._encode, messages, sampling)
        prompt = await asyncio.get_running_loop().run_in_executor(thread, encode)
        room = self.encoder.room(prompt.tokens)
        self._require_tokens(sampling)
        form = await self._form(prompt.tokens, prompt.calls.sampling)
        wishes, domain = prompt.calls.sampling, self._domain(caller)
        ask = partial(self._answer, model, sampling=wishes, domain=domain, pictures=prompt.pictures, form=form)
        reader = self._reader(prompt, room, sampling, form)
        async with aclosing(self._in_turn(prompt.tokens, caller, lambda: reader.events(ask))) as events:
            async for event in events:
                yield event

    async def complete(
        self, model: str, prompt: str | Sequence[int], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        with self.shelf.held(model) as asked:
            async with aclosing(self._complete(asked, prompt, sampling, caller)) as events:
                async for event in events:
                    yield event

    async def _complete(
        self, model: str, prompt: str | Sequence[int], sampling: Sampling, caller: str
    ) -> AsyncGenerator[Event]:
        tokens = await asyncio.to_thread(self.encoder.raw, prompt)
        room = self.encoder.room(tokens, least=min(1, chosen(sampling.max_tokens, 1)))
        self._require_tokens(sampling)
        form = await self._form(tokens, sampling, raw=True)
        ask = partial(self._answer, model, sampling=sampling, domain=self._domain(caller), pictures=(), form=form)
        reader = self._raw_reader(tokens, room, sampling, form)
        score = partial(self._score, model, tokens, domain=self._domain(caller))
        events_of = partial(continued, tokens, sampling, self.encoder.texts, score, lambda: reader.events(ask))
        async with aclosing(self._in_turn(tokens, caller, events_of)) as events:
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

    def _domain(self, caller: str) -> str:
        return caller if self._options.share_prefixes == "key" else ""

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

    def _encode(self, messages: Sequence[Message], sampling: Sampling) -> Prompt:
        with self._suspects.making(messages):
            calls = calls_of(sampling, self.encoder.spellings)
            pictures = self._look(messages)
            return Prompt(self.encoder.encode(messages, sampling, [one.text for one in pictures]), calls, pictures)

    def _look(self, messages: Sequence[Message]) -> Sequence[Any]:
        """All pictures of a conversation in order, each with the `text` that stands for it. Blocks."""
        del messages
        return ()

    async def _form(self, prompt: list[int], sampling: Sampling, *, raw: bool = False) -> Form | None:
        """The compiled form of the answer, if the request wants one. Raises ParameterRefusedError."""
        wish = sampling.grammar
        if wish is None:
            return None
        if sampling.stop_tokens:
            raise ParameterRefusedError(
                "stop_token_ids", "an answer with a form ends where the form does; leave it out"
            )

        def made() -> Form:
            source = sources.lark(wish)
            try:
                decode, is_written = self.encoder.tokenizer.decode, wish.kind == "grammar"
                return Form(self.compiler, source, wish.field, prompt, decode, raw=raw, is_written=is_written)
            except ParameterRefusedError as error:
                raise blame.located(wish, error) from error

        return await asyncio.get_running_loop().run_in_executor(self._form_thread, made)

    def _reader(self, prompt: Prompt, room: int, sampling: Sampling, form: Form | None) -> Answer:
        reasoning = chosen(sampling.reasoning_tokens, self._options.thinking_tokens)
        limits = Limits.within(room, sampling.max_tokens or self._card.max_answer_tokens, reasoning)
        ends = frozenset([*self._ends, *sampling.stop_tokens])
        return Answer(self.encoder, prompt.tokens, ends, self._stops(sampling), limits, form=form, calls=prompt.calls)

    def _raw_reader(self, prompt: list[int], room: int, sampling: Sampling, form: Form | None) -> Answer:
        limits = Limits.within(room, sampling.max_tokens, 0)
        ends = frozenset([*self._ends, *sampling.stop_tokens])
        stops, calls = self._stops(sampling), Calls(sampling)
        return Answer(self.encoder, prompt, ends, stops, limits, form=form, calls=calls, raw=True)

    def _stops(self, sampling: Sampling) -> list[str]:
        """The strings that end an answer."""
        return [*self._card.stop, *sampling.stop]

    @abstractmethod
    def _answer(
        self,
        model: str,
        prompt: list[int],
        limit: int,
        sampling: Sampling,
        domain: str,
        *,
        pictures: Sequence[Any],
        form: Form | None,
    ) -> AsyncGenerator[Tokens]:
        """Compute at most `limit` tokens. Closing the iterator stops it. Only requests of one domain share prefixes.

        Args: model: its mark, see `LoraShelf`.
        """

    @abstractmethod
    async def _score(self, model: str, prompt: list[int], count: int, domain: str) -> list[Scored]:
        """The scores of all tokens of a prompt but the first, each with the `count` likeliest tokens."""

    @property
    def seeing(self) -> tuple[str, ...]:
        return ()

    @property
    def compiler(self) -> Compiler:
        """Compiles forms for this model."""
        if self._compiler is None:
            self._compiler = Compiler(self.encoder.tokenizer, self.encoder.vocabulary, self._ends, self.encoder.marks)
        return self._compiler

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
