"""The private characters that repairs leave in the source, and the way back from them."""

import re

# Neither space nor punctuation to the parser: put between `*` and CJK punctuation it lets the `*` open or close.
SENTINEL = "\ue0f1"
OPEN, CLOSE, OPEN_DISPLAY, CLOSE_DISPLAY = "\ue0f2", "\ue0f3", "\ue0f4", "\ue0f5"
STAND_INS = {"*": "\ue0f6", "_": "\ue0f7", "~": "\ue0f8", "$": "\ue0f9"}
LINK, END_OF_LINK = "\ue0fa", "\ue0fb"
PRIVATE = re.compile("[\ue0f1-\ue0fb]")
MEANINGS = {
    **dict.fromkeys(map(ord, (SENTINEL, OPEN, CLOSE, OPEN_DISPLAY, CLOSE_DISPLAY, LINK, END_OF_LINK))),
    **{ord(stand_in): marker for marker, stand_in in STAND_INS.items()},
}
# What is left of a bracket where the parser reads no formula, and what stood there, without its backslash.
FORMULA_MARKS = (
    ("$" + OPEN, "("),
    (CLOSE + "$", ")"),
    ("$$" + OPEN_DISPLAY, "["),
    (CLOSE_DISPLAY + "$$", "]"),
)
_LINK_MENDED = re.compile(rf"{LINK}\[([^\]]*)\]\(<([^<>]*)>\){END_OF_LINK}")


def without_marks(text: str, *, verbatim: bool) -> str:
    """A text, code or formula of the parser without our private characters, as the writer meant it.

    `verbatim` gives back the very characters that stood there, as in code.
    """
    slash = "\\" if verbatim else ""
    for mark, original in FORMULA_MARKS:
        text = text.replace(mark, slash + original)
    if verbatim and LINK in text:
        text = _LINK_MENDED.sub(r"<\2|\1>", text)
    return text.translate(MEANINGS)


def has_marks(text: str) -> bool:
    """Whether `mend` left private characters."""
    return not text.isascii() and PRIVATE.search(text) is not None
