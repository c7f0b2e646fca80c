"""A chat platform in memory that keeps what its users would see."""

import asyncio
from collections.abc import Collection, Sequence

from glados_bots.conversation import Attachment, Turn
from glados_bots.surface import Budget, FileLimits, MessageGoneError, PlaceGoneError, UnreadableError, View
from glados_bots.wording.sentence import say

LIMIT = 20


class CutAnswer:
    """Cuts every LIMIT characters, so that answers take several messages."""

    def __init__(self) -> None:
        self._text = ""

    @property
    def chunks(self) -> list[str]:
        """Full messages first; the last one grows."""
        return [self._text[i : i + LIMIT] for i in range(0, len(self._text), LIMIT)]

    def feed(self, delta: str) -> None:
        """Add text."""
        self._text += delta

    def close(self) -> None:
        """Nothing was provisional."""


class MemorySurface:
    """A platform whose every message, edit and fault a test can see and set.

    Attributes:
        ledger: post id -> (turn id, every view it ever had).
        faults: exceptions raised by the next calls, one each.
        deleted: posts that users deleted.
        gone: whether the place is gone.
        files: by id, what attached files hold, or the error at their fetch.
        fetched: the ids of the files that were fetched, in order.
        longest_call_s, files_out: see `Surface`.
    """

    longest_call_s = 0.0
    files_out: FileLimits | None = None

    def __init__(self) -> None:
        self.ledger: dict[str, tuple[str, list[View]]] = {}
        self.by_nonce: dict[str, str] = {}
        self.faults: list[Exception] = []
        self.deleted: set[str] = set()
        self.gone = False
        self.files: dict[str, bytes | Exception] = {}
        self.fetched: list[str] = []

    def answer(self, turn: Turn) -> CutAnswer:
        """A fresh answer."""
        del turn
        return CutAnswer()

    def budget(self, turn: Turn) -> Budget:
        """Generous."""
        return Budget(turn.conversation, 200, 1.0)

    async def fetch(self, turn: Turn, attachment: Attachment, most: int) -> bytes:
        """A file of `files`, by its id; an exception there is raised."""
        del turn
        self.fetched.append(attachment.id)
        found = self.files[attachment.id]
        if isinstance(found, Exception):
            raise found
        if len(found) > most:
            raise UnreadableError(say("file-too-large", most=most // 2**20))
        return found

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        """Create a message; a nonce seen before gives the first message again, which looks like this then."""
        await self._trouble()
        if known := self.by_nonce.get(nonce):
            if known in self.ledger and self.ledger[known][1][-1] != view:
                self.ledger[known][1].append(view)
            return known
        post = f"p{len(self.by_nonce)}"
        self.ledger[post] = (turn.id, [view])
        self.by_nonce[nonce] = post
        return post

    async def find(self, turn: Turn, nonce: str) -> str | None:
        """A message that was created."""
        await self._trouble()
        post = self.by_nonce.get(nonce)
        return post if post in self.ledger and self.ledger[post][0] == turn.id else None

    async def strays(self, turn: Turn, nonces: Sequence[str], posts: Collection[str]) -> list[str]:
        """Messages of this turn that were made beside the others, whatever their names."""
        del nonces
        await self._trouble()
        return [post for post, (owner, _) in self.ledger.items() if owner == turn.id and post not in posts]

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        """Change a message."""
        del turn
        await self._trouble()
        if post in self.deleted or post not in self.ledger:
            raise MessageGoneError(post)
        self.ledger[post][1].append(view)

    async def remove(self, turn: Turn, post: str) -> None:
        """Delete a message."""
        del turn
        self.ledger.pop(post, None)

    async def _trouble(self) -> None:
        await asyncio.sleep(0)
        if self.gone:
            raise PlaceGoneError("the thread was deleted")
        if self.faults:
            raise self.faults.pop(0)

    def seen(self, turn: str) -> str:
        """The text a user reads under a question."""
        return "".join(views[-1].chunk for owner, views in self.ledger.values() if owner == turn)

    def last(self, turn: str) -> View:
        """The newest view of the last message under a question."""
        return [views[-1] for owner, views in self.ledger.values() if owner == turn][-1]

    def notice(self, turn: str) -> str:
        """What stands beside the text under a question; empty while there is no message."""
        return self.last(turn).notice if any(owner == turn for owner, _ in self.ledger.values()) else ""
