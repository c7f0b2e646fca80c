"""Moves long code and large tables out of an answer's markdown. A line in their place names the file.

Code and tables come from the tree of the answer, and their places lead back to the source. The rest of the source stays
as it is.
"""

import re

from glados_bots.files_out.names import Names, usual_name
from glados_bots.files_out.tables import csv_of, is_too_large, rows_to_show
from glados_bots.files_out.titles import title
from glados_bots.markdown import locate
from glados_bots.markdown.tree import Code, Placed, Table
from glados_bots.surface import FileLimits, OutFile
from glados_bots.wording.sentence import Sentence, say

_INDENT = re.compile(r"(?: {4}| {0,3}\t)\Z")  # what makes lines code without a fence
_MARK = re.compile(r"[^>\s]")  # a character of a list item's mark
TABLE = "table"


def moved(answer: str, limits: FileLimits, room: int, language: str) -> tuple[str, tuple[OutFile, ...]]:
    """(the markdown to show, its files). What finds no room stays in the markdown.

    Args:
        answer: the markdown of an answer.
        limits: what may stay in the markdown. One file fewer than `limits.files` is made: one is for the whole answer.
        room: bytes of all files.
        language: of the lines that name a file.
    """
    source, placed = locate(answer)
    names, files = Names(), list[OutFile]()
    pieces, at = list[str](), 0
    for one in placed:
        file = _file(one, limits, names) if len(files) < limits.files - 1 else None
        if file is None or len(file.content) > room:
            continue
        start, end, lead, margin = _gap(source, one)
        pieces += [source[at:start], lead, _line(one.block, file.name).in_language(language), f"\n{margin}"]
        at = end
        files.append(file)
        names.take(file.name)
        room -= len(file.content)
    return "".join([*pieces, source[at:]]), tuple(files)


def _file(one: Placed, limits: FileLimits, names: Names) -> OutFile | None:
    """The file of a code block or a table; None if it stays in the message."""
    block = one.block
    if isinstance(block, Table):
        if not is_too_large(block, limits.table, one.end - one.start):
            return None
        return OutFile(names.free(f"{TABLE}.csv", is_usual=True), csv_of(block))
    if _lines(block) <= limits.code_lines:
        return None
    own = title(block, one.before)
    name = names.free(own) if own else names.free(usual_name(block.language), is_usual=True)
    return OutFile(name, f"{block.text}\n".encode("utf-8", "replace"))


def _line(block: Code | Table, name: str) -> Sentence:
    """What stands in the message about a file."""
    if isinstance(block, Table):
        return say("table-in-file", file=name, count=len(block.rows) - 1)
    return say("code-in-file", file=name, count=_lines(block))


def _lines(code: Code) -> int:
    return code.text.count("\n") + 1


def _gap(source: str, one: Placed) -> tuple[int, int, str, str]:
    """(start and end of what goes, what stands before the line in its place, the line's margin).

    An empty line before and after keeps the line a paragraph of its own. The margin keeps it in its quotes and items.
    """
    line = source.rfind("\n", 0, one.start) + 1
    prefix = source[line : one.start]
    if one.is_indented:
        prefix = _INDENT.sub("", prefix)
    margin, end = _MARK.sub(" ", prefix), one.end - (source[one.end - 1 : one.end] == "\n")
    if isinstance(one.block, Table):
        after = one.rows[rows_to_show(one.block) :]  # the first of these rows goes
        return source.rfind("\n", 0, after[0]) if after else end, end, f"\n{margin}\n{margin}", margin
    return line + len(prefix), end, "" if _MARK.search(prefix) else f"\n{margin}", margin
