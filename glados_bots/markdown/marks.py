"""The private-use characters that repairs leave in the source, and how to remove them."""

import re

# The parser treats it as neither space nor punctuation: between `*` and CJK punctuation, it lets the `*` open or close.
SENTINEL = "\ue0f1"
OPEN, CLOSE, OPEN_DISPLAY, CLOSE_DISPLAY = "\ue0f2", "\ue0f3", "\ue0f4", "\ue0f5"
STAND_INS = {"*": "\ue0f6", "_": "\ue0f7", "~": "\ue0f8", "$": "\ue0f9"}
LINK, END_OF_LINK = "\ue0fa", "\ue0fb"
PRIVATE = re.compile("[\ue0f1-\ue0fb]")
MEANINGS = {
    **dict.fromkeys(map(ord, (SENTINEL, OPEN, CLOSE, OPEN_DISPLAY, CLOSE_DISPLAY, LINK, END_OF_LINK))),
    **{ord(stand_in): marker for marker, stand_in in STAND_INS.items()},
}
# The repaired form of a bracket that the parser did not read as a formula, and the original without its backslash.
FORMULA_MARKS = (
    ("$" + OPEN, "("),
    (CLOSE + "$", ")"),
    ("$$" + OPEN_DISPLAY, "["),
    (CLOSE_DISPLAY + "$$", "]"),
)
_LINK_MENDED = re.compile(rf"{LINK}\[([^\]]*)\]\(<([^<>]*)>\){END_OF_LINK}")


def without_marks(text: str, *, verbatim: bool) -> str:
    """A text, code or formula from the parser without our private characters, as the writer meant it.

    `verbatim` restores exactly the original characters, as code needs them.
    """
    slash = "\\" if verbatim else ""
    for mark, original in FORMULA_MARKS:
        text = text.replace(mark, slash + original)
    if verbatim and LINK in text:
        text = _LINK_MENDED.sub(r"<\2|\1>", text)
    return text.translate(MEANINGS)


def has_marks(text: str) -> bool:
    """Whether the text contains private characters, which a repair adds."""
    return not text.isascii() and PRIVATE.search(text) is not None
