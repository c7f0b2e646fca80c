"""Shows the ledger of the fake Discord to a person."""

from tests.fakes.common.viewer import BaseViewer

from .world.content import walk
from .world.ledger import MessageRecord, Revision


class Viewer(BaseViewer[MessageRecord, Revision]):
    """Shows who types, and refused calls, too."""

    def refresh(self) -> None:
        """Write what is new."""
        super().refresh()
        for _, channel_id in self._new(self._fake.ledger.typing):
            self._write(f"{self._place(channel_id)} {self._fake.bot.name} is typing")
        for request in self._new(self._fake.ledger.requests):
            if request.limited_by or request.status in {0, 401, 403} or request.status >= 500:
                self._write(f"! {request.status} {request.method} {request.path} {request.limited_by}")

    def _text(self, revision: Revision) -> str:
        return "(thinking)" if revision.loading else revision.content

    def _buttons(self, revision: Revision) -> str:
        found = [part for part in walk(list(revision.components)) if part["type"] == 2]
        labels = [part.get("label") or (part.get("emoji") or {}).get("name") or "?" for part in found]
        return " ".join(f"[{label}]" for label in labels)
