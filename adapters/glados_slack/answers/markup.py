"""Answers as Slack's markdown, which streams are written in; the finished message is made of blocks instead.

Slack promises to keep nothing in markdown from being read as a mention, so whatever looks like the beginning of one is
broken by an invisible character, in code too: `blocks` sets the text right when the answer is complete.
"""

import re

from glados_bots.markdown.drawing.chat import RULE, BackslashDialect
from glados_bots.markdown.drawing.inline import ZERO_WIDTH_SPACE, write_lines
from glados_bots.markdown.drawing.leaves import Leaf
from glados_bots.markdown.tree import Run, SpanKind, Table
from glados_slack.answers.mentions import MENTIONS, without_tokens

_SPECIAL = re.compile(r"[\\*_~`\[\]<]")


class MarkdownDialect(BackslashDialect):
    """The markdown of Slack's streams."""

    line_start = re.compile(r"(?:#{1,6}|[-*+]|>)(?=\s|$)|\d+(?=[.)](?:\s|$))")

    def escape(self, text: str) -> str:
        return MENTIONS.broken(_SPECIAL.sub(_escaped, text))

    def code(self, text: str) -> str:
        text = without_tokens(text.replace("\n", " "))
        ticks = "`" * (max((len(found) for found in re.findall("`+", text)), default=0) + 1)
        pad = " " if text.startswith("`") or text.endswith("`") else ""
        return f"{ticks}{pad}{text}{pad}{ticks}"

    def is_hard_to_style(self, code: str, kind: SpanKind) -> bool:
        """Markdown does not look for markers inside code."""
        del code, kind
        return False

    def link(self, label: list[Run], url: str, *, is_bare: bool) -> str:
        shown = "".join(run.text for run in label).strip()
        if is_bare and url.startswith("mailto:"):
            return self.escape(shown)  # it has begun as plain text, and Slack finds it by itself
        if not shown or shown == url or (is_bare and "://" in shown):
            return self.bare(url)
        return f"[{' '.join(write_lines(self, label))}]({_quoted(url)})"

    def bare(self, url: str) -> str:
        return f"<{_quoted(url)}>"

    def fence(self, code: str, language: str) -> str:
        return super().fence(without_tokens(code), language)

    def heading(self, leaf: Leaf) -> str:
        return "#" * leaf.level + " " + " ".join(write_lines(self, leaf.runs))

    def draw(self, leaf: Leaf) -> str:
        """Write a leaf; a table row by row, so that it only ever grows."""
        if isinstance(leaf.block, Table):
            header, *rows = [self._row(row) for row in leaf.block.rows]
            return "\n".join([header, self.rule(leaf.block), *rows])
        return "---" if leaf.kind == "rule" and not leaf.place.levels else super().draw(leaf).replace(RULE, "---")

    @staticmethod
    def rule(table: Table) -> str:
        """The line below the header."""
        return "|" + " --- |" * len(table.rows[0])

    def row_size(self, row: list[list[Run]]) -> int:
        """Characters of a row with its line break."""
        return len(self._row(row)) + len("\n")

    def _row(self, row: list[list[Run]]) -> str:
        cells = (" ".join(write_lines(self, cell)).replace("|", "\\|") for cell in row)
        return f"| {' | '.join(cells)} |"


def _escaped(match: re.Match[str]) -> str:
    if match[0] != "<":
        return "\\" + match[0]
    return "<" if match.string[match.end() : match.end() + 1].isspace() else "<" + ZERO_WIDTH_SPACE


def _quoted(url: str) -> str:
    """Encode what would end the link or could be read as a mention."""
    for character in "()<>|":
        url = url.replace(character, f"%{ord(character):02X}")
    return MENTIONS.encoded(url)
