"""What is kept of a person or of a thread: handed out, or forgotten everywhere.

The core's own keys are known (records.py). What adapters keep beside them (titles and views of the page, forms, threads
they take part in, sessions) is found by looking through all keys of the platform for the ids that are to go: slower,
but it reaches what a later adapter keeps too.
"""

import json
import re
from collections.abc import Awaitable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from glados_bots.operations.dead_letters import dead, unanswered
from glados_bots.store.connection import reply_of
from glados_bots.store.records import Records, Vote
from glados_bots.store.store import Store

# The core's: what waits or runs is ended by its worker; that an event was taken in is kept a day (records.py);
# limits hide whom they count.
LEFT = ("t:", "c:", "ready", "wake", "dead", "seen:", "limit:", "pace:", "ch:")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data: a person, or a thread. One of the two is empty."""

    author: str = ""
    conversation: str = ""


@dataclass(slots=True)
class Forgotten:
    """What was taken away.

    Attributes:
        turns: questions with their answers.
        others: further keys, or entries in them.
        running: turns that a worker has yet to end; their words are gone, their messages and names not yet.
    """

    turns: list[str] = field(default_factory=list)
    others: int = 0
    running: int = 0


async def export(store: Store, subject: Subject) -> dict[str, Any]:
    """Everything kept of a subject, ready for JSON."""
    records, whose = Records(store), await authors(store, subject.author)
    kept = [(each.conversation, each.exchange) for author in whose for each in await records.exchanges_of(author)]
    if subject.conversation:
        kept += [(subject.conversation, exchange) for exchange in await store.history(subject.conversation)]
    pending = [
        {"conversation": letter.turn.conversation, "turn": letter.turn.id, "question": letter.turn.text,
         "author": letter.turn.author, "author_name": letter.turn.author_name, "state": letter.state}
        for letter in await unanswered(store) + await dead(store)
        if letter.turn.author in whose or letter.turn.conversation == subject.conversation
    ]  # fmt: skip
    return {
        "platform": store.platform,
        **{name: value for name, value in asdict(subject).items() if value},
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "exchanges": [
            {"conversation": conversation, **asdict(exchange), "votes": await _votes(records, exchange.turn, whose)}
            for conversation, exchange in kept
        ],
        "unanswered_or_given_up": pending,
    }


def as_json(found: dict[str, Any]) -> str:
    """An export as the text of a file."""
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


async def _votes(records: Records, turn: str, whose: list[str]) -> dict[str, Vote]:
    """Votes on an answer; in the export of a person only their own, as they are not told what others think."""
    return {person: vote for person, vote in (await records.votes(turn)).items() if not whose or person in whose}


async def forget(store: Store, subject: Subject) -> Forgotten:
    """Take it all away. Doing it again does no harm, and goes on where it was cut off."""
    records, turns, names = Records(store), list[str](), {subject.author, subject.conversation} - {""}
    for author in await authors(store, subject.author):
        conversations = await records.conversations_of(author)
        turns += await records.forget_author(author)
        names |= {author, *[each for each in conversations if not await store.history(each)]}
    if subject.conversation:
        turns += await records.forget_conversation(subject.conversation)
    names |= set(turns)
    found = Forgotten(turns, await _sweep(store, names))
    found.running = len([turn for turn in turns if await store.turn(turn)])
    return found


async def authors(store: Store, person: str) -> list[str]:
    """The ids a person's questions stand under: the id itself, and on the page the owners an address signed in as."""
    found = {person} if person else set()
    for key in await _keys(store) if "@" in person else []:
        if key.startswith(f"{store.prefix}session:"):
            found_session = await reply_of(cast("Awaitable[str | None]", store.client.get(key)))
            session = json.loads(found_session or "{}")
            if str(session.get("person", "")).casefold() == person.casefold():
                found.add(str(session.get("owner", "")))
    return sorted(found - {""})


async def shorten(store: Store) -> int:
    """Let nothing live longer than the store's time, after the setting was lowered; returns the keys it shortened."""
    count = 0
    for key in await _keys(store):
        left = await reply_of(store.client.ttl(key))
        if left > store.ttl:
            await reply_of(cast("Awaitable[object]", store.client.expire(key, store.ttl)))
            count += 1
    return count


async def _sweep(store: Store, names: Iterable[str]) -> int:
    """Delete what an adapter keeps under or about these ids; returns how many keys and entries."""
    wanted = re.compile(r"(?<![\w-])(?:" + "|".join(re.escape(name) for name in sorted(names)) + r")(?![\w-])")
    count = 0
    for key in await _keys(store):
        name = key.removeprefix(store.prefix)
        if name.startswith(LEFT):
            continue
        if wanted.search(name):
            count += int(await reply_of(store.client.delete(key)))
        else:
            count += await _strike(store, key, wanted)
    return count


async def _strike(store: Store, key: str, wanted: re.Pattern[str]) -> int:
    """Delete what is about these ids within one key."""
    client: Any = store.client
    match await reply_of(client.type(key)):
        case "string":
            value = await reply_of(client.get(key))
            return int(await reply_of(client.delete(key))) if value and wanted.search(value) else 0
        case "hash":
            fields = await reply_of(client.hgetall(key))
            hit = [name for name, value in fields.items() if wanted.search(name) or wanted.search(value)]
            return int(await reply_of(client.hdel(key, *hit))) if hit else 0
        case "set":
            hit = [member for member in await reply_of(client.smembers(key)) if wanted.search(member)]
            return int(await reply_of(client.srem(key, *hit))) if hit else 0
        case "zset":
            hit = [member for member in await reply_of(client.zrange(key, 0, -1)) if wanted.search(member)]
            return int(await reply_of(client.zrem(key, *hit))) if hit else 0
        case "list":
            hit = [member for member in await reply_of(client.lrange(key, 0, -1)) if wanted.search(member)]
            return sum([int(await reply_of(client.lrem(key, 0, member))) for member in hit])
    return 0


async def _keys(store: Store) -> list[str]:
    """All keys of the platform; `{` and `}` of the prefix mean nothing to SCAN."""
    keys, found = aiter(store.client.scan_iter(match=f"{store.prefix}*", count=1000)), set()
    while (key := await reply_of(anext(keys, None))) is not None:
        found.add(str(key))
    return sorted(found)
