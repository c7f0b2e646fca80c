"""Shows the ledger to a person as it grows: messages, edits, deletions, buttons, statuses, pings and refused calls."""

from __future__ import annotations

from collections.abc import Callable

from .blocks.elements import clickable
from .server import FakeSlack
from .world.ledger import Key, MessageRecord, Revision
from .world.models import JsonObject


class Viewer:
    """Writes a line for everything new since it last looked."""

    def __init__(self, fake: FakeSlack, write: Callable[[str], None]) -> None:
        self._fake = fake
        self._write = write
        self._shown: dict[Key, int] = {}
        self._deleted: set[Key] = set()
        self._statuses = self._prompts = self._requests = self._pings = self._failures = 0
        self._views: dict[str, str] = {}

    def refresh(self) -> None:
        """Write what is new."""
        ledger = self._fake.ledger
        for record in list(ledger.messages.values()):
            self._show(record)
        for status in ledger.statuses[self._statuses :]:
            if status.text:
                self._write(f"[{self._place(status.channel_id)}] {self._fake.bot.name} {status.text}")
        for prompts in ledger.prompts[self._prompts :]:
            titles = " ".join(f"[{title}]" for title, _ in prompts.prompts)
            self._write(f"[{self._place(prompts.channel_id)}] {prompts.title or 'Try'}: {titles}")
        for request in ledger.requests[self._requests :]:
            if request.error or request.status != 200:
                self._write(f"! {request.status} {request.method} {request.error} {request.limited_by}".rstrip())
        for ping in ledger.pings[self._pings :]:
            if ping.author_id == self._fake.bot.id:
                self._write(f"! ping of {ping.kind} {ping.target}")
        for failure in ledger.failures[self._failures :]:
            self._write(f"! {failure.what} failed with the error {failure.error!r}")
        self._statuses, self._prompts = len(ledger.statuses), len(ledger.prompts)
        self._requests, self._pings, self._failures = len(ledger.requests), len(ledger.pings), len(ledger.failures)
        self._show_views()

    def _show_views(self) -> None:
        for view in list(self._fake.world.views.values()):
            if view.is_open and self._views.get(view.id) != view.hash:
                self._views[view.id] = view.hash
                self._write(f"(a form: {view.title})" if view.title else "(the app's home)")
                blocks = view.payload["blocks"]
                inputs = [block["label"]["text"] for block in blocks if block["type"] == "input"]
                self._write("    " + " ".join([*(f"{label}=" for label in inputs), buttons(blocks)]).strip())

    def _show(self, record: MessageRecord) -> None:
        key = (record.channel_id, record.ts)
        shown = self._shown.get(key, 0)
        before = record.revisions[shown - 1] if shown else None
        for revision in record.revisions[shown:]:
            self._show_revision(record, before, revision)
            before = revision
        self._shown[key] = len(record.revisions)
        if record.deleted_at is not None and key not in self._deleted:
            self._deleted.add(key)
            self._write(f"[{self._place(record.channel_id)}] {record.author.name} (deleted): {record.content}")

    def _show_revision(self, record: MessageRecord, before: Revision | None, now: Revision) -> None:
        indent = "  " if record.thread_ts not in {None, record.ts} else ""
        who = f"[{self._place(record.channel_id)}] {indent}{record.author.name}"
        private = "" if record.visible_to is None else " (only you see this)"
        if before is None:
            self._write(f"{who}{private}: {now.content}")
        elif now.content != before.content and now.content.startswith(before.content) and before.content:
            self._write(f"{who} …{now.content[len(before.content) :]}")
        elif now.content != before.content:
            self._write(f"{who}{private} (edited): {now.content}")
        if (before is None or now.blocks != before.blocks) and buttons(now.blocks):
            self._write(f"    {buttons(now.blocks)}")

    def _place(self, channel_id: str) -> str:
        return self._fake.world.name(channel_id)


def buttons(blocks: tuple[JsonObject, ...] | list[JsonObject]) -> str:
    """The labels that can be pressed."""
    found = []
    for part in clickable(list(blocks)):
        label = (part.get("text") or {}).get("text") or part.get("action_id")
        options = ",".join(one["text"]["text"] for one in part.get("options", []))
        found.append(f"[{label}{': ' + options if options else ''}]")
    return " ".join(found)
