"""Repairs within paragraphs. Each function returns the edits that a source needs."""

import re
import unicodedata

from glados_bots.markdown.autolink import without_trailing
from glados_bots.markdown.fences import Edit
from glados_bots.markdown.marks import CLOSE, CLOSE_DISPLAY, OPEN, OPEN_DISPLAY, SENTINEL, STAND_INS

# After a word, as in `f\(x\)`, it is an escaped bracket.
_INLINE_MATH = re.compile(r"(?<![\\A-Za-z0-9\])])\\\(((?:[^\\\n]|\n(?![ \t]*\n)|\\[^()\[\]\n])+?)\\\)")
_DISPLAY_MATH = re.compile(r"(?<!\\)\\\[((?:[^\\\n]|\n(?![ \t]*\n)|\\[^()\[\]\n])+?)\\\]")
# Dollar signs around formulas, by pandoc's rules: no space on the inside, no digit after it. A formula also must not
# follow a name (`$A-$B`) or contain code: then it is a shell variable, or money.
# Emphasised money (`**$5** or **$6**`) is not a formula; `$^…$` and `$_…$` are formulas even inside a word.
_DOLLARS = re.compile(
    r"\\.|\$[_^](?:\{[^{}$\n]{1,40}\}|\w)\$|\$\$(?:[^$`\\\n]|\\.|\\?\n(?![ \t]*\n))+\$\$"
    r"|\$(?![\s$]|[*_~]+(?:[\s.,;:!?)|]|\Z))(?:[^$`\\\n*~]|\*(?!\*)|~(?!~)|\\.|\n(?![ \t]*\n))+"
    r"(?<![\s/:=(-])(?<![\s(|][*_~])\$(?![0-9A-Z$])"
    r"|(?P<plain>\$+)"
)
_BESIDE = frozenset("*_~")
_WORD = re.compile(r"[^\W_]")
_SIGN = re.compile(r"[\^_=\\]")
# Emphasis that ends with punctuation before a letter (`**Note:**text`): a quick test for its end, and the whole.
_LABEL_END = re.compile(r"\*(?=[^\W_])(?:(?<=[^\w\s*~\\`]\*)|(?<=[^\w\s*~\\`]\*\*))")
_LABEL = re.compile(
    r"(?<![\w*~\\])(?:(?P<two>\*\*|~~)(?=[^\s*~])(?=[^*~\n]*\w)[^*~\n]*+(?<=[^\w\s*~\\`])(?=(?P=two)[^\W_])"
    r"|\*(?=[^\W\d_])[^*~\n]*+(?<=[:.!?\u2026\"\u201d])(?=\*[^\W\d_]))"
)
# No line inside begins or ends another formula, so that no line is read twice.
_FORMULA = re.compile(
    r"(?<=\$\$\n)(?:[^\n$]++\n)++(?=[ \t]*\$\$)"
    r"|(?<=\\\[\n)(?:(?![ \t]*\\\])[^\n$]++(?<!\\\[)\n)++(?=[ \t]*\\\])"
)
# Slack's broadcasts look like declarations, which begin a block of raw HTML at the beginning of a line. HTML itself has
# only one declaration.
_MENTION = re.compile(r"^[ \t>]*(?=<!(?!doctype)[a-z])", re.MULTILINE | re.IGNORECASE)
_BLOCK_LINE = re.compile(r"^[ \t]*(?=[-+*#=>|]|\d+[.)])", re.MULTILINE)
# A marker just before an address closes after the address, so it is not part of it.
_BEFORE_ADDRESS = re.compile(r"([(\[]?)([*_~]*)https?\Z", re.IGNORECASE)
# Characters that may end an address, by the marker before it.
_STOPS = {marker: re.compile(rf"[\s<>`()\[\]{marker}]") for marker in ("", "*", "_", "~")}
_SCHEME_AND_MARKS = 16  # characters to examine before `://`
_MARKERS = re.compile(r"[*~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_STARS = re.compile(r"(?<![\\*~])(?:\*+|~~)(?![*~])")
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u303f\u3040-\u31ff\u3200-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f"
    "\uff01-\uffee\U00020000-\U0003ffff]"
)


def math_edits(text: str) -> list[Edit]:
    r"""Edits that turn `\(…\)` and `\[…\]` into `$…$` and `$$…$$`."""
    edits: list[Edit] = []
    if "\\" not in text:  # a search for one character is faster than for two
        return edits
    patterns = ((_DISPLAY_MATH, "$$" + OPEN_DISPLAY, CLOSE_DISPLAY + "$$"), (_INLINE_MATH, "$" + OPEN, CLOSE + "$"))
    for pattern, opener, closer in patterns:
        for match in pattern.finditer(text):
            if "$" in match[1] or not _WORD.search(match[1]):
                continue
            if pattern is _DISPLAY_MATH and not _is_formula(text, match):
                continue
            edits += [(match.start(), match.start() + 2, opener), (match.end() - 2, match.end(), closer)]
    return edits


def _is_formula(text: str, match: re.Match[str]) -> bool:
    r"""Whether it is on its own lines, or has spaces or signs inside: `\[x\]` in a sentence is escaped brackets."""
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()] if match.start() else ""
    after = text[match.end() : match.end() + 1]
    if not before.strip(" \t>-*0123456789.)") and after in {"", "\n", " ", ".", ",", ";"}:
        return True
    content = match[1]
    is_spaced = content[0].isspace() and content[-1].isspace()
    return after != "(" and (is_spaced or _SIGN.search(content) is not None)


def address_edits(text: str) -> list[Edit]:
    """Edits that make `_`, `*` and `~` within a bare address part of it."""
    edits: list[Edit] = []
    place = text.find("://")
    while place >= 0:
        start = end = place + 3
        before = _BEFORE_ADDRESS.search(text, max(0, place - _SCHEME_AND_MARKS), place)
        if before:
            end = _end_of_address(text, start, before)
            address = text[start:end]
            if not _BESIDE.isdisjoint(address):
                last = start + len(without_trailing(address))
                edits += [(m.start(), m.end(), STAND_INS[m[0]]) for m in _MARKERS.finditer(text, start, last)]
        place = text.find("://", end)
    return edits


def _end_of_address(text: str, start: int, before: re.Match[str]) -> int:
    """The end of an address: at the latest where the marker or bracket before it closes."""
    depth = 0
    for stop in _STOPS[before[2][:1]].finditer(text, start):
        if stop[0] in "()[]":
            depth += 1 if stop[0] in "([" else -1
            if depth < 0 and before[1]:
                return stop.start()
        elif stop[0] not in _BESIDE or text.startswith(before[2], stop.start()):
            return stop.start()
    return len(text)


def star_edits(text: str) -> list[Edit]:
    """Edits that make emphasis work next to CJK text and punctuation."""
    edits: list[Edit] = []
    if not ("*" in text or "~~" in text) or text.isascii() or not _CJK.search(text):
        return edits
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
    return edits


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def label_edits(text: str) -> list[Edit]:
    """Edits that let emphasis end with punctuation before a letter, as in `**Note:**text`."""
    if "~~" not in text and not _LABEL_END.search(text):
        return []
    return [(match.end(), match.end(), SENTINEL) for match in _LABEL.finditer(text)]


def line_edits(text: str) -> list[Edit]:
    """Edits that keep a formula's line, such as `=`, from being an underline, item or quote."""
    if "$" not in text and "\\" not in text:
        return []
    formulas = [formula.span() for formula in _FORMULA.finditer(text)]
    places = [line.end() for span in formulas for line in _BLOCK_LINE.finditer(text, *span)]
    return [(place, place, SENTINEL) for place in places]


def mention_edits(text: str) -> list[Edit]:
    """Edits that keep `<!here>` from beginning raw HTML."""
    if "<" not in text or "<!" not in text:
        return []
    return [(match.end(), match.end(), SENTINEL) for match in _MENTION.finditer(text)]


def dollar_edits(text: str) -> list[Edit]:
    """Edits that keep a `$` outside of formulas as a plain character."""
    if "$" not in text:
        return []
    plain = [dollars.span() for dollars in _DOLLARS.finditer(text) if dollars["plain"]]
    # Between two markers, a `$` counts as punctuation; a stand-in would not.
    return [
        (start, end, STAND_INS["$"] * (end - start))
        for start, end in plain
        if text[start - 1 : start] not in _BESIDE or text[end : end + 1] not in _BESIDE
    ]
