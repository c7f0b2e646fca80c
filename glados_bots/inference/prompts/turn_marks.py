"""The marks of a chat template: the texts by which it says whose turn begins or ends. And how they are broken.

They are found in what the template itself wrote around known words, so they are those of this template, whatever it
is: `USER:`, `### Response:`, `[/INST]`, `<|user|>`. In people's words a zero-width space after a mark's first letter
keeps it readable and makes it no mark.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from glados_bots.inference.prompts.unseen import BLANK, ENDS, LINE_START

BREAK = "\u200b"
NEVER = "(?!)"  # matches nothing
LONGEST_MARK = 60  # characters; of what is longer, the beginning and the end are marks
LONGEST_GAP = 2_000  # characters looked at, at either end of what a template wrote
BRACKETED = re.compile(rf"(<{{1,2}}[^<>{ENDS}]{{1,{LONGEST_MARK}}}>{{1,2}}|\[[^\[\]{ENDS}]{{1,{LONGEST_MARK}}}\])")
BARE = re.compile(r"[\w\s]+")  # a word such as `user`: a mark at a line's beginning, and prose anywhere else
SENTENCE = re.compile(r"[.!?。] ")
PIECES = re.compile(rf"[0-9]+|[{BLANK}]+|.", re.DOTALL)


class Tree(dict[str, "Tree"]):
    """Texts by their characters; the empty text stands where one ends."""


class TurnMarks:
    """The marks of one template. `broken` is linear in the text.

    Args:
        marks: as the template writes them, without the blanks around them.
    """

    def __init__(self, marks: Iterable[str]) -> None:
        self.marks = tuple(sorted(set(marks), key=lambda mark: (-len(mark), mark)))
        anywhere = [_pattern(mark) for mark in self.marks if not BARE.fullmatch(mark)]
        at_start = [_pattern(mark, loose=True) for mark in self.marks]
        self._anywhere = re.compile("|".join(anywhere) or NEVER)
        self._at_start = re.compile(f"{LINE_START}(?:{'|'.join(at_start) or NEVER})", re.IGNORECASE)

    def broken(self, text: str) -> str:
        """The text with every mark in it broken: as it is written anywhere, and in any case where a line begins."""
        text = self._at_start.sub(rf"\g<0>{BREAK}", text)
        for _ in range(LONGEST_MARK):  # one mark may lie across another, which a second look finds
            text, count = self._anywhere.subn(rf"\g<0>{BREAK}", text)
            if not count:
                break
        return text


def marks_in(gap: str, specials: Sequence[str]) -> list[str]:
    """The marks in what a template wrote between two texts.

    Special tokens are marks already, see `formats.harmless`; a bare word beside one (`<|im_start|>user`) is none.
    """
    edges = gap if len(gap) <= 2 * LONGEST_GAP else f"{gap[:LONGEST_GAP]}\n{gap[-LONGEST_GAP:]}"
    plain, found = starts(tuple(specials)).subn("\n", edges)
    lines = re.split(f"[{ENDS}]", plain)
    parts = [cut for line in lines for part in BRACKETED.split(line) for cut in _cuts(part) if len(cut) > 1]
    loud = [part for part in parts if re.search(r"\w", part) and not BARE.fullmatch(part)]
    return loud or ([] if found else parts)


@lru_cache(maxsize=64)
def starts(texts: tuple[str, ...], *, whole: bool = True) -> re.Pattern[str]:
    """Matches any of the texts, or without `whole` their first character where the rest follows. Linear in the text.

    The texts are a tree of characters, so that many with the same beginning (`<unused0>`, `<unused1>`, ...) cost as
    much as one.
    """
    tree = Tree()
    for text in filter(None, texts):
        node = tree
        for character in text:
            node = node.setdefault(character, Tree())
        node[""] = Tree()
    branches = [re.escape(first) + (_grown(rest) if whole else f"(?={_grown(rest)})") for first, rest in tree.items()]
    return re.compile("|".join(branches) or NEVER)


def _grown(tree: Tree) -> str:
    """A pattern of what may follow, the longest first."""
    chain = ""
    while len(tree) == 1 and "" not in tree:  # written flat: `re` nests a few hundred groups at most
        character, tree = next(iter(tree.items()))
        chain += re.escape(character)
    branches = [re.escape(character) + _grown(rest) for character, rest in tree.items() if character]
    if not branches:
        return chain
    return f"{chain}(?:{'|'.join(branches)}){'?' if '' in tree else ''}"


def _cuts(part: str) -> Iterator[str]:
    """The marks in a part of a line: beside prose (`... to the user's questions. USER:`), and of any length."""
    for sentence in map(str.strip, SENTENCE.split(part)):
        yield sentence[:LONGEST_MARK]
        yield sentence[-LONGEST_MARK:]


def _pattern(mark: str, *, loose: bool = False) -> str:
    """Matches the mark up to its first letter where the rest follows; any number stands for any other.

    Args:
        mark: the text.
        loose: allow unseen characters and blanks between words and before a colon; a bare word must end there.
    """
    pieces = PIECES.findall(mark)
    cut = next((place for kind in (str.isalpha, str.isalnum) for place, piece in enumerate(pieces) if kind(piece)), 0)
    cut = min(cut, max(0, len(pieces) - 2))  # a break behind a whole mark would break nothing
    spelt = [_piece(piece, loose=loose) for piece in pieces]
    end = r"(?!\w)" if BARE.fullmatch(mark) else ""
    return f"{''.join(spelt[: cut + 1])}(?={''.join(spelt[cut + 1 :])}{end})"


def _piece(piece: str, *, loose: bool) -> str:
    if piece.isdecimal() and piece.isascii():
        return "(?<![0-9])[0-9]++"
    if loose and re.fullmatch(f"[{BLANK}]+", piece):
        return f"[{BLANK}]*+"
    before = f"[{BLANK}]*+" if loose and piece in ":：" else ""
    return before + re.escape(piece)
