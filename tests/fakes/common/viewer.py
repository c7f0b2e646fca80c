"""Shows a ledger to a person as it grows: messages, edits, deletions, buttons and pings."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .ledger import BaseRecord, BaseRevision

T = TypeVar("T")
Record = TypeVar("Record", bound=BaseRecord[Any, Any])
Revised = TypeVar("Revised", bound=BaseRevision)


class BaseViewer(ABC, Generic[Record, Revised]):
    """Writes a line for everything new since it last looked."""

    def __init__(self, fake: Any, write: Callable[[str], None]) -> None:
        self._fake = fake
        self._write = write
        # How much of a list was shown, by the list's identity: the ledger's lists only grow.
        self._shown: dict[int, int] = {}
        self._deleted: set[int] = set()

    def refresh(self) -> None:
        """Write what is new."""
        for record in list(self._fake.ledger.messages.values()):
            self._show(record)
        for ping in self._new(self._fake.ledger.pings):
            if ping.author_id == self._fake.bot.id:
                self._write(f"! ping of {ping.kind} {ping.target}")

    def _new(self, records: list[T]) -> list[T]:
        """What a list has had added since it was last asked for."""
        begin = self._shown.get(id(records), 0)
        self._shown[id(records)] = len(records)
        return records[begin:]

    def _show(self, record: Record) -> None:
        new = self._new(record.revisions)
        for number, now in enumerate(new, start=len(record.revisions) - len(new)):
            self._show_revision(record, record.revisions[number - 1] if number else None, now)
        if record.deleted_at is not None and id(record) not in self._deleted:
            self._deleted.add(id(record))
            self._write(f"{self._place(record.channel_id)} {record.author.name} (deleted): {record.content}")

    def _show_revision(self, record: Record, before: Revised | None, now: Revised) -> None:
        who = f"{self._place(record.channel_id)} {self._who(record)}"
        private = "" if record.visible_to is None else " (only you see this)"
        if before is None:
            self._write(f"{who}{private}: {self._text(now)}")
        elif now.content != before.content and now.content.startswith(before.content) and before.content:
            self._write(f"{who} …{now.content[len(before.content) :]}")
        elif now.content != before.content:
            self._write(f"{who}{private} (edited): {now.content}")
        buttons = self._buttons(now)
        if buttons and (before is None or buttons != self._buttons(before)):
            self._write(f"    {buttons}")

    def _place(self, channel_id: int | str) -> str:
        channel = self._fake.world.channels.get(channel_id)
        return "[gone]" if channel is None else f"[{channel.name}]"

    def _who(self, record: Record) -> str:
        return record.author.name

    def _text(self, revision: Revised) -> str:
        return revision.content

    @abstractmethod
    def _buttons(self, revision: Revised) -> str:
        """The labels that can be pressed."""
