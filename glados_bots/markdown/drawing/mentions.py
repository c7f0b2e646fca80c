"""Breaks mentions, which would notify people in a chat, with an invisible character."""

import re

from glados_bots.markdown.drawing.inline import ZERO_WIDTH_SPACE


class Mentions:
    """The mentions of one platform: an `@` before text that `called` matches, in any case."""

    def __init__(self, called: str) -> None:
        # Also an `@` at the end of a text: the next text may complete a mention.
        self._possible = re.compile(rf"@(?={called}|\Z)", re.IGNORECASE)

    def broken(self, text: str) -> str:
        """The text with broken mentions. It notifies nobody, whatever text follows it."""
        return self._possible.sub("@" + ZERO_WIDTH_SPACE, text) if "@" in text else text

    def encoded(self, url: str) -> str:
        """The address with an encoded `@` if it could notify somebody; it still leads to the same place."""
        return url.replace("@", "%40") if self._possible.search(url) else url
