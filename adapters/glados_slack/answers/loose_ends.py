"""What would be left standing if a process died, or Slack failed, at the wrong moment: sessions and status lines.

Redis is told before one is begun, and again when it has surely ended. What is still noted when its turn is over is
ended by whichever process looks first, again and again until Slack has taken it.

    glados:{slack}:loose          hash   KIND CHANNEL THREAD -> JSON: the turn that has begun it, its place, when
    glados:{slack}:tidying:ENTRY  str    somebody sees to it just now
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, cast

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_bots.surface import PlaceGoneError, PlatformAwayError
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls, RefusedError

log = logging.getLogger(__name__)

Kind = Literal["session", "line"]
LINE = "status"  # the name of the line among a turn's posts
EVERY_S = 5.0  # looks for what is left
YOUNG_S = 5.0  # whoever has ended a turn gets so long to end the rest by itself
PAUSE_S = 30.0  # before the next try at what could not be ended
OVER = frozenset({"", "done", "dead"})  # states of turns; those of deleted questions have none
METHODS = {"session": "agents.sessions.setStatus", "line": "assistant.threads.setStatus"}
ENDED = {"session": "active", "line": ""}
# KEYS[1] the hash; ARGV: entry, its text. Deletes the entry if it still says that.
_DROP = "if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end return 1"


@dataclass(frozen=True, slots=True)
class Loose:
    """Something that a turn has begun, or may have."""

    kind: Kind  # a session, or a status line
    turn: str  # its id
    place: Mapping[str, str]  # as of the turn
    at: float = field(default_factory=time.time)  # when, in seconds since the epoch

    @property
    def name(self) -> str:
        """The entry of a loose end: a thread has one session and one line, whoever has begun them."""
        return f"{self.kind} {self.place['channel']} {self.place['thread']}"

    @classmethod
    def read(cls, text: str) -> Self:
        return cls(**json.loads(text))

    @property
    def text(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def thread_of(place: Mapping[str, str]) -> dict[str, str]:
    """The arguments by which both methods name a thread."""
    return {"channel_id": place["channel"], "thread_ts": place["thread"]}


class LooseEnds:
    """Notes of what was begun, and the end of it. Methods raise StoreUnavailableError where nothing else is said."""

    def __init__(self, store: Store, calls: Calls) -> None:
        self._store = store
        self._calls = calls
        self._key = f"{store.prefix}loose"
        self._drop = store.client.register_script(_DROP)

    async def begin(self, kind: Kind, turn: Turn) -> None:
        """Note what is about to be begun. What an earlier turn has left in this thread is this turn's from now on."""
        loose = Loose(kind, turn.id, dict(turn.place))
        call: Any = self._store.client.hset(self._key, loose.name, loose.text)
        await reply_of(call)

    async def of(self, kind: Kind, turn: Turn) -> Loose | None:
        """What stands in the thread of a turn, whichever turn has begun it."""
        name = Loose(kind, turn.id, turn.place).name
        found = await reply_of(cast("Awaitable[str | None]", self._store.client.hget(self._key, name)))
        return Loose.read(found) if found else None

    async def ended(self, kind: Kind, turn: Turn) -> None:
        """What this turn has begun has surely ended or never was. If Redis is not reachable, we end it again later."""
        try:
            loose = await self.of(kind, turn)
            if loose and loose.turn == turn.id:
                await self._forget(loose)
        except StoreUnavailableError as error:
            log.info("turn %s: that its %s has ended is not noted: %s", turn.id, kind, error)

    async def end(self, loose: Loose) -> bool:
        """Tell Slack that it is over; False when Slack may not have heard."""
        method = METHODS[loose.kind]
        await self._calls.wait(budget(loose.place["team"], method), loose.turn)
        try:
            await self._calls(loose.place, method, **thread_of(loose.place), status=ENDED[loose.kind])
        except PlatformAwayError as error:
            log.info("turn %s: its %s could not be ended: %s", loose.turn, loose.kind, error)
            return False
        except (RefusedError, PlaceGoneError) as error:
            log.info("turn %s: its %s cannot be ended: %s", loose.turn, loose.kind, error)
        return True

    async def end_of(self, turn: Turn, loose: Loose) -> None:
        """End what stands in a turn's thread, unless it is a later turn's by now."""
        if loose.turn == turn.id and await self.end(loose):
            await self.ended(loose.kind, turn)

    # --- what others have left -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look for what is left, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.tidy()
            except StoreUnavailableError as error:
                log.info("%s", error)
            except Exception:
                log.exception("what is left of ended turns could not be ended")

    async def tidy(self) -> None:
        """End what is left of turns that are over."""
        found = await reply_of(cast("Awaitable[dict[str, str]]", self._store.client.hgetall(self._key)))
        for text in found.values():
            loose = Loose.read(text)
            is_old = time.time() - loose.at >= YOUNG_S
            is_left = is_old and await self._is_over(loose) and await self._is_mine(loose)
            if is_left and await self.end(loose):
                await self._forget(loose)

    async def _is_over(self, loose: Loose) -> bool:
        """Whether nobody works on its turn any more; a line also gives way to the turn's first message."""
        if (await self._store.state(loose.turn) or "") in OVER:
            return True
        posts: tuple[Any, ...] = await self._store.posts(loose.turn) if loose.kind == "line" else ()
        return bool(posts) and LINE not in posts

    async def _is_mine(self, loose: Loose) -> bool:
        """Whether no other process sees to it just now, or has failed at it a moment ago."""
        name = f"{self._store.prefix}tidying:{loose.name}"
        return bool(await reply_of(self._store.client.set(name, 1, nx=True, px=int(PAUSE_S * 1000))))

    async def _forget(self, loose: Loose) -> None:
        await reply_of(self._drop(keys=[self._key], args=[loose.name, loose.text]))
