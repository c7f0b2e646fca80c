"""A format in the words of one tokenizer: which of its marks are special tokens.

A special token cannot come from a text. In an answer it arrives as one character that no text holds, so the reader of
calls takes no words of the model for a mark.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glados_bots.inference.tools.formats import ARGUMENTS, CALL, ENVELOPE, ToolFormat
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

    def __init__(self, form: ToolFormat, specials: Mapping[str, int]) -> None:
        used = sorted({text for text in specials if any(text in part for part in _parts(form))}, key=len, reverse=True)
        self._code_of = dict(zip(used, FREE, strict=False))
        self._special = re.compile("|".join(map(re.escape, used)) or "(?!)")
        self.codes = {specials[text]: code for text, code in self._code_of.items()}
        self._terms = {code: f"<[{token}]>" for token, code in self.codes.items()}
        if form.is_harmony:
            self._terms |= _terms_of_harmony(specials)
        self.form = self._coded(form) if used else form

    def lark(self, coded: str) -> str:
        """Coded text as a sequence of Lark. Empty text gives an empty sequence."""
        parts = re.findall(f"[{CALL}-{FREE[-1]}]|[^{CALL}-{FREE[-1]}]+", coded)
        return " ".join(self._terms.get(part) or json.dumps(part) for part in parts)

    def is_token(self, coded: str) -> bool:
        """Whether the text is one special token, or begins with one."""
        return coded[:1] in self._terms

    def _coded(self, form: ToolFormat) -> ToolFormat:
        def code(text: str) -> str:
            return self._special.sub(lambda found: self._code_of[found[0]], text)

        body = type(form.body)(**{name: code(getattr(form.body, name)) for name in form.body.__slots__})
        first, between, close = (code(text) for text in (form.open, form.between, form.close))
        return replace(form, body=body, mark=code(form.mark), open=first, between=between, close=close)


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
    """The tokens that no text can hold, by their text: special ones, and those that llguidance takes for special."""
    added = (
        (str(token.content), int(number), token.special) for number, token in tokenizer.added_tokens_decoder.items()
    )
    return {text: number for text, number, special in added if special or (text[:1] == "<" and text[-1:] == ">")}


def _terms_of_harmony(specials: Mapping[str, int]) -> dict[str, str]:
    """What the model itself writes. The chat template writes calls of earlier answers in another order."""
    channel, message, constrain = (f"<[{specials[f'<|{name}|>']}]>" for name in ("channel", "message", "constrain"))
    before = f'{channel} "commentary to=functions."'
    return {CALL: before, ARGUMENTS: f'" " {constrain} "json" {message}'}


def _parts(form: ToolFormat) -> list[str]:
    return [form.open, form.between, form.close, *(getattr(form.body, name) for name in form.body.__slots__)]
