r"""Repairs to the dialect models write, made on the source before the parse.

Four repairs: a language on the first line inside a fence moves to the fence; a fenced markdown document that holds
fences itself gets a longer fence; `\(…\)` and `\[…\]` become `$…$` and `$$…$$`; emphasis beside CJK text and
punctuation is made to work. The last two leave private-use characters in the source, so that the parser's output
can be told from, and turned back to, what was written: code stays verbatim.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

# Neither space nor punctuation to the parser: put between `*` and CJK punctuation it lets the `*` open or close.
SENTINEL = "\ue0f1"
_OPEN, _CLOSE, _OPEN_DISPLAY, _CLOSE_DISPLAY = "\ue0f2", "\ue0f3", "\ue0f4", "\ue0f5"
_PRIVATE = re.compile("[\ue0f1-\ue0f5]")

# Words that name a language and hardly ever begin a program.
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
_TICKS = re.compile("```|~~~")
_FIRST_LINE = re.compile(r"\n[ \t>]*([A-Za-z0-9+#-]+)[ \t]*\n(?=[ \t>]*(\S*))")
_INLINE_MATH = re.compile(r"(?<!\\)\\\(((?:[^\\\n]|\n(?![ \t]*\n)|\\[^()\[\]\n])+?)\\\)")
_DISPLAY_MATH = re.compile(r"(?<!\\)\\\[((?:[^\\\n]|\n(?![ \t]*\n)|\\[^()\[\]\n])+?)\\\]")
_STARS = re.compile(r"(?<![\\*~])(?:\*+|~~)(?![*~])")
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u303f\u3040-\u31ff\u3200-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f"
    "\uff01-\uffee\U00020000-\U0003ffff]"
)
_NEWLINES = re.compile("\r\n?")


@dataclass(slots=True)
class Mended:
    """Mended source, and the way back to the text it came from.

    Attributes:
        text: what the parser shall read.
        edits: (start, end, replacement) in the source, in order.
        unsettled: offset in the source from which later text may change how earlier text is mended.
    """

    text: str
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    unsettled: int | None = None

    def source_offset(self, offset: int) -> int:
        """Translate an offset in `text` to one in the source."""
        shift = 0
        for start, end, replacement in self.edits:
            if start + shift >= offset:
                break
            shift += len(replacement) - (end - start)
        return offset - shift


def readable(text: str) -> str:
    """Line feeds only, no NUL, no half of a surrogate pair, and none of our private characters."""
    if "\r" in text:
        text = _NEWLINES.sub("\n", text)
    if not text.isascii():
        text = _PRIVATE.sub("\ufffd", text)
        if not text.isprintable():
            text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text.replace("\0", "\ufffd")


def mend(text: str) -> Mended:
    """Apply the repairs.

    Args:
        text: source that went through `readable`.

    Returns:
        The mended source with its edits.
    """
    edits: list[tuple[int, int, str]] = []
    unsettled = None
    if "```" in text or "~~~" in text:
        unsettled = _mend_fences(text, edits)
    if "\\(" in text or "\\[" in text:
        edits += _math_edits(text)
    if "*" in text or "~~" in text:
        _star_edits(text, edits)
    if not edits:
        return Mended(text, [], unsettled)
    edits.sort()
    pieces, position = [], 0
    for start, end, replacement in edits:
        pieces += [text[position:start], replacement]
        position = end
    pieces.append(text[position:])
    return Mended("".join(pieces), edits, unsettled)


def without_marks(text: str, *, verbatim: bool) -> str:
    """Take our private characters out of what the parser returned.

    Args:
        text: content of a text, code or math event.
        verbatim: as in code: give back the very characters that stood there.

    Returns:
        The text as the writer meant it.
    """
    slash = "\\" if verbatim else ""
    for mark, original in (
        ("$" + _OPEN, slash + "("),
        (_CLOSE + "$", slash + ")"),
        ("$$" + _OPEN_DISPLAY, slash + "["),
        (_CLOSE_DISPLAY + "$$", slash + "]"),
    ):
        text = text.replace(mark, original)
    return _PRIVATE.sub("", text)


def has_marks(text: str) -> bool:
    """Whether `mend` left private characters."""
    return not text.isascii() and _PRIVATE.search(text) is not None


def _math_edits(text: str) -> list[tuple[int, int, str]]:
    edits = []
    patterns = ((_DISPLAY_MATH, "$$" + _OPEN_DISPLAY, _CLOSE_DISPLAY + "$$"), (_INLINE_MATH, "$" + _OPEN, _CLOSE + "$"))
    for pattern, opener, closer in patterns:
        for match in pattern.finditer(text):
            if "$" in match[1] or not match[1].strip():
                continue
            if pattern is _DISPLAY_MATH and not _stands_alone(text, match):
                continue
            edits += [(match.start(), match.start() + 2, opener), (match.end() - 2, match.end(), closer)]
    return edits


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    r"""Only a formula has its own lines; `\[x\]` within a sentence is a pair of escaped brackets."""
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    after = text[match.end() : match.end() + 1]
    return not before.strip(" \t>-*0123456789.)") and after in {"", "\n", " ", ".", ",", ";"}


def _star_edits(text: str, edits: list[tuple[int, int, str]]) -> None:
    if text.isascii() or not _CJK.search(text):
        return
    for match in _STARS.finditer(text):
        before = text[match.start() - 1 : match.start()]
        after = text[match.end() : match.end() + 1]
        if not before.strip() or not after.strip():
            continue
        cjk_before, cjk_after = _CJK.match(before), _CJK.match(after)
        if not cjk_before and not cjk_after:
            continue
        if _is_punctuation(before):
            edits.append((match.start(), match.start(), SENTINEL))
        if _is_punctuation(after):
            edits.append((match.end(), match.end(), SENTINEL))


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _fences(text: str, start: int = 0) -> Iterator[re.Match[str]]:
    """The lines that open or close fences, from `start` on; looking at every line would cost more than the parse."""
    while found := _TICKS.search(text, start):
        line = text.rfind("\n", 0, found.start()) + 1
        match = _FENCE.match(text, line)
        if match:
            yield match
        start = text.find("\n", found.end())
        if start < 0:
            return


def open_fence(text: str) -> re.Match[str] | None:
    """The fence that is still open at the end of the text, with the groups `fence` and `info`."""
    return last_fence(text)[0]


def last_fence(text: str) -> tuple[re.Match[str] | None, int]:
    """The fence that is open at the end of the text, and where the last line that closed one ends."""
    opener: re.Match[str] | None = None
    closed = 0
    for match in _fences(text):
        if opener is None or _leaves(match, opener):
            opener = match
        elif _closes(match, opener):
            opener, closed = None, match.end()
    return opener, closed


def _mend_fences(text: str, edits: list[tuple[int, int, str]]) -> int | None:
    """Walk over the fence lines; return where an unbalanced markdown fence begins."""
    opener: re.Match[str] | None = None
    for match in _fences(text):
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
                opener = None
                return _mend_fences_after(text, inner[-1].end(), edits)
    return None


def _mend_fences_after(text: str, offset: int, edits: list[tuple[int, int, str]]) -> int | None:
    rest: list[tuple[int, int, str]] = []
    unsettled = _mend_fences(text[offset:], rest)
    edits += [(start + offset, end + offset, replacement) for start, end, replacement in rest]
    return None if unsettled is None else unsettled + offset


def _closes(match: re.Match[str], opener: re.Match[str]) -> bool:
    """By the specification: as long, nothing behind it, and at most three columns further in than the content."""
    if not match["fence"].startswith(opener["fence"]) or match["info"].strip():
        return False
    before = match["prefix"].expandtabs(4)
    is_same_quote = before.count(">") == opener["prefix"].count(">")
    return is_same_quote and not before.strip(" >") and len(before) <= len(opener["prefix"].expandtabs(4)) + 3


def _leaves(match: re.Match[str], opener: re.Match[str]) -> bool:
    """Whether this line stands outside of the quote that held the opener, and so ended it."""
    return match["prefix"].count(">") < opener["prefix"].count(">")


def _nested(text: str, opener: re.Match[str]) -> list[re.Match[str]] | None:
    """Fence lines inside a markdown fence, its own closer last: the longest balanced reading.

    Returns None while it is not balanced, and an empty list where nothing is nested.
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


def _longer(opener: re.Match[str], inner: list[re.Match[str]]) -> list[tuple[int, int, str]]:
    extra = opener["fence"][0] * (max(len(match["fence"]) for match in inner) + 1)
    edits = [(opener.start("fence"), opener.end("fence"), extra)]
    closer = inner[-1]
    edits.append((closer.start("fence"), closer.end("fence"), extra))
    return edits
