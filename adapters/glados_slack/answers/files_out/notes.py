"""What is noted of uploads, so that each file stands once, whichever process dies, and none outlives its turn's data.

A file's id is noted before its bytes go. Its slot is its name and its content, so the same file of an answer is found
again. When a person is forgotten, the sweep strikes out the slots, which name the turn. A file without its slot is to
be deleted; what is noted of it then names nobody.

    glados:{slack}:out:HASH   hash  of a turn, whose id the hash hides: SLOT -> JSON: turn, file, whether it stands
    glados:{slack}:uploads    hash  FILE -> JSON, see `Upload`: not surely shared, or to be deleted
    glados:{slack}:uploaded   hash  FILE -> the same: stands in its thread
    glados:{slack}:filling:HASH:SLOT   str   somebody wants the file, and a process uploads it

All of them expire with the turn's data, or a moment later.
"""

import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from glados_bots.conversation import Turn
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_bots.surface import OutFile

LONGEST_S = 60  # a process that died while it filled a slot keeps others from it so long
MORE_S = 60  # by which a slot outlives the time after which a file is left alone
# KEYS: out, uploads, uploaded; ARGV: slot, its text before and from now on, file, upload, seconds. 1 if it was so.
_DONE = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[4])
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
redis.call('EXPIRE', KEYS[3], ARGV[6])
return 1
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """What is known of one file of an answer."""

    turn: str
    file: str  # Slack's id
    is_there: bool = False  # whether it stands in the thread

    @property
    def text(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Upload:
    """Where a file is, without a word about whose it is."""

    team: str
    enterprise: str
    of: str  # HASH of its turn
    slot: str
    at: float = field(default_factory=time.time)  # of its last change, in seconds since the epoch

    @property
    def place(self) -> dict[str, str]:
        return {"team": self.team, "enterprise": self.enterprise}

    @property
    def age_s(self) -> float:
        return time.time() - self.at

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))


def hidden(turn: str) -> str:
    return hashlib.sha256(turn.encode()).hexdigest()[:25]


def slot_of(file: OutFile) -> str:
    return f"{file.name} {hashlib.sha256(file.content).hexdigest()}"


class UploadNotes:
    """Methods raise StoreUnavailableError."""

    def __init__(self, store: Store) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self._keep_s = store.ttl
        self._open, self._stand = f"{store.prefix}uploads", f"{store.prefix}uploaded"
        self._done = store.client.register_script(_DONE)

    async def slots(self, turn: str) -> dict[str, Slot]:
        """The files of a turn by their slots."""
        found = await self._all(self._out(hidden(turn)))
        return {slot: Slot(**json.loads(text)) for slot, text in found.items()}

    def upload(self, turn: Turn, slot: str) -> Upload:
        return Upload(turn.place["team"], turn.place.get("enterprise", ""), hidden(turn.id), slot)

    async def begin(self, turn: Turn, slot: str, file: str) -> Upload:
        """A file is about to be uploaded into a slot. What was there is to be deleted from now on."""
        upload, out = self.upload(turn, slot), self._out(hidden(turn.id))
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(out, slot, Slot(turn.id, file).text)
            pipe.expire(out, self._keep_s + MORE_S)
            pipe.hset(self._open, file, upload.text)
            pipe.expire(self._open, self._keep_s + MORE_S)
            await reply_of(pipe.execute())
        return upload

    async def done(self, upload: Upload, file: str) -> bool:
        """A file stands in its thread. False if its slot was taken from it meanwhile: then it is to be deleted."""
        slot = await self._slot(upload)
        if slot is None or slot.file != file:
            return False
        keys = [self._out(upload.of), self._open, self._stand]
        stands, entry = replace(slot, is_there=True).text, replace(upload, at=time.time()).text
        args: list[str | int] = [upload.slot, slot.text, stands, file, entry, self._keep_s + MORE_S]
        return slot.is_there or bool(await reply_of(self._done(keys=keys, args=args)))

    async def drop(self, turn: Turn, slots: Iterable[str]) -> dict[str, Upload]:
        """Empty some slots of a turn; returns what was in them, which is to be deleted."""
        known = await self.slots(turn.id)
        dropped = {known[slot].file: self.upload(turn, slot) for slot in slots if slot in known}
        if dropped:
            await self._move(dropped)
        return dropped

    @asynccontextmanager
    async def alone(self, turn: Turn, slot: str) -> AsyncIterator[bool]:
        """Whether nobody else fills this slot because somebody wants the file, in any process."""
        key = f"{self._prefix}filling:{hidden(turn.id)}:{slot}"
        is_alone = bool(await reply_of(self._client.set(key, 1, nx=True, ex=LONGEST_S)))
        try:
            yield is_alone
        finally:
            if is_alone:
                await reply_of(self._client.delete(key))

    async def release(self, file: str, upload: Upload) -> None:
        """Empty the file's slot: it is to be deleted."""
        await self._move({file: upload})

    async def holds(self, upload: Upload, file: str) -> bool:
        """Whether the file's slot has it."""
        slot = await self._slot(upload)
        return slot is not None and slot.file == file

    async def opened(self) -> dict[str, Upload]:
        """Files that are not surely shared, or to be deleted."""
        return {file: Upload(**json.loads(text)) for file, text in (await self._all(self._open)).items()}

    async def erased(self, file: str) -> None:
        """A file is gone for good."""
        call: Any = self._client.hdel(self._open, file)
        await reply_of(call)

    async def find_forgotten(self) -> None:
        """Let the files of turns that were forgotten be deleted. Files whose time is over are left alone."""
        stand = {file: Upload(**json.loads(text)) for file, text in (await self._all(self._stand)).items()}
        over = [file for file, upload in stand.items() if upload.age_s > self._keep_s]
        if over:
            call: Any = self._client.hdel(self._stand, *over)
            await reply_of(call)
        young = {file: upload for file, upload in stand.items() if file not in over}
        async with self._client.pipeline(transaction=False) as pipe:
            for upload in young.values():
                pipe.hexists(self._out(upload.of), upload.slot)
            known = await reply_of(pipe.execute()) if young else []
        forgotten = [file for file, is_known in zip(young, known, strict=True) if not is_known]
        if forgotten:
            await self._move({file: young[file] for file in forgotten})

    async def _move(self, uploads: Mapping[str, Upload]) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            for file, upload in uploads.items():
                pipe.hdel(self._out(upload.of), upload.slot)
                pipe.hdel(self._stand, file)
                pipe.hset(self._open, file, replace(upload, at=time.time()).text)
            pipe.expire(self._open, self._keep_s + MORE_S)
            await reply_of(pipe.execute())

    async def _slot(self, upload: Upload) -> Slot | None:
        call = self._client.hget(self._out(upload.of), upload.slot)
        found = await reply_of(cast("Awaitable[str | None]", call))
        return Slot(**json.loads(found)) if found else None

    async def _all(self, key: str) -> dict[str, str]:
        return await reply_of(cast("Awaitable[dict[str, str]]", self._client.hgetall(key)))

    def _out(self, name: str) -> str:
        return f"{self._prefix}out:{name}"
