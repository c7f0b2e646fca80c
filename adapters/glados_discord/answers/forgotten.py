"""Takes the files of forgotten answers off their messages. The messages themselves stay.

    glados:{discord}:filed        hash  TURN -> where its files stand, see `_Filed`; all ids in hexadecimal
    glados:{discord}:files-of:ID  str   of a turn: its files may stand

To forget a person or a thread deletes every key and entry with the ids of their turns. That takes the second key, and
leaves the first one, in which the ids look different. So the files of a turn without its second key are taken away.
When the time of a turn is over, its files stay where they are, as its messages do.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Self, cast

import discord

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_bots.surface import MessageGoneError, PlaceGoneError, PlatformAwayError
from glados_discord.connection.current_client import CurrentClient
from glados_discord.connection.rates import Rates
from glados_discord.connection.refusals import ARCHIVED, as_core_errors

log = logging.getLogger(__name__)

EVERY_S = 15.0
MINE_S = 30  # another process tries again after that


@dataclass(frozen=True, slots=True)
class _Filed:
    """The message that has the files of a turn."""

    turn: int
    channel: int
    message: int
    at: int  # seconds since the epoch

    @classmethod
    def of(cls, turn: str, text: str) -> Self:
        return cls(int(turn, 16), *(int(number, 16) for number in text.split()))

    @property
    def key(self) -> str:
        return f"{self.turn:x}"

    @property
    def text(self) -> str:
        return f"{self.channel:x} {self.message:x} {self.at:x}"


class ForgottenFiles:
    """Of all processes; each looks. Methods raise StoreUnavailableError."""

    def __init__(self, store: Store, current: CurrentClient, rates: Rates) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self._keep_s = store.ttl
        self._current = current
        self._rates = rates

    async def note(self, turn: Turn, channel: int, message: int) -> None:
        """Files of a turn stand on this message."""
        filed = _Filed(int(turn.id), channel, message, int(time.time()))
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(f"{self._prefix}filed", filed.key, filed.text)
            pipe.expire(f"{self._prefix}filed", self._keep_s)
            pipe.set(self._mark(filed), 1, ex=self._keep_s)
            await reply_of(pipe.execute())

    async def run(self) -> None:
        """Look for forgotten turns until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.tidy()
            except (StoreUnavailableError, PlatformAwayError) as error:
                log.info("files of forgotten answers are taken away later: %s", error)
            except Exception:
                log.exception("files of forgotten answers could not be taken away")

    async def tidy(self) -> None:
        """Take away the files of forgotten turns. Raises PlatformAwayError, HTTPException: try again later."""
        call = cast("Awaitable[dict[str, str]]", self._client.hgetall(f"{self._prefix}filed"))
        for filed in [_Filed.of(turn, text) for turn, text in (await reply_of(call)).items()]:
            if time.time() - filed.at < self._keep_s:
                if not await self._is_forgotten(filed):
                    continue
                await self._take_away(filed)
            await reply_of(self._client.hdel(f"{self._prefix}filed", filed.key))

    async def _take_away(self, filed: _Filed) -> None:
        place = await self._current.channel(filed.channel)
        await self._rates.enter("forgotten", self._rates.edits(str(filed.channel)))
        try:
            with as_core_errors():
                await place.get_partial_message(filed.message).edit(attachments=[])
        except (MessageGoneError, PlaceGoneError) as error:
            log.info("message %d has no files any more: %s", filed.message, error)
        except discord.HTTPException as error:
            if error.code == ARCHIVED:
                await self._current.reopen(filed.channel)
            raise

    async def _is_forgotten(self, filed: _Filed) -> bool:
        """Whether the turn was forgotten, and no other process sees to it just now."""
        if await reply_of(self._client.exists(self._mark(filed))):
            return False
        key = f"{self._prefix}unfiling:{filed.key}"
        return bool(await reply_of(self._client.set(key, 1, nx=True, ex=MINE_S)))

    def _mark(self, filed: _Filed) -> str:
        return f"{self._prefix}files-of:{filed.turn}"
