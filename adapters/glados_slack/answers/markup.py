"""Answers as Slack's markdown, which streams are written in; the finished message is made of blocks instead.

Slack promises to keep nothing in markdown from being read as a mention, so whatever looks like the beginning of one is
broken by an invisible character, in code too: `blocks` sets the text right when the answer is complete.
"""

import re

from glados_bots.markdown.drawing.chat import RULE, ChatDialect
from glados_bots.markdown.drawing.inline import ZERO_WIDTH_SPACE, without_fences, write_lines
from glados_bots.markdown.drawing.leaves import Leaf
from glados_bots.markdown.tree import Run, SpanKind, Table

_SPECIAL = re.compile(r"[\\*_~`\[\]<@]")
_TOKEN = re.compile(r"<(?=[!@#])|@(?=channel|here|everyone)", re.IGNORECASE)
# At a run's end, too: what follows may complete it.
_MENTION = re.compile(r"@(?=channel|here|everyone|\Z)", re.IGNORECASE)
_LINE_START = re.compile(r"(?:#{1,6}|[-*+]|>)(?=\s|$)|\d+(?=[.)](?:\s|$))")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+\-.#]+\Z")


class MarkdownDialect(ChatDialect):
    """The markdown of Slack's streams."""

    marks: dict[SpanKind, str] = {"strong": "**", "em": "*", "strike": "~~"}  # noqa: RUF012 - never changed
    padding = ""

    def escape(self, text: str) -> str:
        """Put a backslash before everything markdown could read, and break mentions."""
        return _SPECIAL.sub(_escaped, text)

    def guard(self, line: str) -> str:
        """Escape what would make a heading, item or quote at the beginning of a line."""
        match = _LINE_START.match(line)
        if match is None:
            return line
        return f"{match[0]}\\{line[match.end() :]}" if match[0].isdigit() else "\\" + line

    def code(self, text: str) -> str:
        """Write inline code with more back-ticks than it holds."""
        text = _quiet(text.replace("\n", " "))
        ticks = "`" * (max((len(found) for found in re.findall("`+", text)), default=0) + 1)
        pad = " " if text.startswith("`") or text.endswith("`") else ""
        return f"{ticks}{pad}{text}{pad}{ticks}"

    def is_hard_to_style(self, code: str, kind: SpanKind) -> bool:
        """Markdown does not look for markers inside code."""
        del code, kind
        return False

    def needs_boundary(self, before: str, after: str) -> bool:
        """Markers that touch would be read as one."""
        return before in "*~" and after in "*~"

    def link(self, label: list[Run], url: str, *, is_bare: bool) -> str:
        """Write a link."""
        shown = "".join(run.text for run in label).strip()
        if is_bare and url.startswith("mailto:"):
            return self.escape(shown)  # it has begun as plain text, and Slack finds it by itself
        if not shown or shown == url or (is_bare and "://" in shown):
            return self.bare(url)
        return f"[{' '.join(write_lines(self, label))}]({_quoted(url)})"

    def bare(self, url: str) -> str:
        """Write an address without a label."""
        return f"<{_quoted(url)}>"

    def fence(self, code: str, language: str) -> str:
        """Write a code block."""
        name = language if _LANGUAGE.match(language) else ""
        return f"```{name}\n{_quiet(without_fences(code)) or ' '}\n```"

    def heading(self, leaf: Leaf) -> str:
        """A heading of its level."""
        return "#" * leaf.level + " " + " ".join(write_lines(self, leaf.runs))

    def indent(self, levels: tuple[bool, ...]) -> str:
        """Two spaces in a bulleted list, three in a numbered one."""
        return "".join("   " if is_ordered else "  " for is_ordered in levels)

    def marker(self, leaf: Leaf) -> str:
        """As in GFM."""
        return leaf.marker + " "

    def draw(self, leaf: Leaf) -> str:
        """Write a leaf; a table row by row, so that it only ever grows."""
        if isinstance(leaf.block, Table):
            header, *rows = [self._row(row) for row in leaf.block.rows]
            return "\n".join([header, "|" + " --- |" * len(leaf.block.rows[0]), *rows])
        return "---" if leaf.kind == "rule" and not leaf.place.levels else super().draw(leaf).replace(RULE, "---")

    def _row(self, row: list[list[Run]]) -> str:
        cells = (" ".join(write_lines(self, cell)).replace("|", "\\|") for cell in row)
        return f"| {' | '.join(cells)} |"


def _escaped(match: re.Match[str]) -> str:
    found, text, start = match[0], match.string, match.start()
    if found == "@":
        return "@" + ZERO_WIDTH_SPACE if _MENTION.match(text, start) else "@"
    if found == "<":
        return "<" if text[start + 1 : start + 2].isspace() else "<" + ZERO_WIDTH_SPACE
    return "\\" + found


def _quiet(code: str) -> str:
    """Code in which no mention is left."""
    return _TOKEN.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, code)


def _quoted(url: str) -> str:
    """Encode what would end the link or could be read as a mention."""
    for character in "()<>|" + ("@" if _MENTION.search(url) else ""):
        url = url.replace(character, f"%{ord(character):02X}")
    return url
