"""Completes the end of an answer that is still being written, as it will probably read.

This is only for display and only for the last few lines; the finished answer is never changed. Open elements are
closed. Text that cannot be shown yet (half a link's address, a lone marker) is held back until more has come.
"""

import re

from glados_bots.markdown.fences import last_fence
from glados_bots.markdown.pairs import end_tags
from glados_bots.markdown.streaming.held_back import without_open_end, without_open_formula, without_open_tag
from glados_bots.markdown.tags import begins_block

# A last line that may still become a marker, an underline, a fence, a table's rule or a task.
_UNDECIDED_LINE = re.compile(
    r"[ \t>]*(?:[-=*_+#|:`~ \t]*|(?:[-*+]|\d{1,9}[.)]?)[ \t]*(?:\[[ xX]?\]?)?[ \t]*(?:[-*+]|\d{1,9}[.)]?)?"
    r"|[*_~]{1,3}|`{3,}[^`\n]*|~{3,}[^\n]*|\[(?=[^\n]*\]:)[^\n]*)\Z"
)
_BLOCK_START = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]|#{1,6}[ \t]|>|\|)")
_PARTIAL_FENCE = re.compile(r"[ \t>]*(?:`+|~+)[ \t]*\Z")
_TABLE_RULE = re.compile(r"[ \t>]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-*+:?[ \t]*+)*+\Z")
_TOKEN = re.compile(r"\\.|(?P<ticks>`+)|(?P<run>\*+|_+|~+)|(?P<image>!\[)|(?P<open>\[)|(?P<close>\])", re.DOTALL)
_LINK_END = re.compile(r"\((?:[^()\s\\]|\\.|\([^()\s]*\))*(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)|\[[^\]]*\]", re.DOTALL)
# A line longer than this, in characters, is prose.
_LONGEST_UNDECIDED = 1_000
# Text after a bracket is shown as it is if it has not become a link within this many characters.
_LONGEST_LABEL = 200
_LONGEST_LINK = 400
# With more open markers than any writer means, they are shown as they are.
_MOST_OPEN = 32
_TICKS = re.compile("`+")
_LINK_PART = re.compile(r"\(|\[[^\]]*\Z|\Z")


def finish(text: str) -> str:
    """The source of the last blocks, with open elements at its end closed or held back, and otherwise unchanged."""
    line_start = text.rfind("\n") + 1
    fence, closed = last_fence(text)
    if fence is not None:
        return _finish_code(text, fence, line_start)
    if closed > line_start:
        return text
    if "\\" in text or "$$" in text:
        text = without_open_formula(text, max(_paragraph_start(text, is_whole=True), closed))
        line_start = text.rfind("\n") + 1
    if len(text) - line_start < _LONGEST_UNDECIDED and _UNDECIDED_LINE.match(text, line_start):
        text = text[:line_start].rstrip("\n") + "\n"
    start = max(_paragraph_start(text), min(closed + 1, len(text)) if closed else 0)
    if _is_undecided_table(text[start:]) and not (text.endswith("\n") and _is_row_before(text, start)):
        return text[:start]
    if line_start > start and _is_table(text[:line_start]):
        return text[:line_start]  # show only whole rows, so that columns do not grow letter by letter
    paragraph = text[start:]
    if begins_block(paragraph):
        return text if paragraph.endswith("\n\n") else text[:start] + without_open_tag(paragraph)
    if not paragraph.endswith("\n\n"):
        paragraph = without_open_end(paragraph)
    paragraph = _close_inline(paragraph)
    return text[:start] + paragraph + (end_tags(paragraph, are_likely=True) if "<" in paragraph else "")


def ending_as_heading(text: str) -> str:
    """Text that may still follow the last paragraph: its closing tags, and the underline of a heading."""
    tags = end_tags(text[_paragraph_start(text) :]) if "<" in text else ""
    return tags + ("===\n" if text.endswith("\n") else "\n===\n")


def _finish_code(text: str, fence: re.Match[str], line_start: int) -> str:
    if fence.end() == len(text):
        return text[: fence.start()]
    is_first_line = text.count("\n", fence.end()) == 1
    if is_first_line and not fence["info"].strip():
        return text[: fence.start()]  # it may be the language's name
    if _PARTIAL_FENCE.match(text, line_start):
        return text[:line_start]
    return text


def _paragraph_start(text: str, *, is_whole: bool = False) -> int:
    """Start of the block at the end of the text; with `is_whole`, including all items and quotes before it."""
    start = len(text)
    while start > 0:
        previous = text.rfind("\n", 0, start - 1) + 1
        line = text[previous:start]
        if not line.strip():
            break
        start = previous
        if not is_whole and _BLOCK_START.match(line):
            break
    return start


def _is_undecided_table(paragraph: str) -> bool:
    """Whether this is a header row whose delimiter row is missing or incomplete."""
    lines = paragraph.split("\n")
    if not lines[0].lstrip(" \t>").startswith("|"):
        return False
    rest = [line for line in lines[1:] if line]
    return not rest or (len(lines) == 2 and _TABLE_RULE.match(lines[1]) is not None)  # noqa: PLR2004


def _is_table(text: str) -> bool:
    """Whether the text ends with rows of a table whose delimiter row has come."""
    before = ""
    for line in reversed(text.rstrip("\n").split("\n")):
        if not line.strip():
            return False
        if "|" in line and "|" in before and _TABLE_RULE.match(before):
            return True
        before = line
    return False


def _is_row_before(text: str, start: int) -> bool:
    line = text[text.rfind("\n", 0, max(start - 1, 0)) + 1 : start]
    return line.lstrip(" \t>").startswith("|")


def _close_inline(paragraph: str) -> str:
    """Close code, emphasis and links that are open at the end of a paragraph."""
    text = paragraph.rstrip()
    last_line = text.rfind("\n") + 1
    opened: list[tuple[str, int]] = []
    position = 0
    while match := _TOKEN.search(text, position):
        position = match.end()
        if match["ticks"]:
            closing = _closing_ticks(text, match)
            if closing is None:
                if position == len(text):
                    text = text[: match.start()].rstrip()
                    break
                return text.rstrip("`") + match["ticks"] + _closers(opened)
            position = closing
        elif match["run"]:
            _toggle(text, match, opened)
        elif match["image"] or match["open"]:
            opened.append((match[0], match.start()))
        elif match["close"]:
            text, position = _close_bracket(text, match.end(), opened, is_last_line=position > last_line)
        if len(opened) > _MOST_OPEN:
            return text
    return _without_openers(text, opened)


def _closing_ticks(text: str, match: re.Match[str]) -> int | None:
    ticks = match["ticks"]
    for closing in _TICKS.finditer(text, match.end()):
        if closing[0] == ticks:
            return closing.end()
    return None


def _toggle(text: str, match: re.Match[str], opened: list[tuple[str, int]]) -> None:
    """Match a run of `*`, `_` or `~` with the open markers, by the flanking rules."""
    run, start, end = match[0], match.start(), match.end()
    before, after = text[start - 1 : start], text[end : end + 1]
    can_close = bool(before.strip())
    can_open = bool(after.strip())
    if run[0] == "_" and before.isalnum() and after.isalnum():
        return
    if run == "~" and end < len(text):  # a single `~` more often means "about" or "at home" than struck text
        return
    if run == "*" and _is_ascii_word(before) and _is_ascii_word(after):  # as in 2*3
        return
    left = run
    while left and can_close:
        index = next((i for i in range(len(opened) - 1, -1, -1) if opened[i][0][0] == left[0]), None)
        if index is None:
            break
        marker, place = opened[index]
        size = min(len(left), len(marker))
        left = left[size:]
        del opened[index:]
        if len(marker) > size:
            opened.append((marker[size:], place))
    if left and (can_open or end == len(text)):
        opened.append((left, start))


def _is_ascii_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _close_bracket(text: str, end: int, opened: list[tuple[str, int]], *, is_last_line: bool) -> tuple[str, int]:
    """At a `]`, skip a finished link, or hold back an unfinished one."""
    index = next((i for i in range(len(opened) - 1, -1, -1) if opened[i][0] in {"[", "!["}), None)
    if index is None:
        return text, end
    _, start = opened[index]
    finished = _LINK_END.match(text, end)
    if finished:
        del opened[index]
        return text, finished.end()
    if is_last_line and len(text) - start <= _LONGEST_LINK and _LINK_PART.match(text, end):
        del opened[index:]
        return text[:start].rstrip(), start
    del opened[index]
    return text, end


def _without_openers(text: str, opened: list[tuple[str, int]]) -> str:
    """Append the closing markers, hold back a possible link, and drop markers with nothing after them."""
    while opened and opened[-1][1] + len(opened[-1][0]) >= len(text):
        _, start = opened.pop()
        text = text[:start].rstrip()
    for index in range(len(opened) - 1, -1, -1):
        marker, start = opened[index]
        if marker == "![" or (marker == "[" and len(text) - start <= _LONGEST_LABEL):
            return _without_openers(text[:start].rstrip(), opened[:index])
    return text + _closers(opened)


def _closers(opened: list[tuple[str, int]]) -> str:
    return "".join(marker for marker, _ in reversed(opened) if marker not in {"[", "!["})
