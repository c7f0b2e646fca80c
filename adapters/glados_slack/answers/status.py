"""The line under a thread that says what the bot is doing, and the session that gives it Slack's own stop button.

Slack takes the line away after two minutes, so it is said again while somebody still waits for a first word. Whether
that is so stands in the store, whoever works on the turn by then. What was begun, or may have been, is ended also when
its process dies, or Slack fails: see loose_ends.py.
"""

import asyncio
import logging
from contextlib import suppress

from glados_bots.background import Background
from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.store.store import Store
from glados_bots.surface import Budget, PlaceGoneError
from glados_slack.answers.loose_ends import LINE, METHODS, Loose, LooseEnds, thread_of
from glados_slack.connection.budgets import budget, new_sessions
from glados_slack.connection.calls import Calls, LimitedError, NotSentError, RefusedError, UnknownOutcomeError

log = logging.getLogger(__name__)

REFRESH_S = 90.0  # Slack keeps the line for 120
MAX_TITLE = 60
LAST_MOMENT_S = 3.0
WAITING = "Waiting for "


def wording(notice: str) -> str:
    """A notice as the end of a sentence that begins with our name."""
    if not notice:
        return "is thinking…"
    return f"is {notice[0].lower()}{notice[1:]}" if notice.startswith(WAITING) else f"is waiting. {notice}"


class StatusLines:
    """The lines of all threads this process answers in.

    Attributes:
        loose: what was begun and has not surely ended.
    """

    def __init__(self, store: Store, calls: Calls) -> None:
        self._store = store
        self._calls = calls
        self.loose = LooseEnds(store, calls)
        self._shown: dict[str, str] = {}
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._saying: set[str] = set()  # turns whose line is being said again at this moment
        self._sessions: set[str] = set()
        self._doubtful: set[str] = set()  # turns whose session may have begun
        self._without: set[tuple[str, str]] = set()
        self._ending = Background()  # refreshing told to end, sessions being ended

    async def show(self, turn: Turn, notice: str) -> bool:
        """Say what is going on; False when the line cannot be had here, so that a message must say it."""
        if not self._has(turn, "line"):
            return False
        text = wording(notice)
        if text == self._shown.get(turn.id) or not await self._calls.may(_budget(turn), turn.id):
            return turn.id in self._shown
        if turn.id not in self._shown:
            await self.loose.begin("line", turn)
        try:
            await self._set(turn, text)
        except RefusedError as error:
            log.info("no status line: %s", error)
            self._miss(turn, "line", error)
            if turn.id not in self._shown:
                await self.loose.ended("line", turn)
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
            loose = await self.loose.of("line", turn)
        except StoreUnavailableError:  # nobody knows whether a later turn shows its own meanwhile: none is in our order
            loose = Loose("line", turn.id, turn.place) if is_ours else None
        if loose and loose.turn == turn.id and await self.loose.end(loose):
            await self.loose.ended("line", turn)

    # --- sessions --------------------------------------------------------------------------------------------------

    async def begin(self, turn: Turn) -> bool:
        """Let Slack show its stop button; True when it does."""
        method = METHODS["session"]
        if turn.id in self._sessions:
            return True
        if not self._has(turn, "session"):
            await self._name(turn)
            return False
        if not await self._calls.may(new_sessions(turn.place["team"]), turn.id):
            return False
        await self.loose.begin("session", turn)
        self._doubtful.add(turn.id)
        try:
            await self._calls(turn.place, method, **thread_of(turn.place), status="processing", title=_title(turn))
        except UnknownOutcomeError as error:
            log.info("nobody knows whether a session has begun: %s", error)
            return False
        except (RefusedError, LimitedError, NotSentError) as error:
            self._doubtful.discard(turn.id)
            await self.loose.ended("session", turn)
            log.info("no session: %s", error)
            if isinstance(error, RefusedError):
                self._miss(turn, "session", error)
                await self._name(turn)
            return False
        self._sessions.add(turn.id)
        return True

    async def _name(self, turn: Turn) -> None:
        """Give a new thread of the older assistant's view a title; sessions carry theirs."""
        method = "assistant.threads.setTitle"
        if turn.place["kind"] != "im" or not self._has(turn, "title") or await self._store.history(turn.conversation):
            return
        if await self._calls.may(budget(turn.place["team"], method), turn.id):
            try:
                await self._calls(turn.place, method, **thread_of(turn.place), title=_title(turn))
            except RefusedError as error:
                self._miss(turn, "title", error)
            except (LimitedError, NotSentError, UnknownOutcomeError) as error:
                log.info("no title: %s", error)

    def ending(self, turn: Turn) -> str | None:
        """The session's next state, to be given to the call that stops a stream; None without a session."""
        return "active" if turn.id in self._sessions | self._doubtful else None

    async def end(self, turn: Turn, *, is_told: bool = False) -> None:
        """The answer is complete: the session waits for the person again. `is_told` by a stream's stop."""
        had = turn.id in self._sessions | self._doubtful
        self._sessions.discard(turn.id)
        self._doubtful.discard(turn.id)
        if had and is_told:
            await self.loose.ended("session", turn)
        elif had:  # nobody waits for it
            self._ending.start(self._end(turn), f"session of {turn.id}")

    async def _end(self, turn: Turn) -> None:
        """End the session, unless it is a later turn's by now; what fails is left to those who look for loose ends."""
        try:
            loose = await self.loose.of("session", turn) or Loose("session", turn.id, turn.place)
        except StoreUnavailableError:
            loose = Loose("session", turn.id, turn.place)
        if loose.turn == turn.id and await self.loose.end(loose):
            await self.loose.ended("session", turn)

    async def adopt(self, turn: Turn) -> None:
        """Another process has begun this turn and may have left a session open."""
        if self._has(turn, "session"):
            self._sessions.add(turn.id)

    async def aclose(self) -> None:
        """End all refreshing; sessions get a moment to be ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_MOMENT_S):
                await self._ending.finish()
        for task in self._refreshing.values():
            self._ending.keep(task)
        await self._ending.cancel()

    # --- small steps -----------------------------------------------------------------------------------------------

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

    def _has(self, turn: Turn, what: str) -> bool:
        return (turn.place["team"], what) not in self._without

    def _miss(self, turn: Turn, what: str, error: RefusedError) -> None:
        """Remember what a workspace does not have; what only this thread refuses is tried again elsewhere."""
        if error.code in {"feature_disabled", "unknown_method", "missing_scope", "not_agent_app", "not_allowed"}:
            self._without.add((turn.place["team"], what))


def _budget(turn: Turn) -> Budget:
    return budget(turn.place["team"], METHODS["line"])


def _title(turn: Turn) -> str:
    return " ".join(turn.text.split())[:MAX_TITLE] or "A question"
