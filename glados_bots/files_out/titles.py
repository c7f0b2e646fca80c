"""The name that an answer gives a code block: after its fence, in its first line, or just before it."""

import re
from collections.abc import Iterator
from itertools import groupby

from glados_bots.files_out.names import LONGEST, ending, is_known, is_of, is_of_any, safe
from glados_bots.markdown.tree import Block, Code, Heading, List, Paragraph, Run

# `python title=app.py`, `python title="my app.py"`, `python:app.py`, `python app.py`
_ATTRIBUTE = re.compile(
    r"\b(?:title|file|filename|name|path)\s*[=:]\s*(?:\"([^\"]{1,400})\"|'([^']{1,400})'|([^\s,}\"']{1,400}))",
    re.IGNORECASE,
)
_AFTER_LANGUAGE = re.compile(r"[A-Za-z][\w+#-]*(?::|\s+)([^\s={}:]{1,400})\s*\Z")
_LONGEST_LINE = 400
_PATH = re.compile(r"[\w./\\-]+\Z")
_PREAMBLE = re.compile(r"#!|<\?|<!doctype", re.IGNORECASE)  # what must be a file's first line
# `# app.py`, `// src/app.js - the entry`, `<!-- File: index.html -->`, `app.py`
_FIRST_LINE = re.compile(
    r"\s*+(?P<mark>#+|//+|--+|;+|%+|/\*+|<!--|\"\"\"|'''|rem\b|@rem\b)?\s*+(?:(?:file|filename|path)\s*+:\s*+)?"
    r"[`'\"]?(?P<name>[\w./\\-]{1,200}+)[`'\"]?\s*+(?:[-–—(].*|\*/|-->|\"\"\"|''')?\s*+\Z",
    re.IGNORECASE,
)


def title(code: Code, before: Block | None) -> str:
    """A safe name for the file of a code block; empty if the answer gives it none. `before` is the block above it."""
    after_fence = _after_fence(code.info.strip())
    if name := safe(after_fence):
        is_fine = is_of(name, code.language) or is_of_any(name)
        return name if is_fine else safe(f"{name[: LONGEST // 2]}{ending(code.language)}")
    for written in (_first_line(code), *_named_in(before)):
        name = safe(written) if _PATH.match(written) else ""
        if name and is_of(name, code.language):
            return name
    return ""


def _after_fence(info: str) -> str:
    if found := _ATTRIBUTE.search(info):
        return str(next(filter(None, found.groups())))
    found = _AFTER_LANGUAGE.match(info)
    written = found[1] if found else info if info.split() == [info] else ""
    return written if "." in written and is_of_any(safe(written)) else ""


def _first_line(code: Code) -> str:
    """The name in the first line, or in the second one if the first has to be something else; empty if there is none.

    Without a comment's mark, a line is a name only if the language is known. Otherwise it may begin a list of files.
    """
    first, _, rest = code.text[: 2 * _LONGEST_LINE].partition("\n")
    line = rest.partition("\n")[0] if _PREAMBLE.match(first) else first
    found = _FIRST_LINE.match(line[:_LONGEST_LINE])
    return found["name"] if found and (found["mark"] or is_known(code.language)) else ""


def _named_in(block: Block | None) -> Iterator[str]:
    """The words of a block that may be names: its code, last one first, its styled words, and its last word."""
    while isinstance(block, List):
        block = block.items[-1].blocks[-1] if block.items and block.items[-1].blocks else None
    if not isinstance(block, Paragraph | Heading):
        return
    runs = block.runs
    for run in reversed(runs):
        if run.kind == "code":
            yield run.text
    for spans, styled in groupby(runs, lambda run: run.spans):
        if spans:
            yield _words(list(styled)).strip().rstrip(":")
    words = _words([run for run in runs if run.kind == "text"]).rstrip().rstrip(":").split()
    if words and not words[-1].lower().endswith(".js"):  # Node.js and others are no files
        yield words[-1]


def _words(runs: list[Run]) -> str:
    return "".join(run.text for run in runs)[-_LONGEST_LINE:]
