"""Code fences: which lines open and close them, and which repairs they need.

A language on the first line inside a fence moves to the fence. A fenced markdown document that contains fences gets a
longer fence.
"""

import re
from collections.abc import Iterator

Edit = tuple[int, int, str]

# Words that name a language and almost never begin a program.
_LANGUAGES = frozenset(
    "python python3 py javascript js typescript ts jsx tsx java kotlin scala groovy c cpp c++ csharp cs c# go golang"
    " rust rs ruby rb php perl swift dart lua julia haskell elixir erlang clojure fsharp ocaml matlab"
    " bash sh shell zsh fish powershell ps1 bat dockerfile makefile cmake sql mysql postgresql plsql html css scss"
    " sass less xml json json5 jsonc yaml yml toml ini markdown md latex tex graphql protobuf terraform hcl nginx"
    " diff mermaid vue svelte objc objective-c solidity nix vim console plaintext csv".split()
)
_MARKDOWN = frozenset({"markdown", "md", "mdx"})
_FENCE = re.compile(
    r"^(?P<prefix>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})(?P<info>[^\n]*)$",
    re.MULTILINE,
)
_FIRST_LINE = re.compile(r"\n[ \t>]*([A-Za-z0-9+#-]+)[ \t]*\n(?=[ \t>]*(\S*))")


def _fences(text: str, start: int = 0) -> Iterator[re.Match[str]]:
    """The lines from `start` on that open or close fences. Skips other lines: checking all would outweigh the parse."""
    ticks, tildes = text.find("```", start), text.find("~~~", start) if "~" in text else -1
    while ticks >= 0 or tildes >= 0:
        place = ticks if tildes < 0 or 0 <= ticks < tildes else tildes
        match = _FENCE.match(text, text.rfind("\n", 0, place) + 1)
        if match:
            yield match
        start = text.find("\n", place)
        if start < 0:
            return
        if 0 <= ticks < start:
            ticks = text.find("```", start)
        if 0 <= tildes < start:
            tildes = text.find("~~~", start)


def open_fence(text: str) -> re.Match[str] | None:
    """The fence that is still open at the end of the text (groups `fence` and `info`), or None."""
    return last_fence(text)[0]


def last_fence(text: str) -> tuple[re.Match[str] | None, int]:
    """(fence that is open at the end of the text or None, end of the last line that closed a fence)."""
    still_open, closed = None, 0
    for opener, closer, _ in _blocks(text):
        still_open, closed = (None, closer.end()) if closer else (opener, closed)
    return still_open, closed


def fenced(text: str) -> list[tuple[int, int]]:
    """(start, end) of each fenced code block in the text, including the fences, in order."""
    return [(opener.start(), end) for opener, _, end in _blocks(text)] if "`" in text or "~" in text else []


def _blocks(text: str) -> Iterator[tuple[re.Match[str], re.Match[str] | None, int]]:
    """For each block: (opening fence, closing fence or None, end of the code)."""
    opener: re.Match[str] | None = None
    for match in _fences(text):
        if opener is None:
            opener = match
        elif _leaves(match, opener):
            yield opener, None, match.start()
            opener = match
        elif _closes(match, opener):
            yield opener, match, match.end()
            opener = None
    if opener is not None:
        yield opener, None, len(text)


def mend_fences(text: str, edits: list[Edit]) -> int | None:
    """Add the edits that the fences need.

    Returns the start of an unbalanced markdown fence that later text may balance; None if there is none.
    """
    opener: re.Match[str] | None = None
    mended = 0  # the text before this offset is repaired
    for match in _fences(text):
        if match.start() < mended:
            continue
        if opener is not None and not _leaves(match, opener):
            if _closes(match, opener):
                opener = None
            continue
        opener = match
        info = match["info"].strip()
        if not info:
            first = _FIRST_LINE.match(text, match.end())
            if first and first[1].lower() in _LANGUAGES and not first[2].startswith(match["fence"]):
                edits.append((match.end(), first.start(1), ""))
        elif info.lower() in _MARKDOWN:
            inner = _nested(text, match)
            if inner is None:
                return match.start()
            if inner:
                edits += _longer(match, inner)
                opener, mended = None, inner[-1].end()
    return None


def _closes(match: re.Match[str], opener: re.Match[str]) -> bool:
    """Whether this line closes the fence: as long or longer, nothing after it, indented at most three columns more."""
    if not match["fence"].startswith(opener["fence"]) or match["info"].strip():
        return False
    before = match["prefix"].expandtabs(4)
    is_same_quote = before.count(">") == opener["prefix"].count(">")
    return is_same_quote and not before.strip(" >") and len(before) <= len(opener["prefix"].expandtabs(4)) + 3


def _leaves(match: re.Match[str], opener: re.Match[str]) -> bool:
    """Whether this line is outside the quote that contains the opener, so that the block has ended."""
    return match["prefix"].count(">") < opener["prefix"].count(">")


def _nested(text: str, opener: re.Match[str]) -> list[re.Match[str]] | None:
    """Fence lines inside a markdown fence, with its own closing line last, read as balanced pairs.

    Returns None while they are not balanced, and an empty list if nothing is nested.
    """
    lines = []
    depth = 1
    for match in _fences(text, opener.end()):
        if match["fence"][0] != opener["fence"][0] or len(match["fence"]) < len(opener["fence"]):
            continue
        lines.append(match)
        depth += 1 if match["info"].strip() else -1
        if depth == 0:
            return lines if len(lines) > 1 else []
    return None


def _longer(opener: re.Match[str], inner: list[re.Match[str]]) -> list[Edit]:
    extra = opener["fence"][0] * (max(len(match["fence"]) for match in inner) + 1)
    edits = [(opener.start("fence"), opener.end("fence"), extra)]
    closer = inner[-1]
    edits.append((closer.start("fence"), closer.end("fence"), extra))
    return edits
