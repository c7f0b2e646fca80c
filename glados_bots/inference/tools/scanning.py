"""A text that arrives in pieces, for readers that are generators: they yield when they need more of it.

Every reading step takes time linear in what it takes from the text, if the text is fed in pieces of any size.
"""

from collections.abc import Generator

from glados_bots.inference.tools.json_values import JsonValue
from glados_bots.wire.reasoning import overlap

Steps = Generator[None]


class CutError(Exception):
    """The text has ended."""


class StrayedError(Exception):
    """The text is not what the format says."""


class Scanner:
    """The unread text. Whoever feeds it sets `has_ended` when nothing more comes."""

    def __init__(self) -> None:
        self.text = ""
        self.has_ended = False

    def take(self, length: int) -> str:
        taken, self.text = self.text[:length], self.text[length:]
        return taken

    def more(self) -> Steps:
        """Wait for text. Raises CutError if none comes."""
        if self.has_ended:
            raise CutError
        yield

    def literal(self, *options: str) -> Generator[None, None, str]:
        """Take the longest option that comes. Raises StrayedError if none does."""
        while not self.has_ended and any(one.startswith(self.text) and one != self.text for one in options):
            yield
        found = max((one for one in options if self.text.startswith(one)), key=len, default=None)
        may_be_longer = any(one.startswith(self.text) for one in options) and len(self.text) > len(found or "")
        if found is None or may_be_longer:
            raise CutError if self.has_ended and (may_be_longer or not self.text) else StrayedError
        self.take(len(found))
        return found

    def up_to(self, mark: str) -> Generator[None, None, str]:
        """Take the text before the mark, and the mark. For short texts: it waits for all of it."""
        while (place := self.text.find(mark)) < 0:
            yield from self.more()
        found = self.take(place)
        self.take(len(mark))
        return found

    def before(self, mark: str) -> Generator[str | None]:
        """Yield the pieces of the text before the mark, and None for each wait. The mark stays."""
        while (place := self.text.find(mark)) < 0:
            yield self.take(len(self.text) - overlap(self.text, mark))
            for _ in self.more():
                yield None
        yield self.take(place)

    def json(self) -> Generator[str | None]:
        """Yield the pieces of a JSON value, and None for each wait."""
        value = JsonValue()
        while (end := value.feed(self.text)) is None:
            yield self.take(len(self.text))
            for _ in self.more():
                yield None
        yield self.take(end)
