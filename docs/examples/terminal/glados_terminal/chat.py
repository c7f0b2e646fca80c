"""A line is a question, the lines of a person are one conversation, and an answer is drawn anew while it grows."""

import asyncio
import getpass
import signal
import threading
from collections.abc import AsyncIterator
from uuid import uuid4

from rich.console import Console
from rich.live import Live
from rich.text import Text

from glados_bots.adapter_core import AdapterCore
from glados_bots.addressing import is_nothing
from glados_bots.conversation import Turn
from glados_bots.settings import Settings
from glados_bots.terminal import plain
from glados_terminal.surface import TerminalSurface

LOOK_EVERY_S = 0.1


class Chat:
    """One terminal and its worker. Whose turns are not answered when it ends: whoever starts next goes on with them."""

    def __init__(self, settings: Settings, person: str) -> None:
        self._core = AdapterCore(settings, "terminal", lambda *_: TerminalSurface())
        self._person = person
        self._screen = Console(highlight=False)

    async def run(self) -> None:
        """Talk and answer until the input ends or a signal comes. Raises StoreUnavailableError."""
        works = [asyncio.create_task(self._core.run()), asyncio.create_task(self._talk())]
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, works[1].cancel)
        done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        works[1].cancel()
        await self._core.drain()
        await asyncio.gather(*works, return_exceptions=True)
        await self._core.aclose()
        for work in done:
            if not work.cancelled():
                work.result()

    async def _talk(self) -> None:
        """What a killed process has left comes first."""
        for turn in await self._core.store.queue(self._person):
            await self._follow(turn)
        async for line in lines():
            if not is_nothing(line):
                await self._ask(line)

    async def _ask(self, line: str) -> None:
        """Take a question in. Once `accept` returns it is in Redis, and will be answered whatever dies."""
        longest = self._core.settings.message_max_chars
        if len(line) > longest:
            self._screen.print(f"This has {len(line)} characters; {longest} are allowed.")
            return
        verdict = await self._core.intake.accept(Turn(uuid4().hex, self._person, self._person, line))
        if verdict.refusal:
            self._screen.print(verdict.refusal)
        else:
            await self._follow(verdict.turn)

    async def _follow(self, turn: str) -> None:
        """Draw an answer until it is whole. Another terminal's worker may have it: then only its end is seen here."""
        views = self._core.surface.views
        views[turn] = None
        with Live(Text("…"), console=self._screen, auto_refresh=False) as live:
            while turn in await self._core.store.queue(self._person):
                if view := views[turn]:
                    live.update(Text(plain(f"{view.chunk}\n{view.notice}".strip() or "…")), refresh=True)
                await asyncio.sleep(LOOK_EVERY_S)
            view, history = views.pop(turn), await self._core.store.history(self._person)
            answers = [exchange.answer for exchange in history if exchange.turn == turn]
            notices = [view.notice] if view and view.notice else []
            live.update(Text(plain("\n".join(answers + notices))), refresh=True)


async def lines() -> AsyncIterator[str]:
    """Lines of standard input. A thread waits for them that nobody needs to wait for."""
    found, loop = asyncio.Queue[str](1), asyncio.get_running_loop()

    def read() -> None:
        line = "any"
        with open(0, encoding="utf-8", errors="replace", closefd=False) as stdin:
            while line:
                line = stdin.readline()
                asyncio.run_coroutine_threadsafe(found.put(line), loop).result()

    threading.Thread(target=read, daemon=True).start()
    while line := await found.get():
        yield line.strip()


def run(settings: Settings) -> None:
    """Run until the input ends, or SIGTERM or SIGINT."""
    asyncio.run(Chat(settings, getpass.getuser()).run())
