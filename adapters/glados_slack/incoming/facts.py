"""What is remembered of channels and questions, so that a gap can be looked through: `catch_up.py`.

    glados:{slack}:alive      int    when events last could arrive, in ms of Redis' clock
    glados:{slack}:gaps       zset   since when none could, in ms -> when they could again
    glados:{slack}:looked     hash   CHANNEL, or THREAD: until when it was looked through, in ms
    glados:{slack}:looking    str    some process looks just now
    glados:{slack}:channels   zset   a channel and what its events say of it, as JSON -> when it was heard of
    glados:{slack}:asked      zset   THREAD MESSAGE of a question -> when it was accepted or refused

These are ids, without any text, and all of them run out by themselves.
"""

import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self, cast

from glados_bots.store.connection import reply_of
from glados_bots.store.marks import Latest
from glados_bots.store.store import DEDUPE_SECONDS, Store
from glados_slack.connection.installs import Install
from glados_slack.connection.places import Event, conversation_of, message_id, place_of

GAP_MS = 2_000  # Slack tries an event again at once, so it comes by itself after shorter ones
CHANNEL_EVERY_S = 600.0
MOST_CHANNELS = 1_000
MOST_ASKED = 1_000
HOME = ("team_id", "enterprise_id", "context_team_id", "is_ext_shared_channel")
# KEYS: alive, gaps; ARGV: shortest gap, seconds to keep both.
_STAMP = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('GET', KEYS[1])
if before and now - before > tonumber(ARGV[1]) then
  redis.call('ZADD', KEYS[2], now, before)
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
redis.call('SET', KEYS[1], now, 'EX', ARGV[2])
return now
"""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, and whatever events of it say beside their message: `body`."""

    id: str
    kind: str
    team: str
    enterprise: str
    body: Mapping[str, Any]

    @classmethod
    def of(cls, event: Event, install: Install) -> Self:
        """The channel as an event tells of it."""
        place = place_of(event, install)
        body = {name: event.body[name] for name in HOME if event.body.get(name)}
        told = event.body.get("authorizations") or []
        homes = [{name: one.get(name) for name in ("team_id", "enterprise_id")} for one in told]
        return cls(event.channel, event.kind, place["team"], place["enterprise"], {**body, "authorizations": homes})

    def event(self, message: Mapping[str, Any]) -> Event:
        """A message as if it had just come as an event."""
        return Event.of({**self.body, "event": {**message, "channel": self.id, "channel_type": self.kind}})


class SlackFacts:
    """Of one process and of all. Every method raises StoreUnavailableError."""

    def __init__(self, store: Store) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self._channels = Latest(store, "channels", MOST_CHANNELS, store.ttl, each=False)
        self._asked = Latest(store, "asked", MOST_ASKED, DEDUPE_SECONDS)
        self._stamp = store.client.register_script(_STAMP)
        self._known: dict[str, tuple[float, str]] = {}

    # --- channels and questions ------------------------------------------------------------------------------------

    async def note_channel(self, event: Event, install: Install) -> None:
        text = json.dumps(asdict(Channel.of(event, install)), sort_keys=True)
        noted_at, known = self._known.get(event.channel, (0.0, ""))
        if not event.channel or (known == text and time.monotonic() - noted_at < CHANNEL_EVERY_S):
            return
        await self._channels.note(text)
        self._known[event.channel] = time.monotonic(), text

    async def channels(self) -> list[Channel]:
        """The channels with something written lately, newest first."""
        found: dict[str, Channel] = {}
        for text in await self._channels.names():
            channel = Channel(**json.loads(text))
            found.setdefault(channel.id, channel)
        return list(found.values())

    async def note_asked(self, place: Mapping[str, str]) -> None:
        """The question at this place was accepted, or its person was told why not."""
        await self._asked.note(_question(place["channel"], place["thread"], place["ts"]))

    async def drop_asked(self, channel: str, thread: str, ts: str) -> None:
        await self._asked.drop(_question(channel, thread, ts))

    async def asked(self) -> dict[str, dict[str, float]]:
        """By thread: timestamps of its questions, and when each was accepted; threads with the newest ones first."""
        threads = defaultdict[str, dict[str, float]](dict)
        for name, at in (await self._asked.names()).items():
            thread, _, message = name.partition(" ")
            threads[thread][message.rpartition(":")[2]] = at
        return threads

    # --- gaps ------------------------------------------------------------------------------------------------------

    async def stamp(self, *, is_first: bool = False) -> None:
        """Events can arrive now; a time in which they could not is noted as a gap.

        So is the time just before a process stamps for the first time: its predecessor may have died with events.
        """
        keys = [f"{self._prefix}alive", f"{self._prefix}gaps"]
        await reply_of(self._stamp(keys=keys, args=[-1 if is_first else GAP_MS, DEDUPE_SECONDS]))

    async def gaps(self) -> dict[int, int]:
        found: Any = await reply_of(self._client.zrange(f"{self._prefix}gaps", 0, -1, withscores=True))
        return {int(since): int(until) for since, until in found}

    async def looked(self) -> dict[str, int]:
        """Until when each channel or thread was looked through."""
        found = await reply_of(cast("Awaitable[dict[str, str]]", self._client.hgetall(f"{self._prefix}looked")))
        return {name: int(until) for name, until in found.items()}

    async def note_looked(self, name: str, until: int) -> None:
        key = f"{self._prefix}looked"
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(key, name, str(until))
            pipe.expire(key, DEDUPE_SECONDS)
            await reply_of(pipe.execute())

    async def close(self, gaps: Mapping[int, int]) -> None:
        call: Any = self._client.zrem(f"{self._prefix}gaps", *map(str, gaps))
        await reply_of(call)
        if not await self.gaps():
            await reply_of(self._client.delete(f"{self._prefix}looked"))

    async def take(self, seconds: float) -> bool:
        """Whether this process is the one to look, for so long."""
        return bool(await reply_of(self._client.set(f"{self._prefix}looking", 1, nx=True, px=int(seconds * 1000))))

    async def keep(self, seconds: float) -> None:
        await reply_of(self._client.set(f"{self._prefix}looking", 1, px=int(seconds * 1000)))

    async def give_back(self) -> None:
        await reply_of(self._client.delete(f"{self._prefix}looking"))


def _question(channel: str, thread: str, ts: str) -> str:
    return f"{conversation_of(channel, thread)} {message_id(channel, ts)}"
