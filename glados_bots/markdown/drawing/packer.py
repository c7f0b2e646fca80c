"""Fills messages with leaves, in order.

A leaf's place depends only on the leaves before it, so a full message stays as it is while the answer grows.
"""

from collections import deque
from typing import Generic

from glados_bots.markdown.drawing.cut import Drawn, Message, MessageDialect, split
from glados_bots.markdown.drawing.leaves import Leaf
from glados_bots.markdown.tree import Code, Table

# A smaller message could not hold a fence, a table's header and a line.
MIN_LIMIT = 200
# Extra characters for a gap inside a quote, which contains the quote's mark.
QUOTE_MARGIN = 2
# A leaf with more than this many times a message's text is cut before drawing. It would never fit, and the whole rest
# would be drawn again for each message.
_SURELY_TOO_LONG = 2
_FEW = 8  # runs; nearly all leaves have fewer, and need no closer check


class Packer(Generic[Drawn, Message]):
    """Fills messages with leaves. Raises ValueError if the limit, in the dialect's unit, is below MIN_LIMIT."""

    def __init__(self, dialect: MessageDialect[Drawn, Message], limit: int) -> None:
        if limit < MIN_LIMIT:
            raise ValueError(f"a limit of {limit} is too small for messages that stand alone; use {MIN_LIMIT} or more")
        self._dialect = dialect
        self._limit = limit
        self.full: list[Message] = []
        self._parts: list[tuple[Leaf, Drawn]] = []
        self._room = limit

    def fork(self) -> "Packer[Drawn, Message]":
        """A new packer that continues from here without changing this one; its `full` begins empty."""
        other = Packer(self._dialect, self._limit)
        other._parts, other._room = list(self._parts), self._room
        return other

    def messages(self) -> list[Message]:
        """All messages so far; the last one may not be full."""
        return [*self.full, self._dialect.join(self._parts)] if self._parts else list(self.full)

    def add(self, leaves: list[Leaf]) -> None:
        """Add leaves after the present ones."""
        queue = deque(leaves)
        while queue:
            leaf = queue.popleft()
            if isinstance(leaf.block, Table):
                leaf, *rest = self._dialect.expand(leaf, self._limit)
                queue.extendleft(reversed(rest))
            few = len(leaf.runs) < _FEW and not (leaf.runs and len(leaf.runs[-1].text) > self._limit)
            if (few and leaf.kind != "code") or not _is_longer(leaf, _SURELY_TOO_LONG * self._limit):
                self._place(leaf, queue)
            elif self._parts:
                self._put_off(leaf, queue)
            else:
                self._cut(leaf, queue)

    def _cut(self, leaf: Leaf, queue: deque[Leaf]) -> None:
        head, rest = split(leaf, self._limit, self._dialect)
        queue.extendleft([head] if rest is None else [rest, head])

    def _place(self, leaf: Leaf, queue: deque[Leaf]) -> None:
        drawn = self._dialect.draw(leaf)
        size = self._dialect.size(drawn)
        if not self._parts:
            if size <= self._limit:
                self._parts = [(leaf, drawn)]
                self._room = self._limit - size
            else:
                self._cut(leaf, queue)
            return
        size += leaf.gap + (QUOTE_MARGIN if leaf.place.quote else 0)
        if size <= self._room and self._dialect.fits_beside(self._parts, leaf):
            self._parts.append((leaf, drawn))
            self._room -= size
        else:
            self._put_off(leaf, queue)

    def _put_off(self, leaf: Leaf, queue: deque[Leaf]) -> None:
        """Close this message and queue the leaf for the next one."""
        queue.appendleft(leaf)
        queue.extendleft(reversed(self._close()))

    def _close(self) -> list[Leaf]:
        """Finish the message. Returns headings at its end, which move to the next message with their text."""
        kept = len(self._parts)
        while kept > 1 and self._parts[kept - 1][0].kind == "heading":
            kept -= 1
        if self._parts[kept - 1][0].kind == "heading":
            kept = len(self._parts)
        moved = [leaf for leaf, _ in self._parts[kept:]]
        self.full.append(self._dialect.join(self._parts[:kept]))
        self._parts = []
        return moved


def _is_longer(leaf: Leaf, size: int) -> bool:
    """Whether a leaf has more than `size` characters; stops counting as soon as this is known."""
    if isinstance(leaf.block, Code):
        return len(leaf.block.text) > size
    for run in leaf.runs:
        size -= max(1, len(run.text))
        if size < 0:
            return True
    return False
