"""What would call people in a chat, broken by an invisible character."""

import re

from glados_bots.markdown.drawing.inline import ZERO_WIDTH_SPACE


class Mentions:
    """The mentions of one platform: an `@` before what `called` matches, whatever its case."""

    def __init__(self, called: str) -> None:
        # At a text's end, too: what follows may complete it.
        self._possible = re.compile(rf"@(?={called}|\Z)", re.IGNORECASE)

    def broken(self, text: str) -> str:
        """The text, which calls nobody whatever is written behind it."""
        return self._possible.sub("@" + ZERO_WIDTH_SPACE, text) if "@" in text else text

    def encoded(self, url: str) -> str:
        """An address that calls nobody either, and leads where it led."""
        return url.replace("@", "%40") if self._possible.search(url) else url
