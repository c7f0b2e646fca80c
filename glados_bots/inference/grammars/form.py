"""The form of one request's answer, as an engine keeps it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from glados_bots.errors import GenerationFailedError
from glados_bots.inference.grammars.calls import CALL_RULE
from glados_bots.inference.grammars.compiler import Compiler
from glados_bots.inference.grammars.matcher import Matcher
from glados_bots.inference.grammars.reasoning import stage_of
from glados_bots.inference.grammars.refusing import refused
from glados_bots.inference.prompts.encoding import TAIL


class Form:
    """The form of one answer. The constructor and `matcher` may compile: call them in a thread.

    Raises ParameterRefusedError if it cannot be kept.

    Args:
        compiler: of the model.
        source: see sources.py.
        field: the field of the request that asked for it.
        prompt: token ids.
        decode: makes text of token ids, with special tokens.
        is_written: whether a client wrote the grammar itself.
        raw: whether the prompt is no conversation, so that no reasoning stands before the answer.
    """

    def __init__(
        self,
        compiler: Compiler,
        source: str,
        field: str,
        prompt: Sequence[int],
        decode: Any,
        *,
        raw: bool = False,
        is_written: bool = False,
    ) -> None:
        self._compiler, self._source = compiler, source
        self._made = partial(compiler.matcher, source, field=field, is_written=is_written)
        self._length = len(prompt)
        self._stage = "raw" if raw else stage_of(compiler.marks, decode(prompt[-TAIL:]))
        self._first = self._made(self._stage)
        self._answer = self._made("answer")
        try:
            self._answer.allowed()
        except GenerationFailedError as error:
            raise refused(field, "no answer of this model can have this form; change it") from error

    def matcher(self, tokens: Sequence[int]) -> Matcher:
        """A matcher for what follows these tokens. Args: tokens: the prompt, and what was answered or added since."""
        added = tokens[self._length :]
        if not added:
            return self._first.copy()
        if f"{CALL_RULE}:" in self._source:  # its reasoning was closed before the header of the last message
            return self._made("answer")
        matcher = self._made(self._stage)
        if not all(map(matcher.take, added)):  # the reasoning was closed where the model would not have closed it
            return self._made("answer")
        matcher.restart()
        return matcher

    def lark(self, tokens: Sequence[int]) -> str:
        """The whole source for what follows these tokens. Once something was added, the reasoning is over."""
        return self._compiler.whole(self._source, "answer" if len(tokens) > self._length else self._stage)

    def has(self, text: str) -> bool:
        """Whether an answer, without its reasoning, is complete."""
        matcher = self._answer.copy()
        return self._takes(matcher, text) and matcher.may_end

    def begins(self, text: str) -> bool:
        """Whether a text is the beginning of an answer, without its reasoning."""
        return self._takes(self._answer.copy(), text)

    def _takes(self, matcher: Matcher, text: str) -> bool:
        return all(map(matcher.take, self._compiler.tokens(text)))
