"""Converts token ids to text as they arrive, without half characters and without parts of a stop string."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from glados_bots.inference.prompts.channels import NONCHARACTERS
from glados_bots.wire.reasoning import overlap

UNFINISHED = "\ufffd"  # a tokenizer's placeholder for the first bytes of a character
# Number of tokens decoded again with each new one, so that spaces and joined characters are right. A character has at
# most four bytes, so this many placeholders in a row are real.
WINDOW = 8


class Detokenizer:
    """The text of one growing sequence. `feed` returns final text and holds back text that may still change.

    Args:
        tokenizer: a tokenizer of transformers.
        stop: strings that end the text.
        codes: special tokens that appear in the text, each as the given character. All others are left out.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str], codes: Mapping[int, str] | None = None) -> None:
        self._tokenizer = tokenizer
        self._codes = codes or {}
        self._stop = [string for string in stop if string]
        self._tokens: list[int] = []
        self._begin = 0  # first token that is decoded again
        self._read = 0  # number of tokens whose text was read
        self.length = 0  # number of characters that were read, up to a stop string
        self._held = ""  # text that was read but may be the beginning of a stop string
        self.stopped = False  # whether a stop string was found; the text ended before it

    def feed(self, tokens: Sequence[int]) -> str:
        """Add tokens and return the text that is now final."""
        self._tokens.extend(tokens)
        before = self._decode(self._begin, self._read)
        now = self._decode(self._begin, len(self._tokens))
        broken = len(now) - len(now.rstrip(UNFINISHED))
        if 0 < broken < WINDOW or len(now) < len(before):
            return ""
        self._read = len(self._tokens)
        self._begin = max(self._begin, self._read - WINDOW)
        return self._certain(now[len(before) :])

    def close(self) -> str:
        """Return the text that was held back, now that nothing follows, without bytes that form no character."""
        if self.stopped:
            return ""
        before = self._decode(self._begin, self._read)
        rest = self._decode(self._begin, len(self._tokens))[len(before) :].rstrip(UNFINISHED)
        self._read = len(self._tokens)
        text = self._certain(rest)
        if self.stopped:
            return text
        text, self._held = text + self._held, ""
        return text

    def _decode(self, begin: int, end: int) -> str:
        tokens = self._tokens[begin:end]
        if not self._codes:
            return self._plain(tokens)
        parts = ((code, list(group)) for code, group in groupby(tokens, key=self._codes.get))
        return "".join(code * len(some) if code else self._plain(some).translate(NONCHARACTERS) for code, some in parts)

    def _plain(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def _certain(self, text: str) -> str:
        """Cut the text at a stop string, and hold back an end that may become one."""
        if self.stopped:
            return ""
        self.length += len(text)
        text = self._held + text
        found = [index for index in (text.find(string) for string in self._stop) if index >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((overlap(text, string) for string in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]
