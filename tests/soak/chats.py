"""What the fake Discord and the fake Slack have alike as far ends: threads that begin with a mention in a channel."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar, cast

from tests.fakes.discord import Message as DiscordMessage
from tests.fakes.discord import MessageRecord as DiscordRecord
from tests.fakes.slack import Message as SlackMessage
from tests.fakes.slack import MessageRecord as SlackRecord
from tests.soak.far_ends import Glances
from tests.soak.questions import Question, Seen, Version, Where, seen_by_revisions

CHANNELS = 10
PEOPLE = 5
LOOKS_TOLD = 4  # of each message

Message = TypeVar("Message", DiscordMessage, SlackMessage)
Record = DiscordRecord | SlackRecord


class ChatEnd(ABC, Generic[Message]):
    """What both have alike.

    A thread of the soak is a place after the other: when the message that it began with is deleted, its people begin
    anew with a mention in the channel.
    """

    can: tuple[str, ...] = ("edit", "delete")

    def __init__(self) -> None:
        self._messages: dict[int, Message] = {}  # by number of the question
        self._roots: dict[int, list[Message]] = defaultdict(list)
        self._deleted: set[int] = set()
        self._number_of_root: dict[int, int] = {}
        self._glances = Glances()

    # --- what people do --------------------------------------------------------------------------------------------

    def may_ask(self, thread: int) -> bool:
        """Where the thread is to begin (anew), or where it stands already."""
        return not self._stands(thread) or self._is_open(self._roots[thread][-1])

    def _stands(self, thread: int) -> bool:
        return bool(self._roots[thread]) and self._number_of_root[thread] not in self._deleted

    async def ask(self, question: Question) -> None:
        """Mention the bot."""
        thread = question.thread
        if self._stands(thread):
            question.place = len(self._roots[thread])
            self._messages[question.number] = await self._reply(self._roots[thread][-1], question)
            return
        question.place = len(self._roots[thread]) + 1
        first = self._messages[question.number] = await self._begin(question)
        self._roots[thread].append(first)
        self._number_of_root[thread] = question.number

    async def edit(self, question: Question) -> None:
        """Its author edits the message."""
        message = self._messages[question.number]
        await cast("Any", message.author).edit(message, self._text(question))

    async def delete(self, question: Question) -> None:
        """Its author deletes the message."""
        self._deleted.add(question.number)
        message = self._messages[question.number]
        await cast("Any", message.author).delete(message)

    async def redo(self, question: Question) -> None:
        """Not done here: buttons have their own tests."""
        raise NotImplementedError

    # --- what people see -------------------------------------------------------------------------------------------

    def whole(self, thread: int) -> set[Version]:
        """By the ends of answers."""
        return self._glances.at(self._texts, thread)[0]

    def begun(self, thread: int) -> set[int]:
        """By the beginnings of answers."""
        return self._glances.at(self._texts, thread)[1]

    async def look(self) -> list[Seen]:
        """Messages of the bot."""
        return [
            seen_by_revisions(
                where,
                order,
                [(revision.time, revision.content) for revision in record.revisions],
                is_unfinished=bool(getattr(record, "is_unfinished", False)),
            )
            for order, (where, record) in enumerate(self._standing())
        ]

    def story(self, number: int) -> list[str]:
        """How it was delivered, and the last looks of each message that ever had words of its answer."""
        told = self._delivered(self._messages[number]) if number in self._messages else ["never sent"]
        for record in self._ever():
            if any(f"answer {number}." in revision.content for revision in record.revisions):
                told += [f"{one.time:.3f} shown: {one.content!r}" for one in record.revisions[-LOOKS_TOLD:]]
                told += [f"{record.deleted_at:.3f} taken away"] if record.deleted_at else []
        return told

    def _delivered(self, message: Message) -> list[str]:
        """How events of a message were delivered; nothing where that is not known."""
        del message
        return []

    def _places(self) -> Iterator[tuple[Where, Message]]:
        """The messages that threads began with."""
        for thread, roots in self._roots.items():
            for place, root in enumerate(roots, 1):
                yield (thread, place), root

    def _texts(self) -> Iterator[tuple[int | None, str]]:
        return ((where[0], record.content) for where, record in self._standing())

    def _text(self, question: Question) -> str:
        """A question as it is written."""
        return f"{self._bot(question)} {question.text}"

    # --- what differs ----------------------------------------------------------------------------------------------

    @abstractmethod
    def _is_open(self, root: Message) -> bool:
        """Whether one may write below a message."""

    @abstractmethod
    async def _begin(self, question: Question) -> Message:
        """Mention the bot in a channel."""

    @abstractmethod
    async def _reply(self, root: Message, question: Question) -> Message:
        """Mention the bot in a thread."""

    @abstractmethod
    def _bot(self, question: Question) -> str:
        """The mention that calls the bot."""

    @abstractmethod
    def _standing(self) -> Iterator[tuple[Where, Record]]:
        """Messages of the bot that stand, oldest first, and where each stands."""

    @abstractmethod
    def _ever(self) -> Iterable[Record]:
        """All messages that there ever were."""
