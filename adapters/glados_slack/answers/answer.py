"""An answer as it grows: each message of it drawn twice, as blocks for its end and as markdown for the stream.

A chunk is both as JSON, because that is Slack's own wire format: `Chunk.decode` reads it back.
"""

import json
import math
import time
from dataclasses import dataclass
from typing import Self

from glados_bots.markdown.drawing.chat import ChatSink
from glados_bots.markdown.drawing.leaves import Leaf
from glados_bots.markdown.streaming.stream import Stream
from glados_bots.markdown.tree import Table
from glados_slack.answers import tables
from glados_slack.answers.block_kit import Block
from glados_slack.answers.blocks import BlockDialect
from glados_slack.answers.markdown import SlackDialect, render
from glados_slack.answers.markup import MarkdownDialect

# Characters of a message. Slack takes 12,000 a call and about 13,000 in all blocks; what a message may hold is more
# than anybody wants to read in one.
LIMIT = 9_000
# Of `text`, which notifications and screen readers use: chat.update refuses 4,000 and more.
MAX_TEXT = 3_800
DRAW_EVERY_S = 0.1

Drawn = tuple[Block, str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One message of an answer."""

    blocks: list[Block]  # as Block Kit
    markdown: str  # the same as Slack's markdown

    @property
    def text(self) -> str:
        """The beginning as mrkdwn, for notifications."""
        shown = render(self.markdown, MAX_TEXT)
        return shown[0] + ("\n…" if len(shown) > 1 else "") if shown else ""

    def encode(self) -> str:
        """The message as a chunk of a `View`."""
        return json.dumps([self.blocks, self.markdown], ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def decode(cls, chunk: str) -> Self:
        """The inverse; an empty chunk is a message that says nothing yet."""
        blocks, markdown = json.loads(chunk) if chunk else ([], "")
        return cls(blocks, markdown)


class TwofoldDialect:
    """Draws blocks and markdown side by side, so that both are cut at the same places."""

    def __init__(self) -> None:
        self._blocks = BlockDialect(SlackDialect())
        self._markdown = MarkdownDialect()

    def expand(self, leaf: Leaf, limit: int) -> list[Leaf]:
        rule = MarkdownDialect.rule(leaf.block) if isinstance(leaf.block, Table) else ""
        return self._blocks.expand(leaf, limit - len(rule), self._row_size)

    def draw(self, leaf: Leaf) -> Drawn:
        return self._blocks.draw(leaf), self._markdown.draw(leaf)

    def size(self, drawn: Drawn) -> int:
        return max(self._blocks.size(drawn[0]), len(drawn[1]))

    def _row_size(self, row: tables.Row) -> int:
        return max(tables.row_size(row), self._markdown.row_size(row))

    def fits_beside(self, before: list[tuple[Leaf, Drawn]], leaf: Leaf) -> bool:
        return self._blocks.fits_beside([(other, drawn[0]) for other, drawn in before], leaf)

    def join(self, parts: list[tuple[Leaf, Drawn]]) -> str:
        blocks = self._blocks.join([(leaf, drawn[0]) for leaf, drawn in parts])
        return Chunk(blocks, self._markdown.join([(leaf, drawn[1]) for leaf, drawn in parts])).encode()


class SlackAnswer:
    """The streaming renderer the core feeds. It draws only a few times per second: Slack shows nobody more."""

    def __init__(self) -> None:
        self._stream = stream()
        self._waiting: list[str] = []
        self._drawn_at = -math.inf

    @property
    def chunks(self) -> list[str]:
        """Messages so far; every one but the last is final."""
        return self._stream.chunks

    def feed(self, delta: str) -> None:
        self._waiting.append(delta)
        if time.monotonic() - self._drawn_at >= DRAW_EVERY_S:
            self._draw()

    def close(self) -> None:
        self._draw()
        self._stream.close()

    def _draw(self) -> None:
        self._stream.feed("".join(self._waiting))
        self._waiting = []
        self._drawn_at = time.monotonic()


def stream(limit: int = LIMIT) -> Stream[str]:
    """Follow an answer while it is written: each message of it as an encoded `Chunk`."""
    return Stream(lambda: ChatSink(TwofoldDialect(), limit))


def chunk_of(markdown: str) -> Chunk:
    """A text of ours, such as an apology or a page of help, as one message."""
    answer = stream()
    answer.feed(markdown)
    chunks = answer.close().chunks
    return Chunk.decode(chunks[0] if chunks else "")
