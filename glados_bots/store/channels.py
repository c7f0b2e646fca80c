"""What the people of a channel have set for it: which model answers, what it is told first, which language we write in.

    glados:{web}:ch:CHANNEL   hash  model, persona, language

Kept until they are taken back. A turn reads them at the start of each attempt, so a change reaches those that wait.
"""

from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from wcwidth import iter_graphemes

from glados_bots.errors import GladosError, StoreUnavailableError
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_bots.wording.sentence import say

LONGEST_PERSONA = 4000  # characters; the model reads it at every question
# Code points of what people see as one character; Unicode's stream-safe text (UAX 15) has at most 30 marks on a letter.
LONGEST_GRAPHEME = 32


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Settings of one channel; empty means as the operator has set it for all."""

    model: str = ""
    persona: str = ""
    language: str = ""  # one of ours


class ChannelBook:
    """Settings of all channels of one platform. Every method raises StoreUnavailableError when Redis is away."""

    def __init__(self, store: Store) -> None:
        self._client = store.client
        self._prefix = f"{store.prefix}ch:"

    async def get(self, channel: str) -> ChannelSettings:
        call = self._client.hmget(self._prefix + channel, ["model", "persona", "language"])
        found = await reply_of(cast("Awaitable[list[str | None]]", call))
        return ChannelSettings(*(value or "" for value in found))

    async def language(self, channel: str, otherwise: str) -> str:
        """The language that was chosen for a channel, else `otherwise`; that too while Redis is not reachable."""
        with suppress(StoreUnavailableError):
            return (await self.get(channel)).language or otherwise
        return otherwise

    async def set_model(self, channel: str, model: str) -> None:
        """Choose the model of a channel; empty takes the choice back. Whether it is served is the caller's to ask."""
        await self._set(channel, "model", model)

    async def set_persona(self, channel: str, persona: str) -> None:
        """Say what the model is told before a channel's conversations; empty takes it back.

        Raises:
            GladosError: it is too long, or no text that can be shown.
        """
        if len(persona) > LONGEST_PERSONA:
            raise GladosError(say("persona-too-long", length=len(persona), most=LONGEST_PERSONA))
        if max(map(len, iter_graphemes(persona)), default=0) > LONGEST_GRAPHEME:
            raise GladosError(say("persona-marks", most=LONGEST_GRAPHEME))
        await self._set(channel, "persona", persona)

    async def set_language(self, channel: str, language: str) -> None:
        """Choose the language of what the bot itself says in a channel; empty takes the choice back."""
        await self._set(channel, "language", language)

    async def forget(self, channel: str) -> None:
        """Take everything back, as when the bot leaves."""
        await reply_of(self._client.delete(self._prefix + channel))

    async def _set(self, channel: str, field: str, value: str) -> None:
        key = self._prefix + channel
        call = self._client.hset(key, field, value) if value else self._client.hdel(key, field)
        await reply_of(call)
