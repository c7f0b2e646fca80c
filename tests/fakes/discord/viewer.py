"""Shows the ledger to a person as it grows: messages, edits, deletions, buttons, pings and refused calls."""

from __future__ import annotations

from collections.abc import Callable

from .server import FakeDiscord
from .world.content import walk
from .world.ledger import MessageRecord, Revision


class Viewer:
    """Writes a line for everything new since it last looked."""

    def __init__(self, fake: FakeDiscord, write: Callable[[str], None]) -> None:
        self._fake = fake
        self._write = write
        self._shown: dict[int, int] = {}
        self._deleted: set[int] = set()
        self._requests = self._typing = self._pings = 0

    def refresh(self) -> None:
        """Write what is new."""
        ledger = self._fake.ledger
        for record in list(ledger.messages.values()):
            self._show(record)
        for _, channel_id in ledger.typing[self._typing :]:
            self._write(f"[{self._place(channel_id)}] {self._fake.bot.name} is typing")
        for request in ledger.requests[self._requests :]:
            if request.limited_by or request.status in {0, 401, 403} or request.status >= 500:
                self._write(f"! {request.status} {request.method} {request.path} {request.limited_by}")
        for ping in ledger.pings[self._pings :]:
            if ping.author_id == self._fake.bot.id:
                self._write(f"! ping of {ping.kind} {ping.target}")
        self._typing, self._requests, self._pings = len(ledger.typing), len(ledger.requests), len(ledger.pings)

    def _show(self, record: MessageRecord) -> None:
        shown = self._shown.get(record.id, 0)
        before = record.revisions[shown - 1] if shown else None
        for revision in record.revisions[shown:]:
            self._show_revision(record, before, revision)
            before = revision
        self._shown[record.id] = len(record.revisions)
        if record.deleted_at is not None and record.id not in self._deleted:
            self._deleted.add(record.id)
            self._write(f"[{self._place(record.channel_id)}] {record.author.name} (deleted): {record.content}")

    def _show_revision(self, record: MessageRecord, before: Revision | None, now: Revision) -> None:
        who = f"[{self._place(record.channel_id)}] {record.author.name}"
        private = "" if record.visible_to is None else " (only you see this)"
        if before is None:
            self._write(f"{who}{private}: {'(thinking)' if now.loading else now.content}")
        elif now.content != before.content and now.content.startswith(before.content) and before.content:
            self._write(f"{who} …{now.content[len(before.content) :]}")
        elif now.content != before.content:
            self._write(f"{who}{private} (edited): {now.content}")
        if before is None or now.components != before.components:
            buttons = _buttons(now)
            if buttons:
                self._write(f"    {buttons}")

    def _place(self, channel_id: int) -> str:
        channel = self._fake.world.channels.get(channel_id)
        return "gone" if channel is None else channel.name


def _buttons(revision: Revision) -> str:
    found = [part for part in walk(list(revision.components)) if part["type"] == 2]
    labels = [part.get("label") or (part.get("emoji") or {}).get("name") or "?" for part in found]
    return " ".join(f"[{label}]" for label in labels)
