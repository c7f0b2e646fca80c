"""Keeps the caches of prompts that were read, so that the next turn of a conversation need not read them again.

A linear layer's state cannot be cut back to an earlier token. So each request keeps its cache once a little before its
prompt ends, because a chat template often ends a prompt in another way than it writes a finished turn, and once more
when its answer ends. Only requests of the same domain (one caller and one LoRA) find it, as in
transformers_engine/prefix_cache.py.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from glados_bots.inference.transformers_engine.dense.states import compact, size, snapshot

TAIL = 16  # tokens at a prompt's end that are not kept: the beginning of the answer, as templates write it
SHORTEST = 32  # tokens; reading fewer again costs less than keeping them


class Kept:
    """Caches by domain and tokens, at most `budget` bytes. The least recently used go first."""

    def __init__(self, budget: float) -> None:
        self._budget = budget
        self._caches: OrderedDict[tuple[str, tuple[int, ...]], Any] = OrderedDict()
        self.bytes = 0

    def add(self, domain: str, tokens: Sequence[int], cache: Any) -> None:
        """Keep a cache that holds exactly these tokens."""
        key, taken = (domain, tuple(tokens)), size(cache)
        if len(tokens) < SHORTEST or taken > self._budget or key in self._caches:
            return
        self._caches[key] = snapshot(compact(cache))
        self.bytes += taken
        while self.bytes > self._budget:
            self.drop_oldest()

    def find(self, domain: str, prompt: Sequence[int]) -> tuple[int, Any]:
        """(length, copy) of the cache with the longest beginning of the prompt; (0, None) if there is none.

        At least one token is left to read, because its scores choose the next.
        """
        best: tuple[str, tuple[int, ...]] | None = None
        for key in self._caches:
            tokens = key[1]
            longer = len(tokens) < len(prompt) and (best is None or len(tokens) > len(best[1]))
            if key[0] == domain and longer and tuple(prompt[: len(tokens)]) == tokens:
                best = key
        if best is None:
            return 0, None
        self._caches.move_to_end(best)
        return len(best[1]), snapshot(self._caches[best])

    def drop_oldest(self) -> bool:
        """Free the least recently used cache. Returns whether there was one."""
        if not self._caches:
            return False
        _, cache = self._caches.popitem(last=False)
        self.bytes -= size(cache)
        return True
