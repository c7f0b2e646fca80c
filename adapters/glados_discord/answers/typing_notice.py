"""Discord's "… is typing" while a question waits. It is renewed only as long as the turn exists."""

import asyncio
import logging
from contextlib import suppress

import discord

from glados_bots.background import Background
from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.store.store import Store
from glados_bots.surface import State
from glados_discord.connection.current_client import CurrentClient, NotConnectedError
from glados_discord.connection.rates import Rates
from glados_discord.connection.refusals import Temporary

log = logging.getLogger(__name__)

EVERY_S = 8.0  # the notice lasts ten seconds


class TypingNotice:
    """Runs one task per waiting turn."""

    def __init__(self, current: CurrentClient, store: Store, rates: Rates) -> None:
        self._current = current
        self._store = store
        self._rates = rates
        self._shown: dict[str, asyncio.Task[None]] = {}  # by the turn's id
        self._background = Background()  # these tasks, and those that are about to end

    def follow(self, turn: Turn, channel: int, state: State) -> None:
        if state != "waiting":
            self.end(turn)
        elif turn.id not in self._shown:
            task = self._background.start(self._show(turn, channel), f"typing {turn.id}")
            self._shown[turn.id] = task
            task.add_done_callback(lambda task: self._forget(turn, task))

    def end(self, turn: Turn) -> None:
        if task := self._shown.pop(turn.id, None):
            task.cancel()

    async def aclose(self) -> None:
        """End all tasks, and wait for their ends."""
        await self._background.cancel()

    def _forget(self, turn: Turn, task: asyncio.Task[None]) -> None:
        if self._shown.get(turn.id) is task:
            del self._shown[turn.id]

    async def _show(self, turn: Turn, channel: int) -> None:
        """Renew the notice while the queue holds the turn: another process may answer it meanwhile."""
        while True:
            with suppress(discord.HTTPException, NotConnectedError, *Temporary):
                await self._rates.enter(turn.id)
                await (await self._current.channel(channel)).typing()
            await asyncio.sleep(EVERY_S)
            try:
                if turn.id not in await self._store.queue(turn.conversation):
                    return
            except StoreUnavailableError:
                return
