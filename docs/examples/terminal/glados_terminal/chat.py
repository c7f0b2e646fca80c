"""Each line is a question. A person's lines are one conversation. An answer is drawn again while it grows."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Collection, Sequence
from itertools import chain
from uuid import uuid4

from rich.console import Console
from rich.live import Live
from rich.text import Text

from glados_bots.adapter_core import AdapterCore
from glados_bots.conversation import Attachment, Turn
from glados_bots.settings import Settings
from glados_bots.surface import Budget, FileLimits, PlainAnswer, UnreadableError, View
from glados_bots.wording.sentence import say


class TerminalSurface:
    """The `Surface` of a terminal. The screen dies with its process, so no message is ever found again.

    Attributes:
        views: the view of each answer that this terminal waits for, by its turn; None before the first view.
    """

    longest_call_s = 0.0  # a terminal draws at once
    files_out: FileLimits | None = None  # it shows everything

    def __init__(self) -> None:
        self.views: dict[str, View | None] = {}

    def answer(self, turn: Turn) -> PlainAnswer:
        return PlainAnswer()

    def budget(self, turn: Turn) -> Budget:
        """Ten edits of an answer per second, which is fast enough for the eye."""
        return Budget(f"screen:{turn.id}", 10, 1.0)

    async def fetch(self, turn: Turn, attachment: Attachment, most: int) -> bytes:
        """Raise: nobody attaches a file to a line."""
        raise UnreadableError(say("file-gone"))

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        """Draw an answer. It is one message here, so the turn's id is the message's id."""
        await self.edit(turn, turn.id, view)
        return turn.id

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        """Draw an answer, unless another terminal asked the question: this process may answer that, but not show it."""
        if turn.id in self.views:
            self.views[turn.id] = view

    async def find(self, turn: Turn, nonce: str) -> str | None:
        return None

    async def strays(self, turn: Turn, nonces: Sequence[str], posts: Collection[str]) -> list[str]:
        return []

    async def remove(self, turn: Turn, post: str) -> None:
        """Do nothing: drawn text stays."""


class Chat:
    """One terminal and its worker, for one person. After a restart it answers the questions that it left open."""

    def __init__(self, settings: Settings, person: str) -> None:
        self._core = AdapterCore(settings, "terminal", lambda *_: TerminalSurface())
        self._person = person
        self._screen = Console(highlight=False)

    async def run(self) -> None:
        """Chat until the input ends or a signal comes. Raises ConfigError and StoreUnavailableError."""
        working, talking = asyncio.create_task(self._core.run()), asyncio.create_task(self._talk())
        working.add_done_callback(lambda _: talking.cancel())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, talking.cancel)
        await asyncio.wait({talking})
        await self._core.drain()
        await working
        await self._core.aclose()
        if not talking.cancelled():
            talking.result()

    async def _talk(self) -> None:
        """Answer the questions that a killed process left open, then line after line."""
        for turn in await self._core.store.queue(self._person):
            await self._follow(turn)
        async for line in lines():
            await self._ask(line)

    async def _ask(self, line: str) -> None:
        """Accept a question. After `accept` has returned, it will be answered, even if processes die."""
        if len(line) > (longest := self._core.settings.message_max_chars):
            self._screen.print(str(say("too-long", length=len(line), most=longest)))
        elif line:
            verdict = await self._core.intake.accept(Turn(uuid4().hex, self._person, self._person, line))
            if verdict.refusal:
                self._screen.print(str(verdict.refusal))
            else:
                await self._follow(verdict.turn)

    async def _follow(self, turn: str) -> None:
        """Draw an answer while it grows. Read its end from the history: another terminal's worker may have answered."""
        views, store = self._core.surface.views, self._core.store
        views[turn] = None
        with Live(console=self._screen, auto_refresh=False, transient=True) as live:
            while turn in await store.queue(self._person):
                if view := views[turn]:
                    live.update(shown(view.chunk, view.notice), refresh=True)
                await asyncio.sleep(0.1)
            live.update("")
        view, history = views.pop(turn), await store.history(self._person)
        answers = [exchange.answer for exchange in history if exchange.turn == turn]
        self._screen.print(shown(*answers, view.notice if view else ""))


def shown(*parts: str) -> Text:
    """Other people's words without control characters, so that none of them controls the terminal."""
    text = "\n".join(filter(None, parts)).expandtabs(4)
    return Text("".join(one for one in text if one == "\n" or one.isprintable()))


async def lines() -> AsyncIterator[str]:
    """The lines of standard input. A thread waits for them, and ends with the process."""
    found, loop = asyncio.Queue[str](1), asyncio.get_running_loop()

    def read() -> None:
        with open(0, encoding="utf-8", errors="replace", closefd=False) as stdin:
            for line in chain(stdin, [""]):
                asyncio.run_coroutine_threadsafe(found.put(line), loop).result()

    threading.Thread(target=read, daemon=True).start()
    while line := await found.get():
        yield line.strip()
