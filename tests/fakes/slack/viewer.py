"""Shows the ledger of the fake Slack to a person."""

from collections.abc import Callable

from tests.fakes.common.viewer import BaseViewer

from .blocks.elements import clickable
from .server import FakeSlack
from .world.ledger import MessageRecord, Revision
from .world.models import JsonObject


class Viewer(BaseViewer[MessageRecord, Revision]):
    """Shows statuses, prompts, forms, failures and refused calls, too."""

    _fake: FakeSlack

    def __init__(self, fake: FakeSlack, write: Callable[[str], None]) -> None:
        super().__init__(fake, write)
        self._views: dict[str, str] = {}

    def refresh(self) -> None:
        """Write what is new."""
        super().refresh()
        ledger = self._fake.ledger
        for status in self._new(ledger.statuses):
            if status.text:
                self._write(f"{self._place(status.channel_id)} {self._fake.bot.name} {status.text}")
        for prompts in self._new(ledger.prompts):
            titles = " ".join(f"[{title}]" for title, _ in prompts.prompts)
            self._write(f"{self._place(prompts.channel_id)} {prompts.title or 'Try'}: {titles}")
        for request in self._new(ledger.requests):
            if request.error or request.status != 200:
                self._write(f"! {request.status} {request.method} {request.error} {request.limited_by}".rstrip())
        for failure in self._new(ledger.failures):
            self._write(f"! {failure.what} failed with the error {failure.error!r}")
        self._show_views()

    def _show_views(self) -> None:
        for view in list(self._fake.world.views.values()):
            if view.is_open and self._views.get(view.id) != view.hash:
                self._views[view.id] = view.hash
                self._write(f"(a form: {view.title})" if view.title else "(the app's home)")
                blocks = view.payload["blocks"]
                inputs = [block["label"]["text"] for block in blocks if block["type"] == "input"]
                self._write("    " + " ".join([*(f"{label}=" for label in inputs), buttons(blocks)]).strip())

    def _who(self, record: MessageRecord) -> str:
        return "  " * record.is_reply + record.author.name

    def _buttons(self, revision: Revision) -> str:
        return buttons(list(revision.blocks))


def buttons(blocks: list[JsonObject]) -> str:
    """The labels that can be pressed."""
    found = []
    for part in clickable(blocks):
        label = (part.get("text") or {}).get("text") or part.get("action_id")
        options = ",".join(one["text"]["text"] for one in part.get("options", []))
        found.append(f"[{label}{': ' + options if options else ''}]")
    return " ".join(found)
