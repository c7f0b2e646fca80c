"""Answers in Discord's markdown.

Discord reads `#` to `###`, lists, `> ` quotes, bold, italic, strike, code and masked links. It does not read tables,
images, rules or HTML. We escape all text that it would read by accident.
"""

import re

from glados_bots.markdown.drawing.chat import BackslashDialect, ChatSink, render_chat
from glados_bots.markdown.drawing.inline import ZERO_WIDTH_SPACE, write_lines
from glados_bots.markdown.drawing.leaves import Leaf, bold
from glados_bots.markdown.drawing.mentions import Mentions
from glados_bots.markdown.links import is_as_written
from glados_bots.markdown.streaming.stream import Stream
from glados_bots.markdown.tree import Run, SpanKind

# Code points per message (Discord's API).
LIMIT = 2000

# A plain set of characters is the fastest to search for.
_SPECIAL = re.compile(r"[\\*_~`\[\]<|@]")
# Always escaped, the backslash first; `_escaped` decides about the others.
_ALWAYS = "\\*_~`[]"
_ANGLE = re.compile(r"<(?!\s)")
_SOMETIMES = re.compile(r"\|(?=\|)|(?<=\|)\||(?<=http):(?=//)|(?<=https):(?=//)")
_MENTIONS = Mentions(r"everyone|here|[!&]?\d")
_TICKS = re.compile("`+")
_DEEPEST_HEADING = 3
# Characters that may stand unchanged between angle brackets, but not in a masked link.
_PLAIN_ADDRESS = re.compile(r"[!-;=?-_a-~]+\Z")


class DiscordDialect(BackslashDialect):
    """Discord's syntax."""

    line_start = re.compile(r"(#{1,3}|-#|[-*+]|>{1,3}|\d+(?=\.))(?=[\s.]|$)")

    def escape(self, text: str) -> str:
        is_address = "://" in text  # an address in a link's label makes Discord show the link's source
        if not is_address and not _SPECIAL.search(text):
            return text
        for character in _ALWAYS:
            if character in text:
                text = text.replace(character, "\\" + character)
        if "<" in text:
            text = _ANGLE.sub(r"\\<", text)
        if is_address or "|" in text:
            text = _SOMETIMES.sub(_escaped, text)
        return _MENTIONS.broken(text)

    def code(self, text: str) -> str:
        """Write inline code with one back-tick, or with two if the code holds one."""
        text = text.replace("\n", " ")
        if "`" not in text:
            return f"`{text}`"
        lengths = {len(ticks) for ticks in _TICKS.findall(text)}
        if lengths - {1, 2} or len(lengths) > 1:  # neither one nor two can enclose all back-ticks: separate them
            text = text.replace("``", f"`{ZERO_WIDTH_SPACE}`").replace("``", f"`{ZERO_WIDTH_SPACE}`")
            lengths = {1}
        ticks = "``" if lengths == {1} else "`"
        pad_left, pad_right = (" " if text.startswith("`") else ""), (" " if text.endswith("`") else "")
        return f"{ticks}{pad_left}{text}{pad_right}{ticks}"

    def is_hard_to_style(self, code: str, kind: SpanKind) -> bool:
        """Whether code could end a style: Discord also looks for closing markers inside code."""
        return self.marks[kind] in code

    def link(self, label: list[Run], url: str, *, is_bare: bool) -> str:
        """Write a masked link. An address that is its own label gets angle brackets, which prevent a preview."""
        shown = "".join(run.text for run in label).strip()
        if url.startswith("mailto:"):
            address = url.removeprefix("mailto:")
            return self.escape(shown if address in shown else f"{shown} ({address})".strip())
        if not shown or shown == url:
            return self.bare(url)
        if is_bare and "://" in shown:
            return self.bare(shown if _PLAIN_ADDRESS.match(shown) and is_as_written(shown, url) else url)
        text = " ".join(write_lines(self, label))
        return f"[{text}]({_quoted(url).replace('(', '%28').replace(')', '%29')})"

    def bare(self, url: str) -> str:
        return f"<{_quoted(url)}>"

    def heading(self, leaf: Leaf) -> str:
        """Write a heading. Discord has levels 1 to 3; deeper ones become bold lines."""
        if leaf.level > _DEEPEST_HEADING:
            return " ".join(write_lines(self, bold(leaf.runs)))
        line = " ".join(write_lines(self, leaf.runs))
        hidden = ZERO_WIDTH_SPACE if line.endswith("#") else ""  # Discord removes `#` at the end
        return "#" * leaf.level + f" {line}{hidden}"

    def small(self, line: str) -> str:
        """Write a footnote as Discord's subtext."""
        return f"-# {line}"


def render(text: str, limit: int = LIMIT) -> list[str]:
    """The messages of a whole answer, each with at most `limit` code points. No message without visible content.

    Raises ValueError when the limit is below 200.
    """
    return render_chat(text, DiscordDialect(), limit)


def stream(limit: int = LIMIT) -> Stream[str]:
    """Render an answer while it grows; see `render`."""
    return Stream(lambda: ChatSink(DiscordDialect(), limit))


def _escaped(match: re.Match[str]) -> str:
    return ":" + ZERO_WIDTH_SPACE if match[0] == ":" else "\\" + match[0]


def _quoted(url: str) -> str:
    """Encode characters that Discord would read as markup inside an address."""
    return _MENTIONS.encoded(url).replace("~~", "%7E%7E").replace("||", "%7C%7C")
