"""The common part of all engines that use a model card: waiting line, prompt, and room for the answer."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeVar

from glados_bots.conversation import Message
from glados_bots.errors import EngineDeadError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.prompts.encoding import Encoder
from glados_bots.inference.prompts.suspects import Suspects
from glados_bots.inference.waiting_line import WaitingLine
from glados_bots.wire.events import Begun, Event, Sampling

T = TypeVar("T")


class CardEngine(ABC):
    """The part of `Engine` that does not depend on what computes the tokens."""

    def __init__(self, card: Card, options: EngineOptions) -> None:
        self._card = card
        self._options = options
        self._line = WaitingLine(options.max_running, options.max_waiting)
        self._suspects = Suspects(options.data_dir / "service" / "prompts.json")
        self._encoder: Encoder | None = None  # `start` creates it

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        prompt = await asyncio.to_thread(self._encode, messages)
        room = self.encoder.room(prompt)
        async with aclosing(self._line.enter(caller)) as places:
            async for queued in places:
                yield queued
        try:
            yield Begun(len(prompt))
            limit = min(sampling.max_tokens or self._card.max_answer_tokens or room, room)
            domain = caller if self._options.share_prefixes == "key" else ""
            async with aclosing(self._answer(model, prompt, limit, sampling, domain)) as events:
                async for event in events:
                    yield event
        finally:
            self._line.leave()

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        with self._suspects.making(messages):
            return self.encoder.encode(messages)

    @abstractmethod
    def _answer(
        self, model: str, prompt: list[int], limit: int, sampling: Sampling, domain: str
    ) -> AsyncGenerator[Event]:
        """Compute at most `limit` tokens. Closing the iterator stops it. Only requests of one domain share prefixes."""

    @property
    def encoder(self) -> Encoder:
        """Converts messages to tokens. Raises EngineDeadError before `start`."""
        if self._encoder is None:
            raise EngineDeadError("the engine has not been started")
        return self._encoder

    @property
    def context_length(self) -> int:
        """Maximum number of tokens of prompt and answer together; 0 before `start`."""
        return self._encoder.context if self._encoder else 0


def chosen(value: T | None, default: T) -> T:
    """A request's setting, or the card's if the request has none."""
    return default if value is None else value
