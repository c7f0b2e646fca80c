"""The session of a thread, which gives it Slack's own stop button.

What was begun, or may have been, is ended also when its process dies, or Slack fails: see loose_ends.py.
"""

import asyncio
import logging
from contextlib import suppress

from glados_bots.background import Background
from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.store.store import Store
from glados_bots.wording.sentence import say
from glados_slack.answers.features import Features
from glados_slack.answers.loose_ends import METHODS, Loose, LooseEnds, thread_of
from glados_slack.connection.budgets import budget, new_sessions
from glados_slack.connection.calls import Calls, LimitedError, NotSentError, RefusedError, UnknownOutcomeError
from glados_slack.titles import title

log = logging.getLogger(__name__)

MAX_TITLE = 60
LAST_MOMENT_S = 3.0


class AgentSessions:
    """Sessions of the turns that this process answers."""

    def __init__(self, store: Store, calls: Calls, loose: LooseEnds) -> None:
        self._store = store
        self._calls = calls
        self._loose = loose
        self._features = Features()
        self._open: set[str] = set()  # turns whose session has begun
        self._doubtful: set[str] = set()  # those whose session may have
        self._ending = Background()

    async def begin(self, turn: Turn) -> bool:
        """Let Slack show its stop button; True when it does."""
        if turn.id in self._open:
            return True
        if not self._features.has(turn, "session"):
            await self._name(turn)
            return False
        if not await self._calls.may(new_sessions(turn.place["team"]), turn.id):
            return False
        await self._loose.begin("session", turn)
        self._doubtful.add(turn.id)
        try:
            await self._calls(
                turn.place, METHODS["session"], **thread_of(turn.place), status="processing", title=_title(turn)
            )
        except UnknownOutcomeError as error:
            log.info("nobody knows whether a session has begun: %s", error)
            return False
        except (RefusedError, LimitedError, NotSentError) as error:
            await self._not_begun(turn, error)
            return False
        self._open.add(turn.id)
        return True

    async def _not_begun(self, turn: Turn, error: Exception) -> None:
        log.info("no session: %s", error)
        self._doubtful.discard(turn.id)
        await self._loose.ended("session", turn)
        if isinstance(error, RefusedError):
            self._features.refused(turn, "session", error)
            await self._name(turn)

    async def _name(self, turn: Turn) -> None:
        """Give a new thread of the older assistant's view a title; sessions carry theirs."""
        method = "assistant.threads.setTitle"
        has_title = turn.place["kind"] == "im" and self._features.has(turn, "title")
        if not has_title or await self._store.history(turn.conversation):
            return
        if await self._calls.may(budget(turn.place["team"], method), turn.id):
            try:
                await self._calls(turn.place, method, **thread_of(turn.place), title=_title(turn))
            except RefusedError as error:
                self._features.refused(turn, "title", error)
            except (LimitedError, NotSentError, UnknownOutcomeError) as error:
                log.info("no title: %s", error)

    def ending(self, turn: Turn) -> str | None:
        """The session's next state, to be given to the call that stops a stream; None without a session."""
        return "active" if turn.id in self._open | self._doubtful else None

    async def end(self, turn: Turn, *, is_told: bool = False) -> None:
        """The answer is complete: the session waits for the person again. `is_told` by a stream's stop."""
        had = turn.id in self._open | self._doubtful
        self._open.discard(turn.id)
        self._doubtful.discard(turn.id)
        if had and is_told:
            await self._loose.ended("session", turn)
        elif had:  # nobody waits for it
            self._ending.start(self._end(turn), f"session of {turn.id}")

    async def _end(self, turn: Turn) -> None:
        """What fails is left to those who look for loose ends."""
        try:
            loose = await self._loose.of("session", turn)
        except StoreUnavailableError:
            loose = None
        await self._loose.end_of(turn, loose or Loose("session", turn.id, turn.place))

    def adopt(self, turn: Turn) -> None:
        """Another process has begun this turn and may have left a session open."""
        if self._features.has(turn, "session"):
            self._open.add(turn.id)

    async def aclose(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_MOMENT_S):
                await self._ending.finish()
        await self._ending.cancel()


def _title(turn: Turn) -> str:
    return title(turn.text, MAX_TITLE) or say("a-question").in_language(turn.language)
