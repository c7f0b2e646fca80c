"""The files of a turn: fetched once, read in a process of their own, and kept in Redis for later questions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypedDict, TypeVar

from glados_bots.attachments.contents import Contents, readable, refused
from glados_bots.attachments.fitting import fitted
from glados_bots.attachments.reading import read
from glados_bots.conversation import Attachment, Exchange, Picture, Turn
from glados_bots.settings import Settings
from glados_bots.store.leases import Lease
from glados_bots.store.store import Store
from glados_bots.surface import PlatformAwayError, Surface, UnreadableError
from glados_bots.turns.insistence import LeaseLostError
from glados_bots.wording.sentence import NOTHING, Sentence, joined, say

log = logging.getLogger(__name__)
T = TypeVar("T")

MB = 2**20
FETCHES = 3  # of a file whose platform does not answer
NAP_S = 1.0  # before the next one
LONGEST_FETCH_S = 60.0
AT_ONCE = 8  # files of all questions whose bytes one process holds
AT_ONCE_OF_ONE = 2  # of one question, so that others find a place


class Kept(TypedDict):
    """Fields of an exchange."""

    attachments: tuple[Attachment, ...]
    attached: str
    pictures: int


class Patience(Protocol):
    """Repeats a call to Redis until it answers."""

    async def __call__(self, call: Callable[[], Awaitable[T]]) -> T: ...


@dataclass(slots=True)
class Brought:
    """What the files of one question bring into its prompt."""

    files: list[tuple[str, Contents]] = field(default_factory=list)  # (name, contents)
    text: str = ""  # their words, as the prompt has them
    pictures: tuple[Picture, ...] = ()  # that the model is shown
    notice: Sentence = NOTHING  # for the person: what was not read, was cut or cannot be seen

    @property
    def all_pictures(self) -> tuple[Picture, ...]:
        return tuple(picture for _, contents in self.files for picture in contents.pictures)

    def fit(self, room: int, most: int, blind: str, seeing: str) -> None:
        """Take what fits.

        Args:
            room: characters for the words of all files.
            most: the number of pictures.
            blind: the name of a model that cannot see; empty if the model may see.
            seeing: the name of another model that sees; empty if none is known.
        """
        found = fitted(self.files, room, 0 if blind else most)
        self.text, self.pictures, unseen = found.text, found.pictures, NOTHING
        if found.unseen and seeing:
            unseen = say("pictures-unseen-but-by", files=found.unseen, model=blind, other=seeing)
        elif found.unseen:
            unseen = say("pictures-unseen", files=found.unseen, model=blind)
        self.notice = joined(unseen, found.notice)

    @property
    def can_shrink(self) -> bool:
        """Whether a prompt with less room would have less of the files."""
        return bool(self.text) or len(self.pictures) > 1

    def is_unreadable(self, turn: Turn) -> bool:
        """Whether a question of files alone has nothing that the model could read or see."""
        has_words = any(contents.text for _, contents in self.files)
        return bool(turn.attachments) and not (turn.text.strip() or has_words or self.pictures)

    def kept(self, turn: Turn) -> Kept:
        """What the exchange keeps of the files. Their addresses are not among it."""
        files = tuple(replace(file, source={}) for file in turn.attachments)
        return {"attachments": files, "attached": self.text, "pictures": len(self.all_pictures)}


class AttachedFiles:
    """Reads the files of turns, within the operator's limits."""

    def __init__(self, store: Store, surface: Surface, settings: Settings) -> None:
        self._store = store
        self._surface = surface
        self._most_bytes = settings.attachment_max_mb * MB
        self._most_files = settings.attachments_max
        self._places = asyncio.Semaphore(AT_ONCE)

    async def of(self, lease: Lease, patiently: Patience) -> list[tuple[str, Contents]]:
        """(name, contents) of each file, in the question's order. Raises LeaseLostError."""
        kept = readable(await patiently(lambda: self._store.contents(lease.turn.id)))
        files = lease.turn.attachments[: self._most_files]
        mine = asyncio.Semaphore(AT_ONCE_OF_ONE)
        tasks = [asyncio.create_task(self._in_turn(mine, lease, file, kept.get(file.id), patiently)) for file in files]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        too_many = refused(say("file-too-many", most=self._most_files))
        return [
            *((file.name, contents) for file, contents in zip(files, found, strict=True)),
            *((file.name, too_many) for file in lease.turn.attachments[self._most_files :]),
        ]

    async def _in_turn(
        self, mine: asyncio.Semaphore, lease: Lease, file: Attachment, known: Contents | None, patiently: Patience
    ) -> Contents:
        """What is in one file, when there is room for its bytes."""
        if known:
            return known
        async with mine, self._places:
            return await self._one(lease, file, patiently)

    async def _one(self, lease: Lease, file: Attachment, patiently: Patience) -> Contents:
        """What is in one file. A platform that does not answer is asked again at the next attempt."""
        if sentence := self._refusal(file):
            return refused(sentence)
        try:
            async with asyncio.timeout(LONGEST_FETCH_S):
                content = await self._fetched(lease, file)
        except UnreadableError as error:
            return refused(error.why)
        except (PlatformAwayError, TimeoutError) as error:
            log.warning("turn %s: a file could not be fetched (%s)", lease.turn.id, type(error).__name__)
            return refused(say("file-slow", platform=self._store.platform.capitalize()))
        contents = await read(content, file.name, file.kind)
        data = contents.to_json()
        if not await patiently(lambda: self._store.keep_contents(lease, file.id, data)):
            raise LeaseLostError
        return contents

    async def _fetched(self, lease: Lease, file: Attachment) -> bytes:
        for left in reversed(range(FETCHES)):
            try:
                return await self._surface.fetch(lease.turn, file, self._most_bytes)
            except PlatformAwayError:
                if not left:
                    raise
                await asyncio.sleep(NAP_S)
        raise AssertionError("the last fetch returns or raises")

    def _refusal(self, file: Attachment) -> Sentence | None:
        """Why a file is not even fetched."""
        if not self._most_bytes:
            return say("file-off")
        return say("file-too-large", most=self._most_bytes // MB) if file.size > self._most_bytes else None

    async def pictures_of(self, exchanges: list[Exchange], room: int) -> dict[str, tuple[Picture, ...]]:
        """By turn: the pictures of the newest exchanges, at most `room` of them."""
        found: dict[str, tuple[Picture, ...]] = {}
        for exchange in reversed(exchanges):
            if exchange.pictures and room > 0:
                kept = readable(await self._store.contents(exchange.turn))  # in no order
                files = [kept[file.id] for file in exchange.attachments if file.id in kept]
                all_ = [picture for contents in files for picture in contents.pictures]
                found[exchange.turn] = tuple(all_[:room])
                room -= len(found[exchange.turn])
        return found
