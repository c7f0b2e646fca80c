"""Compiles the sources of forms for one model, and keeps the compiled ones."""

import logging
import re
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from hashlib import sha256
from threading import Lock
from typing import Any

from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.hf import from_tokenizer

from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.grammars import reasoning
from glados_bots.inference.grammars.matcher import Matcher
from glados_bots.inference.grammars.reasoning import Stage
from glados_bots.inference.grammars.refusing import refused
from glados_bots.inference.prompts.reasoning_marks import ReasoningMarks

MOST_KEPT = 64  # compiled forms
MOST_STATES = 50_000  # of a form's automaton, with up to 2 KB each
MOST_ITEMS = 5_000  # of one step of the parser; an object with a thousand properties needs 4,000, and 12 ms
MOST_ITEMS_OF_CLIENTS = 500  # in grammars that clients wrote: ambiguous ones then take a few ms for one step
LONGEST_REASON = 200  # characters of the library's reason that an error repeats
NO_TOKENIZER = "this model's tokenizer cannot keep forms; choose another model"

log = logging.getLogger(__name__)


class Compiler:
    """Forms for one model. All methods block; several threads may call them.

    Args:
        tokenizer: a tokenizer of transformers.
        vocabulary: number of tokens that the model can choose.
        ends: tokens that end an answer.
        marks: of the model's reasoning.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Collection[int], marks: ReasoningMarks) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._ends = ends
        self.marks = marks
        self._lock = Lock()
        self._known: LLTokenizer | None = None
        self._kept: OrderedDict[bytes, LLMatcher] = OrderedDict()

    def prepare(self) -> None:
        """Make what all forms need. It holds the GIL for up to a second, so call it before the first request."""
        with suppress(ParameterRefusedError):  # then each request for a form is refused
            self._tokens("")

    def whole(self, source: str, stage: Stage) -> str:
        """The source with the rule `start`: what may stand before the answer, and the answer."""
        return f"{reasoning.rules(self.marks, stage, source)}\n{source}"

    def matcher(self, source: str, stage: Stage, field: str, *, is_written: bool = False) -> Matcher:
        """A matcher for one answer, from the kept form if there is one.

        Args:
            source: see sources.py.
            stage: where the answer begins.
            field: the field of the request that asked for the form.
            is_written: whether a client wrote the grammar itself.

        Raises:
            ParameterRefusedError: the form cannot be kept.
        """
        known = self._tokens(field)
        key = sha256(f"{stage}{is_written}\n{source}".encode()).digest()
        with self._lock:
            compiled = self._kept.pop(key, None)
        if compiled is None:
            compiled = self._compiled(known, self.whole(source, stage), field, is_written=is_written)
        with self._lock:
            self._kept[key] = compiled
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return Matcher(compiled.deep_copy(), self._ends, self._vocabulary, known.vocab_size, field)

    def tokens(self, text: str) -> list[int]:
        """Tokens that spell a text, for a matcher. They need not be those that the model would choose."""
        return self._tokens("").tokenize_str(text)

    def _compiled(self, known: LLTokenizer, source: str, field: str, *, is_written: bool) -> LLMatcher:
        most = MOST_ITEMS_OF_CLIENTS if is_written else MOST_ITEMS
        limits = LLParserLimits(verbose_errors=False, max_lexer_states=MOST_STATES, max_items_in_row=most)
        matcher = LLMatcher(known, LLMatcher.grammar_from_lark(source), log_level=0, limits=limits)
        if matcher.is_error():
            raise refused(field, f"it cannot be kept: {_reason(matcher.get_error())}")
        return matcher

    def _tokens(self, field: str) -> LLTokenizer:
        with self._lock:
            if self._known is None:
                size = max(self._vocabulary, len(self._tokenizer))
                try:
                    self._known = from_tokenizer(self._tokenizer, size, sorted(self._ends) or None)
                except (ValueError, AttributeError) as error:
                    log.warning("the tokenizer cannot keep forms: %s", error)
                    raise refused(field, NO_TOKENIZER) from error
            return self._known


def _reason(error: str) -> str:
    """The library's reason in one line, without what it says about its own source. Nobody can use a panic's text."""
    if error.startswith("panic"):
        return "it is too complex"
    reason = re.split(r"\n *\d+ \|", error)[0]
    reason = re.sub(r"^at \d+\(\d+\): |failed to compile JSON schema: |\. Enable 'coerce_one_of'.*", "", reason)
    return " ".join(reason.split())[:LONGEST_REASON] or "it is too complex"
