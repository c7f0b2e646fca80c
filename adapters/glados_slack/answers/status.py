"""The line under a thread that says what the bot is doing.

Slack takes the line away after two minutes, so it is said again while somebody still waits for a first word. Whether
that is so stands in the store, whoever works on the turn by then. What was begun, or may have been, is ended also when
its process dies, or Slack fails: see loose_ends.py.
"""

import asyncio
import logging

from glados_bots.background import Background
from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.store.store import Store
from glados_bots.surface import Budget, PlaceGoneError
from glados_bots.wording.sentence import Sentence, say
from glados_slack.answers.features import Features
from glados_slack.answers.loose_ends import LINE, METHODS, Loose, LooseEnds, thread_of
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls, LimitedError, NotSentError, RefusedError, UnknownOutcomeError

log = logging.getLogger(__name__)

REFRESH_S = 90.0  # Slack keeps the line for 120
LAST_MOMENT_S = 3.0


def line(notice: str) -> Sentence:
    """A notice as the end of a sentence that begins with our name."""
    return say("status-is-waiting", notice=notice) if notice else say("status-is-thinking")


class StatusLines:
    """The lines of all threads this process answers in."""

    def __init__(self, store: Store, calls: Calls, loose: LooseEnds) -> None:
        self._store = store
        self._calls = calls
        self._loose = loose
        self._features = Features()
        self._shown: dict[str, str] = {}
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._saying: set[str] = set()  # turns whose line is being said again at this moment
        self._ending = Background()  # refreshing told to end

    async def show(self, turn: Turn, notice: str) -> bool:
        """Say what is going on; False when the line cannot be had here, so that a message must say it."""
        if not self._features.has(turn, "line"):
            return False
        text = line(notice).in_language(turn.language)
        if text == self._shown.get(turn.id) or not await self._calls.may(_budget(turn), turn.id):
            return turn.id in self._shown
        if turn.id not in self._shown:
            await self._loose.begin("line", turn)
        try:
            await self._set(turn, text)
        except RefusedError as error:
            log.info("no status line: %s", error)
            self._features.refused(turn, "line", error)
            if turn.id not in self._shown:
                await self._loose.ended("line", turn)
            return False
        except (LimitedError, NotSentError, UnknownOutcomeError) as error:
            log.info("the status line was not changed: %s", error)
        self._shown[turn.id] = text
        if turn.id not in self._refreshing:
            task = asyncio.create_task(self._refresh(turn), name=f"status of {turn.id}")
            self._refreshing[turn.id] = task
        return True

    async def clear(self, turn: Turn) -> None:
        """Take the line away, also one that another process has shown; nothing happens where none was."""
        is_ours = bool(self._shown.pop(turn.id, ""))
        if task := self._refreshing.pop(turn.id, None):
            if turn.id in self._saying:  # Slack must not be told the line after its end
                await asyncio.wait({task}, timeout=LAST_MOMENT_S)
            task.cancel()
            self._ending.keep(task)
        try:
            loose = await self._loose.of("line", turn)
        except StoreUnavailableError:  # nobody knows whether a later turn shows its own meanwhile: none is in our order
            loose = Loose("line", turn.id, turn.place) if is_ours else None
        if loose:
            await self._loose.end_of(turn, loose)

    async def aclose(self) -> None:
        for task in self._refreshing.values():
            self._ending.keep(task)
        await self._ending.cancel()

    async def _set(self, turn: Turn, text: str) -> None:
        await self._calls(turn.place, METHODS["line"], **thread_of(turn.place), status=text)

    async def _refresh(self, turn: Turn) -> None:
        """Say the line again and again, as long as it is what stands for the answer."""
        try:
            while turn.id in self._shown:
                await asyncio.sleep(REFRESH_S)
                try:
                    if not await self._stands(turn):
                        return
                    await self._calls.wait(_budget(turn), turn.id)
                    if text := self._shown.get(turn.id):
                        self._saying.add(turn.id)
                        await self._calls.quietly(turn.place, METHODS["line"], **thread_of(turn.place), status=text)
                except StoreUnavailableError:
                    continue
                finally:
                    self._saying.discard(turn.id)
        except PlaceGoneError:
            return
        finally:
            if self._refreshing.get(turn.id) is asyncio.current_task():
                del self._refreshing[turn.id]

    async def _stands(self, turn: Turn) -> bool:
        """Whether the line still stands for the answer: it is noted so, or will be in a moment."""
        posts = await self._store.posts(turn.id)
        return posts == (LINE,) or (not posts and await self._store.turn(turn.id) is not None)


def _budget(turn: Turn) -> Budget:
    return budget(turn.place["team"], METHODS["line"])
