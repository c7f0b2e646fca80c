"""Discord's "… is typing" while a question waits: renewed as long as the turn is really there, and never after."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import discord

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.store import Store
from glados_bots.surface import State
from glados_discord.link import Link, NotConnectedError
from glados_discord.rates import Rates
from glados_discord.refusals import Temporary

log = logging.getLogger(__name__)

EVERY_S = 8.0  # the sign lasts ten seconds


class TypingNotice:
    """One task for each turn that waits.

    A task is told to end besides being cancelled: redis-py may turn a cancellation that hits one of its calls into a
    time-out.
    """

    def __init__(self, link: Link, store: Store, rates: Rates) -> None:
        self._link = link
        self._store = store
        self._rates = rates
        self._tasks: set[asyncio.Task[None]] = set()  # also those that were told to end and are still about to
        self._shown: dict[str, Callable[[], None]] = {}  # turns with the sign, and what ends it

    def follow(self, turn: Turn, channel: int, state: State) -> None:
        """Show the sign while a turn waits, and end it when it does not."""
        if state != "waiting":
            self.end(turn)
        elif turn.id not in self._shown:
            ended = asyncio.Event()
            task = asyncio.create_task(self._show(turn, channel, ended), name=f"typing {turn.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

            def end() -> None:
                ended.set()
                task.cancel()

            self._shown[turn.id] = end

    def end(self, turn: Turn) -> None:
        """No more sign for this turn."""
        if end := self._shown.pop(turn.id, None):
            end()

    async def aclose(self) -> None:
        """End all."""
        for end in self._shown.values():
            end()
        self._shown.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _show(self, turn: Turn, channel: int, ended: asyncio.Event) -> None:
        """Another process may answer the turn meanwhile: the queue tells the truth."""
        while True:
            with suppress(discord.HTTPException, NotConnectedError, *Temporary):
                await self._rates.enter(turn.id)
                if not ended.is_set():
                    await (await self._link.channel(channel)).typing()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await ended.wait()
                    return
            try:
                waits = turn.id in await self._store.queue(turn.conversation)
            except StoreUnavailableError:
                waits = False
            if not waits:
                self._shown.pop(turn.id, None)
                return
