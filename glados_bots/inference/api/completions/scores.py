"""The scores of tokens as OpenAI's completions tell them: four lists, and tokens as texts."""

from codecs import getincrementaldecoder
from collections.abc import Iterable, Sequence
from typing import Any

from glados_bots.inference.api.chat.replies import LEAST_LOGPROB
from glados_bots.wire.events import ScoredPrompt, TokenLogprob

LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


class Scores:
    """The scores of one choice, piece by piece. Offsets are characters from the beginning of its `text`."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._length = 0  # characters so far

    def of_prompt(self, scored: ScoredPrompt) -> dict[str, Any]:
        """The first token has no score, because nothing precedes it."""
        first = {"tokens": [_text(scored.first)], "token_logprobs": [None], "top_logprobs": [None]}
        return joined([{**first, "text_offset": [self._offset(scored.first)]}, self.of(scored.tokens)])

    def of(self, tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
        return {
            "tokens": [_text(one.text) for one in tokens],
            "token_logprobs": [_finite(one) for one in tokens],
            "top_logprobs": [{_text(top.text): _finite(top) for top in (one, *one.top)} for one in tokens],
            "text_offset": [self._offset(one.text) for one in tokens],
        }

    def _offset(self, text: bytes) -> int:
        """Where the next token begins. Args: text: its bytes."""
        begin = self._length
        self._length += len(self._decoder.decode(text))
        return begin


def joined(pieces: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Pieces one after the other."""
    pieces = list(pieces)
    return {name: [value for piece in pieces for value in piece[name]] for name in LISTS}


def _text(token: bytes) -> str:
    r"""A part of a character as OpenAI writes it: `bytes:\xe2\x9c`."""
    try:
        return token.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token)


def _finite(one: TokenLogprob) -> float:
    return max(one.logprob, LEAST_LOGPROB)
