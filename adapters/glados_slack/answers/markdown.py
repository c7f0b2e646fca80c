"""Answers in mrkdwn, Slack's own text markup, and in Block Kit (see `blocks`).

mrkdwn has no escape character: only `&`, `<` and `>` can be written as entities. A literal marker is kept from
pairing with another by invisible characters that count as white space.
"""

import re

from glados_bots.markdown.drawing.chat import ChatDialect, ChatSink, chat_leaves, render_chat
from glados_bots.markdown.drawing.inline import ZERO_WIDTH_SPACE, without_fences, write_lines
from glados_bots.markdown.drawing.leaves import Leaf, bold
from glados_bots.markdown.drawing.packer import Packer
from glados_bots.markdown.links import is_as_written
from glados_bots.markdown.parsing.parser import parse
from glados_bots.markdown.streaming.stream import Stream
from glados_bots.markdown.tree import Run, SpanKind
from glados_slack.answers.block_kit import Block
from glados_slack.answers.blocks import BlockDialect
from glados_slack.answers.mentions import MENTIONS
from glados_slack.connection.escaping import encode

# Characters of `text` that chat.update takes; longer ones are refused.
LIMIT = 4000
# Over all blocks of a message; beyond about 13,000 Slack answers `msg_blocks_too_long`.
BLOCKS_LIMIT = 12_000

# On the inside of a literal marker a character that scanners count as white space, so that it neither opens nor
# closes; outside of that one they do not, so that our own markers may stand beside it.
_LITERAL = f"{ZERO_WIDTH_SPACE}\ufeff{{}}\ufeff{ZERO_WIDTH_SPACE}"
# Within a word an underscore is no marker; to common scanners a word is ASCII.
# A star that is a keycap's begins an emoji.
_MARKER = re.compile(r"(?<!\s)[*~](?!\ufe0f?\u20e3)|[*~](?!\s|\ufe0f?\u20e3)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# Looks like one, and does not begin code.
_BACK_TICK = "\u02cb"
_SPECIAL = re.compile(r"[&<>*~_`@]")
_WORD_END = re.compile(r"_(?!\w)")
_LINE_START = re.compile(r"&gt;|\d+[.)]\s|[-•◦▪]\s")
# In a label, so that it is not read as a link of its own.
_QUIET_ADDRESS = f":{ZERO_WIDTH_SPACE}//"
_QUIET = frozenset(" .,;:!?()'\"/-\u200b\u2018\u2019\u201c\u201d\u2013\u2014\u2026\n")
_BULLETS = "•◦▪"


class SlackDialect(ChatDialect):
    """mrkdwn's syntax."""

    marks: dict[SpanKind, str] = {"strong": "*", "em": "_", "strike": "~"}  # noqa: RUF012 - never changed
    quotes_code = False
    # A style around one character needs a second one for common scanners: a word joiner.
    padding = "\u2060"

    def escape(self, text: str) -> str:
        if not _SPECIAL.search(text):
            return text
        text = encode(text)
        text = _MARKER.sub(lambda match: _LITERAL.format(match[0]), text)
        return MENTIONS.broken(text).replace("`", _BACK_TICK)

    def guard(self, line: str) -> str:
        """An entity for `>` still makes a quote at the beginning of a line."""
        return ZERO_WIDTH_SPACE + line if _LINE_START.match(line) else line

    def code(self, text: str) -> str:
        """Write inline code; it cannot hold a back-tick, so a look-alike stands in."""
        return f"`{encode(text).replace('`', _BACK_TICK).replace(chr(10), ' ')}`"

    def is_hard_to_style(self, code: str, kind: SpanKind) -> bool:
        """Common scanners look for closing markers inside code, too; `_` closes at a word's end only."""
        return _WORD_END.search(code) is not None if kind == "em" else self.marks[kind] in code

    def needs_boundary(self, before: str, after: str) -> bool:
        """Slack wants a boundary on the outside of each marker."""
        return before not in _QUIET and after not in _QUIET

    def link(self, label: list[Run], url: str, *, is_bare: bool) -> str:
        """Write a link; styles stand outside of it, so a label with several becomes several links."""
        parts: list[tuple[tuple[SpanKind, ...], str]] = []
        for run in label:
            styles = tuple(dict.fromkeys(span.kind for span in run.spans))
            text = " " if run.kind in {"soft", "hard"} else run.text
            written = self.code(text) if run.kind == "code" else self.escape(text).replace("://", _QUIET_ADDRESS)
            if parts and parts[-1][0] == styles:
                parts[-1] = (styles, parts[-1][1] + written)
            else:
                parts.append((styles, written))
        shown = "".join(run.text for run in label)
        if not shown.strip() or shown == url or (is_bare and "://" in shown and not is_as_written(shown, url)):
            return self.bare(url)
        pieces = []
        for styles, text in parts:
            opening = "".join(self.marks[kind] for kind in styles)
            pieces.append(f"{opening}<{_quoted(url)}|{text}>{opening[::-1]}")
        return ZERO_WIDTH_SPACE.join(pieces)

    def bare(self, url: str) -> str:
        return f"<{_quoted(url)}>"

    def fence(self, code: str, language: str) -> str:
        """Write a code block; Slack would show the language as code."""
        del language
        text = without_fences(encode(code))
        return f"```\n{text or ' '}\n```"

    def heading(self, leaf: Leaf) -> str:
        return " ".join(write_lines(self, bold(leaf.runs)))

    def indent(self, levels: tuple[bool, ...]) -> str:
        return "    " * len(levels)

    def marker(self, leaf: Leaf) -> str:
        """A bullet by depth, or the number as text; a task's box takes the bullet's place."""
        if leaf.marker != "-":
            return leaf.marker + " "
        if leaf.checked is not None:
            return ""
        return _BULLETS[min(len(leaf.place.levels), len(_BULLETS)) - 1] + " "


def render(text: str, limit: int = LIMIT) -> list[str]:
    """The messages of a whole answer, each of at most `limit` characters; none for an answer without visible content.

    Raises ValueError when the limit is below 200.
    """
    return render_chat(text, SlackDialect(), limit)


def render_blocks(text: str, limit: int = BLOCKS_LIMIT) -> list[list[Block]]:
    """Render a whole answer as the blocks of each message, with at most `limit` characters of text and addresses.

    Raises ValueError when the limit is below 200.
    """
    packer: Packer[Block, list[Block]] = Packer(BlockDialect(SlackDialect()), limit)
    packer.add(chat_leaves(parse(text)))
    return packer.messages()


def stream(limit: int = LIMIT) -> Stream[str]:
    """Follow an answer while it is written; see `render`."""
    return Stream(lambda: ChatSink(SlackDialect(), limit))


def _quoted(url: str) -> str:
    return encode(MENTIONS.encoded(url).replace("|", "%7C").replace(">", "%3E").replace("<", "%3C"))
