"""What this process knows of the turns it shows."""

from collections import OrderedDict
from dataclasses import dataclass, field

from glados_bots.surface import View
from glados_slack.answers.streams import LiveStream

MOST_REMEMBERED = 2_000


@dataclass(slots=True)
class ShownTurn:
    """One turn."""

    lives: dict[str, LiveStream] = field(default_factory=dict)  # its streams that still run, by timestamp
    # What its messages look like, by timestamp; empty for those another process made
    seen: dict[str, View] = field(default_factory=dict)
    is_waiting: bool = False  # whether the status line stands for it
    has_no_files: bool = False  # whether the files of an earlier answer of it were taken away


class ShownTurns:
    """The latest turns that are being answered here, by their ids."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, ShownTurn] = OrderedDict()

    def begin(self, turn: str) -> None:
        self._turns.setdefault(turn, ShownTurn())
        if len(self._turns) > MOST_REMEMBERED:
            self._turns.popitem(last=False)

    def get(self, turn: str) -> ShownTurn | None:
        """None for a turn that only waits."""
        return self._turns.get(turn)

    def next_call(self, turn: str) -> str:
        """The method that its next look calls; empty when nobody knows, or it is none that counts."""
        shown = self._turns.get(turn)
        if shown is None:
            return "chat.update"
        if shown.is_waiting or not (shown.lives or shown.seen):
            return ""
        return "chat.appendStream" if shown.lives else "chat.update"

    def forget(self, turn: str) -> None:
        self._turns.pop(turn, None)
