"""The settings of channels: which model answers, its persona, how much it thinks, and the bot's own language.

    glados:{web}:ch:CHANNEL   hash  model, persona, language, thinking

They stay until somebody resets them. A turn reads them at each attempt, so a change affects turns that wait.
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

LONGEST_PERSONA = 4000  # characters; the model reads the persona at every question
# Code points of one visible character. Unicode's stream-safe text (UAX 15) allows at most 30 marks on a letter.
LONGEST_GRAPHEME = 32


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """The settings of one channel; empty ones follow the operator's settings."""

    model: str = ""
    persona: str = ""
    language: str = ""  # the tag of one of our languages
    thinking: str = ""  # a level, see `wire/events.py`


class ChannelBook:
    """The settings of all channels of one platform. Methods raise StoreUnavailableError if Redis is not reachable."""

    def __init__(self, store: Store) -> None:
        self._client = store.client
        self._prefix = f"{store.prefix}ch:"

    async def get(self, channel: str) -> ChannelSettings:
        call = self._client.hmget(self._prefix + channel, ["model", "persona", "language", "thinking"])
        found = await reply_of(cast("Awaitable[list[str | None]]", call))
        return ChannelSettings(*(value or "" for value in found))

    async def language(self, channel: str, otherwise: str) -> str:
        """The language chosen for a channel; `otherwise` if there is none, or Redis is not reachable."""
        with suppress(StoreUnavailableError):
            return (await self.get(channel)).language or otherwise
        return otherwise

    async def set_model(self, channel: str, model: str) -> None:
        """Choose the model of a channel; empty resets the choice. The caller checks that the model is served."""
        await self._set(channel, "model", model)

    async def set_persona(self, channel: str, persona: str) -> None:
        """Set the persona of a channel; empty removes it.

        Raises:
            GladosError: the persona is too long, or cannot be shown.
        """
        if len(persona) > LONGEST_PERSONA:
            raise GladosError(say("persona-too-long", length=len(persona), most=LONGEST_PERSONA))
        if max(map(len, iter_graphemes(persona)), default=0) > LONGEST_GRAPHEME:
            raise GladosError(say("persona-marks", most=LONGEST_GRAPHEME))
        await self._set(channel, "persona", persona)

    async def set_language(self, channel: str, language: str) -> None:
        """Choose the language of the bot's own sentences in a channel; empty resets the choice."""
        await self._set(channel, "language", language)

    async def set_thinking(self, channel: str, level: str) -> None:
        """Choose how much the model thinks in a channel; empty restores the model's default."""
        await self._set(channel, "thinking", level)

    async def keep(self, channel: str, seconds: int) -> None:
        """Let the settings of a channel expire, if it is a chat that does."""
        await reply_of(self._client.expire(self._prefix + channel, seconds))

    async def forget(self, channel: str) -> None:
        """Reset all settings of a channel, for example when the bot leaves."""
        await reply_of(self._client.delete(self._prefix + channel))

    async def _set(self, channel: str, field: str, value: str) -> None:
        key = self._prefix + channel
        call = self._client.hset(key, field, value) if value else self._client.hdel(key, field)
        await reply_of(call)
