"""A format in the words of one tokenizer: which of its marks are special tokens.

A special token cannot come from a text. In an answer it arrives as one character that no text holds, so the reader of
calls takes no words of the model for a mark.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from glados_bots.inference.tools.formats import ENVELOPE, ToolFormat
from glados_bots.wire.events import Sampling

FREE = tuple(chr(number) for number in range(0xFDD8, 0xFDF0))  # noncharacters that nothing else uses


class Spelling:
    """One format for one tokenizer.

    Args:
        form: the format as the chat template writes it.
        specials: the tokenizer's special tokens, by their text.

    Attributes:
        form: the format with one character for each special token.
        codes: these characters, by token.
    """

    def __init__(self, form: ToolFormat, specials: dict[str, int]) -> None:
        used = sorted({text for text in specials if any(text in part for part in _parts(form))}, key=len, reverse=True)
        self._tokens = {code: specials[text] for text, code in zip(used, FREE, strict=False)}
        self.codes = {token: code for code, token in self._tokens.items()}
        self._code_of = dict(zip(used, FREE, strict=False))
        self._special = re.compile("|".join(map(re.escape, used)) or "(?!)")
        self.form = self._coded(form)

    def lark(self, coded: str) -> str:
        """Coded text as a sequence of Lark. Empty text gives an empty sequence."""
        return " ".join(self._terms(coded))

    def is_token(self, coded: str) -> bool:
        """Whether the text is one special token."""
        return coded in self._tokens

    def _terms(self, coded: str) -> Iterator[str]:
        for part in re.findall(f"[{FREE[0]}-{FREE[-1]}]|[^{FREE[0]}-{FREE[-1]}]+", coded):
            yield f"<[{self._tokens[part]}]>" if part in self._tokens else json.dumps(part)

    def _coded(self, form: ToolFormat) -> ToolFormat:
        def code(text: str) -> str:
            return self._special.sub(lambda found: self._code_of[found[0]], text)

        body = type(form.body)(**{name: code(getattr(form.body, name)) for name in form.body.__slots__})
        texts = {name: code(getattr(form, name)) for name in ("mark", "open", "between", "close")}
        return replace(form, body=body, **texts)


class Spellings:
    """The formats of one model: that of its chat template, and the one in plain text.

    Args:
        tokenizer: a tokenizer of transformers.
        native: the format of its chat template; None if there is none.
    """

    def __init__(self, tokenizer: Any, native: ToolFormat | None) -> None:
        specials = special_tokens(tokenizer)
        self._native = Spelling(native, specials) if native else None
        self._plain = Spelling(ENVELOPE, specials)

    def of(self, sampling: Sampling) -> Spelling:
        """The format for one request.

        A call without a mark cannot be told from a document, so such a format does not stand beside one.
        """
        native = self._native
        if native is None or (sampling.grammar and sampling.tools and not native.form.after_text):
            return self._plain
        return native


def special_tokens(tokenizer: Any) -> dict[str, int]:
    """The special tokens of a tokenizer, by their text."""
    added = tokenizer.added_tokens_decoder.items()
    return {str(token.content): int(number) for number, token in added if token.special}


def _parts(form: ToolFormat) -> list[str]:
    return [form.open, form.between, form.close, *(getattr(form.body, name) for name in form.body.__slots__)]
