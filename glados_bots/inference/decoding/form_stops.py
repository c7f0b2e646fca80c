"""Stop strings in an answer that has a form: one ends the answer only where what stands before it has the form."""

from collections.abc import Callable, Sequence

from glados_bots.wire.events import Delta
from glados_bots.wire.reasoning import Piece, overlap

MOST_TRIES = 16  # stop strings within the form; after these, nobody looks for more


class FormStops:
    """Reads the pieces of one answer, and holds back text that may be a stop string.

    Args:
        stop: the strings.
        is_complete: whether an answer has the form.
    """

    def __init__(self, stop: Sequence[str], is_complete: Callable[[str], bool]) -> None:
        self._stop = [string for string in stop if string]
        self._is_complete = is_complete
        self._text = ""
        self._shown = self._looked = self._tries = 0
        self.stopped = False

    def read(self, pieces: Sequence[Piece]) -> list[Piece]:
        return [new for piece in pieces for new in ([piece] if not isinstance(piece, Delta) else self._feed(piece))]

    def close(self) -> list[Piece]:
        """What was held back."""
        return [] if self.stopped else self._up_to(len(self._text))

    def _feed(self, piece: Delta) -> list[Piece]:
        if self.stopped:
            return []
        self._text += piece.text
        while (place := self._found()) >= 0:
            if self._is_complete(self._text[:place]):
                self.stopped = True
                return self._up_to(place)
            self._looked, self._tries = place + 1, self._tries + 1
            if self._tries == MOST_TRIES:
                self._stop = []
        held = max((overlap(self._text[self._shown :], string) for string in self._stop), default=0)
        return self._up_to(len(self._text) - held)

    def _found(self) -> int:
        """The place of the first stop string that was not looked at; -1 if there is none."""
        begin = max(self._looked, self._shown)
        return min((at for string in self._stop if (at := self._text.find(string, begin)) >= 0), default=-1)

    def _up_to(self, end: int) -> list[Piece]:
        text, self._shown = self._text[self._shown : end], max(self._shown, end)
        return [Delta(text)] if text else []
