"""The marks of a chat template (texts that begin or end somebody's turn), and how to break them in people's text.

We find the marks in the text that the template itself writes around known words, so they are right for any template:
`USER:`, `### Response:`, `[/INST]`, `<|user|>`. In people's text, a zero-width space after a mark's first letter keeps
the mark readable but makes it ineffective.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from glados_bots.inference.prompts.unseen import BLANK, ENDS, LINE_START

BREAK = "\u200b"
NEVER = "(?!)"  # matches nothing
LONGEST_MARK = 60  # characters; of a longer text, the beginning and the end are marks
LONGEST_GAP = 2_000  # characters examined at either end of a text that a template wrote
BRACKETED = re.compile(rf"(<{{1,2}}[^<>{ENDS}]{{1,{LONGEST_MARK}}}>{{1,2}}|\[[^\[\]{ENDS}]{{1,{LONGEST_MARK}}}\])")
BARE = re.compile(r"[\w\s]+")  # a word such as `user`: a mark only at the beginning of a line
SENTENCE = re.compile(r"[.!?。] ")
PIECES = re.compile(rf"[0-9]+|[{BLANK}]+|.", re.DOTALL)


class Tree(dict[str, "Tree"]):
    """Texts as a tree of characters; an empty key marks the end of a text."""


class TurnMarks:
    """The marks of one template. `broken` takes linear time.

    Args:
        marks: the marks as the template writes them, without surrounding blanks.
    """

    def __init__(self, marks: Iterable[str]) -> None:
        self.marks = tuple(sorted(set(marks), key=lambda mark: (-len(mark), mark)))
        anywhere = [_pattern(mark) for mark in self.marks if not BARE.fullmatch(mark)]
        at_start = [_pattern(mark, loose=True) for mark in self.marks]
        self._anywhere = re.compile("|".join(anywhere) or NEVER)
        self._at_start = re.compile(f"{LINE_START}(?:{'|'.join(at_start) or NEVER})", re.IGNORECASE)

    def broken(self, text: str) -> str:
        """The text with all marks broken: exact marks anywhere, and marks in any case at the beginning of a line."""
        text = self._at_start.sub(rf"\g<0>{BREAK}", text)
        for _ in range(LONGEST_MARK):  # marks may overlap; a second pass finds those
            text, count = self._anywhere.subn(rf"\g<0>{BREAK}", text)
            if not count:
                break
        return text


def marks_in(gap: str, specials: Sequence[str]) -> list[str]:
    """The marks in a text that a template wrote between two messages.

    `formats.harmless` breaks special tokens already. A bare word beside one (`<|im_start|>user`) is not a mark.
    """
    edges = gap if len(gap) <= 2 * LONGEST_GAP else f"{gap[:LONGEST_GAP]}\n{gap[-LONGEST_GAP:]}"
    plain, found = starts(tuple(specials)).subn("\n", edges)
    lines = re.split(f"[{ENDS}]", plain)
    parts = [cut for line in lines for part in BRACKETED.split(line) for cut in _cuts(part) if len(cut) > 1]
    loud = [part for part in parts if re.search(r"\w", part) and not BARE.fullmatch(part)]
    return loud or ([] if found else parts)


@lru_cache(maxsize=64)
def starts(texts: tuple[str, ...], *, whole: bool = True) -> re.Pattern[str]:
    """A pattern for any of the texts; without `whole`, for their first character if the rest follows. Linear in time.

    The pattern comes from a tree of characters, so many texts with the same beginning (`<unused0>`, `<unused1>`, ...)
    cost no more than one.
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
    """A pattern for the texts in a tree, the longest first."""
    chain = ""
    while len(tree) == 1 and "" not in tree:  # without groups: `re` nests at most a few hundred groups
        character, tree = next(iter(tree.items()))
        chain += re.escape(character)
    branches = [re.escape(character) + _grown(rest) for character, rest in tree.items() if character]
    if not branches:
        return chain
    return f"{chain}(?:{'|'.join(branches)}){'?' if '' in tree else ''}"


def _cuts(part: str) -> Iterator[str]:
    """The marks in a part of a line: next to prose (`... to the user's questions. USER:`), and of any length."""
    for sentence in map(str.strip, SENTENCE.split(part)):
        yield sentence[:LONGEST_MARK]
        yield sentence[-LONGEST_MARK:]


def _pattern(mark: str, *, loose: bool = False) -> str:
    """A pattern for a mark up to its first letter, if the rest follows. A number in it matches any other number.

    Args:
        mark: the text.
        loose: allow invisible characters and blanks between words and before a colon.
    """
    pieces = PIECES.findall(mark)
    cut = next((place for kind in (str.isalpha, str.isalnum) for place, piece in enumerate(pieces) if kind(piece)), 0)
    cut = min(cut, max(0, len(pieces) - 2))  # a break after the whole mark would have no effect
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
