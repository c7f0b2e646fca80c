"""A question with files, as the page's script posts it: a form of `text`, `key` and any number of `files`.

Everything is bounded: a form by what it announces and by what arrives, all forms in memory by a `Room`, and all bytes
in Redis by `Unread`. The bytes stay in memory until Redis has the question, and in Redis until a worker has read them.
"""

import asyncio
import base64
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from fastapi import HTTPException, Request
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from glados_bots.attachments.contents import name_of
from glados_bots.conversation import Attachment
from glados_bots.settings import Settings
from glados_bots.store.store import Store
from glados_bots.wording.sentence import say
from glados_web.question import Posted, checked

MB = 2**20
MOST_MB = 64  # of the files of one question; memory and Redis hold them
ROOM_MB = 2 * MOST_MB  # of all forms in memory
UNREAD_MB = 4 * MOST_MB  # of all files of this process that wait in Redis
HEAD_BYTES = 5000  # of one part beside its content, by python-multipart's limits
MOST_FILES = 50  # as GLADOS_ATTACHMENTS_MAX at most
LONGEST_NAME = 120  # characters
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_KIND = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the files of one question may have. All are 0 if the operator has switched files off."""

    files: int
    file_mb: int
    together_mb: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        if not settings.attachment_max_mb or not settings.attachments_max:
            return cls(0, 0, 0)
        largest = min(settings.attachment_max_mb, MOST_MB)
        return cls(settings.attachments_max, largest, min(2 * largest, MOST_MB))


class Room:
    """Memory for the forms of all visitors. One visitor gets half of it at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def take(self, visitor: str, size: int) -> Iterator[None]:
        """Take `size` bytes. Raises HTTPException (503) if they are not free: the page's script asks again."""
        if self._taken.total() + size > self._most or self._taken[visitor] + size > self._most // 2:
            raise _full()
        self._taken[visitor] += size
        try:
            yield
        finally:
            self._taken[visitor] -= size
            self._taken += Counter()  # drops visitors without a form


class Unread:
    """Files that wait in Redis until a worker has read them. Those of one visitor are half of all at most."""

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self._most = most
        self._held: dict[str, tuple[str, int]] = {}  # by turn: visitor and bytes

    async def make_room(self, visitor: str, size: int) -> None:
        """Raises HTTPException (503) if too much is unread for `size` bytes more."""
        if not self._has_room(visitor, size):
            unread = await self._store.unread_among([*self._held])
            self._held = {turn: held for turn, held in self._held.items() if turn in unread}
        if not self._has_room(visitor, size):
            raise _full()

    def add(self, visitor: str, turn: str, size: int) -> None:
        self._held[turn] = (visitor, size)

    def _has_room(self, visitor: str, size: int) -> bool:
        own = sum(held for owner, held in self._held.values() if owner == visitor)
        return sum(held for _, held in self._held.values()) + size <= self._most and own + size <= self._most // 2


def _full() -> HTTPException:
    return HTTPException(503, say("page-uploads-full"), {"Retry-After": "2"})


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").split(";")[0].strip() == "multipart/form-data"


class Forms:
    """Reads the forms of all visitors."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.limits = Limits.of(settings)
        self.unread = Unread(store, UNREAD_MB * MB)
        self._longest = settings.message_max_chars
        self._most = self.limits.together_mb * MB + 12 * self._longest + (2 + MOST_FILES) * HEAD_BYTES
        self._saving = asyncio.Lock()  # base64 and Redis need several times a form's memory: one by one
        self._room = Room(max(2 * self._most, ROOM_MB * MB))

    @asynccontextmanager
    async def read(self, request: Request, visitor: str) -> AsyncIterator[Posted]:
        """Read a question, and give its memory back at the end of the block.

        Raises HTTPException if it breaks a limit, or its form is wrong.
        """
        size = self._announced(request)
        await self.unread.make_room(visitor, size)
        with self._room.take(visitor, size):
            form = await self._parsed(request)
            async with self._saving:
                try:
                    posted = await self._posted(form)
                finally:
                    await form.close()
                yield posted

    def _announced(self, request: Request) -> int:
        """Bytes to expect: all that are allowed if the request does not tell. Refuses more before reading any."""
        told = request.headers.get("content-length", "")
        size = int(told) if told.isdecimal() else self._most
        if size > self._most:
            raise self._too_large()
        return size

    async def _parsed(self, request: Request) -> FormData:
        kind = request.headers["content-type"]
        if "charset" in kind.lower():  # it would choose the codec
            raise self._wrong()
        fields, longest = 2, 12 * self._longest + 1000
        parser = _InMemory(
            Headers({"content-type": kind}), self._counted(request),
            max_files=MOST_FILES, max_fields=fields, max_part_size=longest,
        )  # fmt: skip
        try:
            return await parser.parse()
        except MultiPartException as error:
            raise self._wrong() from error

    async def _counted(self, request: Request) -> AsyncGenerator[bytes, None]:
        left = self._most
        async for part in request.stream():
            left -= len(part)
            if left < 0:
                raise self._too_large()
            yield part

    async def _posted(self, form: FormData) -> Posted:
        text, key = form.get("text"), form.get("key")
        files = [each for each in form.getlist("files") if isinstance(each, UploadFile)]
        if not isinstance(text, str) or not isinstance(key, str) or len(form.multi_items()) != 2 + len(files):
            raise self._wrong()
        self._check(files)
        text, key = checked(text, key, self._longest, may_be_empty=bool(files))
        found, uploads = [], {}
        for file in files:
            attachment, content = await _taken(file)
            found += [attachment] if attachment.id not in uploads else []
            uploads[attachment.id] = content
        return Posted(text, key, tuple(found), uploads)

    def _check(self, files: list[UploadFile]) -> None:
        limits = self.limits
        if files and not limits.files:
            raise HTTPException(403, say("page-files-off"))
        if len(files) > limits.files:
            raise HTTPException(413, say("page-files-too-many", most=limits.files))
        for file in files:
            if (file.size or 0) > limits.file_mb * MB:
                raise HTTPException(413, say("page-file-too-large", name=shown(file.filename), most=limits.file_mb))
        if sum(file.size or 0 for file in files) > limits.together_mb * MB:
            raise self._too_large()

    def _too_large(self) -> HTTPException:
        if not self.limits.files:
            return HTTPException(403, say("page-files-off"))
        return HTTPException(413, say("page-files-too-large", most=self.limits.together_mb))

    def _wrong(self) -> HTTPException:
        return HTTPException(400, say("page-form-wrong", most=min(self.limits.files, MOST_FILES)))


class _InMemory(MultiPartParser):
    spool_max_size = (MOST_MB + 1) * MB  # no file goes to the disk: `_counted` ends longer ones


async def _taken(file: UploadFile) -> tuple[Attachment, str]:
    """A file of the form, and its content as base64. The form's own copy is freed."""
    content = await file.read()
    await file.close()
    name, encoded = await asyncio.to_thread(_named, content)
    kind = (file.content_type or "").lower()
    return Attachment(name, shown(file.filename), kind if _KIND.fullmatch(kind) else "", len(content)), encoded


def _named(content: bytes) -> tuple[str, str]:
    return name_of(content), base64.b64encode(content).decode("ascii")


def shown(name: str | None) -> str:
    """The last part of a file's path, without invisible characters. A long name loses its middle."""
    last = _UNSEEN.sub("", re.split(r"[/\\]", name or "")[-1]).strip().encode("utf-8", "replace").decode()
    return (last if len(last) <= LONGEST_NAME else f"{last[: LONGEST_NAME - 21]}…{last[-20:]}") or "file"
