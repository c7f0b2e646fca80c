"""Follows one answer through its compiled form, token by token."""

from collections.abc import Collection
from typing import Any

import numpy as np
from llguidance import LLMatcher

from glados_bots.errors import FormTooHardError, GenerationFailedError

BITS = 32  # tokens per word of the library's mask


class Matcher:
    """One answer on its way. It belongs to one thread at a time.

    Args:
        matcher: the library's, at the beginning of the answer.
        ends: tokens that end an answer.
        vocabulary: number of tokens that the model can choose.
        known: number of tokens that the library knows, at least as many.
        field: the field of the request that asked for the form.
    """

    def __init__(self, matcher: LLMatcher, ends: Collection[int], vocabulary: int, known: int, field: str) -> None:
        self._matcher = matcher
        self._ends = frozenset(ends)
        self._vocabulary = vocabulary
        self._known = known
        self._field = field
        self._words = np.zeros(-(-known // BITS), dtype=np.int32)
        self._taken = 0
        self.complete_at: int | None = None  # number of tokens after which nothing but an end can follow

    def take(self, token: int) -> bool:
        """Continue with a token if it may come next, else change nothing. After the end, every token may come.

        Raises:
            FormTooHardError: the form is too costly to follow.
        """
        if self.complete_at is not None:
            return token in self._ends
        if not self._matcher.try_consume_tokens([token]):
            self._require_health()
            return False
        self._taken += 1
        if self._matcher.is_stopped():
            self._require_health()
            self.complete_at = self._taken
        return True

    def allowed(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether each token may come next; shape (vocabulary,). Raises GenerationFailedError as `take` does."""
        words = self._words
        self._matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
        self._require_health()
        allowed = np.unpackbits(words.view(np.uint8), bitorder="little")[: self._vocabulary].view(np.bool_)
        if not allowed.any():
            raise GenerationFailedError("no token of this model continues an answer of this form")
        return allowed

    def copy(self) -> "Matcher":
        """Another one at the same place, for another answer."""
        return Matcher(self._matcher.deep_copy(), self._ends, self._vocabulary, self._known, self._field)

    def restart(self) -> None:
        """Count from here: a new request continues the answer."""
        self._taken = 0

    def rewind(self, count: int) -> None:
        """Forget all tokens but the first `count`. The scheduler repeats a step that it lost."""
        lost = self._taken - count
        if lost > 0:
            self._matcher.rollback(lost)
            self._taken, self.complete_at = count, None
            self._require_health()

    @property
    def may_end(self) -> bool:
        """Whether what came so far has the form."""
        return self.complete_at is not None or self._matcher.is_accepting()

    def _require_health(self) -> None:
        if self._matcher.is_error():
            raise FormTooHardError(
                self._field, "following this form takes too much work; ask for a simpler schema or grammar"
            )
