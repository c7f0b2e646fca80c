"""Fits files into a question: their words within the room that there is, and their pictures for a model that sees.

Sentences tell the model and the person what was not read, and why, and what was read in part. All of it takes time
that is linear in the length of the files.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from unicodedata import normalize

from glados_bots.attachments.contents import Contents
from glados_bots.conversation import Picture
from glados_bots.wording.sentence import NOTHING, Sentence, joined, say

_TICKS = re.compile("`{3,}")
_LONG_RUN = re.compile("`{40,}")
_ODD = re.compile(r"[^\w. ()+-]+")
_LANGUAGE = re.compile(r"\.([A-Za-z0-9+_-]{1,20})\Z")
SEEN, UNSEEN = "The attached pictures, in their order: ", "You cannot see these attached pictures: "
_SIGHT = re.compile(rf"^\((?:{SEEN}|{UNSEEN})(?=[^\n]*\.\)$)", re.MULTILINE)
LONGEST_NAME = 60
LONGEST_RUN = 40  # backticks; longer runs are shortened, because the fence must be longer than every run
HEAD_CHARS = 2 * LONGEST_RUN + 2 * LONGEST_NAME + 40  # around a file: its name twice, its fence twice
NOTE_CHARS = LONGEST_NAME + 160  # for a name, and why it was not read or what was read of it
SENTENCES_CHARS = 200  # around the notes
LEAST_CHARS = 200  # of a file; with less room it is left out
NO_ROOM = say("file-no-room")
NO_TEXT = say("file-no-words")
MOST_NAMED = 8  # files in one sentence


@dataclass(frozen=True, slots=True)
class Fitted:
    """The files of a question, as a prompt has room for them."""

    text: str  # for the model: the files in fences, and a line for each that was not read, was cut or cannot be seen
    pictures: tuple[Picture, ...]  # for a model that sees
    notice: Sentence  # for the person: what was not read and why, and what was read in part
    unseen: tuple[str, ...] = ()  # safe names of pictures that this model cannot see


@dataclass(slots=True)
class _Prompt:
    """What a prompt takes of the files, one after the other."""

    most_pictures: int
    shown: list[str] = field(default_factory=list)  # files in fences
    pictures: list[Picture] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  # their names, in the same order
    unread: list[tuple[str, Sentence]] = field(default_factory=list)  # safe name, reason
    partly: list[tuple[str, Sentence]] = field(default_factory=list)  # safe name, what was read

    def add_text(self, name: str, contents: Contents, share: int) -> None:
        """Take the first `share` characters of a file."""
        whole = len(contents.text)
        if share < min(LEAST_CHARS, whole):
            self.unread.append((name, NO_ROOM))
            return
        self.shown.append(quoted(name, contents.text[:share]))
        if part := _part(contents.partly, share, whole) if share < whole else contents.partly:
            self.partly.append((name, part))

    def add_pictures(self, name: str, contents: Contents) -> None:
        """Take the pictures of a file, while there is room."""
        taken = contents.pictures[: self.most_pictures - len(self.pictures)]
        if not taken:
            self.unread.append((name, say("file-too-many-pictures", count=self.most_pictures)))
            return
        self.pictures += taken
        self.seen.append(f"{name} ({len(taken)} pictures)" if len(taken) > 1 else name)
        if contents.partly:
            values = contents.partly.values
            read = len(taken) if len(taken) < len(contents.pictures) else values.get("read", len(taken))
            self.partly.append((name, Sentence(contents.partly.name, {**values, "read": read})))

    @property
    def notice(self) -> Sentence:
        return joined(_about("not-read", self.unread), _about("partly-read", self.partly))


def fitted(files: Sequence[tuple[str, Contents]], room: int, most_pictures: int) -> Fitted:
    """The files in at most `room` characters and with at most `most_pictures` pictures; 0 for a model that is blind."""
    sees = most_pictures > 0
    named = [(safe_name(name), contents) for name, contents in files]
    prompt = _Prompt(most_pictures, unread=[(name, contents.refusal) for name, contents in named if contents.refusal])
    texts = [(name, contents) for name, contents in named if contents.text]
    around = HEAD_CHARS * len(texts) + NOTE_CHARS * len(files) + SENTENCES_CHARS
    shares = _shares([len(contents.text) for _, contents in texts], room - around)
    for (name, contents), share in zip(texts, shares, strict=True):
        prompt.add_text(name, contents, share)
    with_pictures = [(name, contents) for name, contents in named if contents.pictures]
    for name, contents in with_pictures if sees else ():
        prompt.add_pictures(name, contents)
    unseen = () if sees else tuple(name for name, _ in with_pictures)
    if not sees:
        prompt.unread += [(name, NO_TEXT) for name, contents in with_pictures if contents.partly and not contents.text]
    return Fitted(_for_the_model(prompt, unseen), tuple(prompt.pictures), prompt.notice, unseen)


def safe_name(name: str) -> str:
    """A file's name without characters that could make it look like more than a name. Its end is kept.

    macOS writes the dots of an umlaut as a character of their own, so letters are composed first.
    """
    name = name[: 2 * LONGEST_NAME] + name[2 * LONGEST_NAME :][-2 * LONGEST_NAME :]  # `normalize` is quadratic
    name = _ODD.sub("_", normalize("NFC", name)) or "file"
    if len(name) <= LONGEST_NAME:
        return name
    end = _LANGUAGE.search(name)
    suffix = end[0] if end else ""
    return name[: LONGEST_NAME - len(suffix)] + suffix


def quoted(name: str, text: str) -> str:
    """A file as markdown for the model, in a fence that nothing in the file can end."""
    name, text = safe_name(name), _LONG_RUN.sub("`" * LONGEST_RUN, text)
    fence = "`" * (1 + max((len(ticks) for ticks in _TICKS.findall(text)), default=2))
    language = _LANGUAGE.search(name)
    return f"Attached file {name}:\n{fence}{language[1] if language else ''}\n{text.strip()}\n{fence}"


def retold(text: str, *, is_seen: bool) -> str:
    """The files of an earlier question, for a model that is shown their pictures, or is not. Models change.

    What a file holds may change so, too, but only from one of these two sentences to the other.
    """
    return _SIGHT.sub(f"({SEEN if is_seen else UNSEEN}", text)


def _for_the_model(prompt: _Prompt, unseen: Sequence[str]) -> str:
    notes = [
        f"{SEEN}{', '.join(prompt.seen)}." if prompt.seen else "",
        f"{UNSEEN}{', '.join(unseen)}." if unseen else "",
        str(prompt.notice),
    ]
    return "\n\n".join([*prompt.shown, *(f"({note})" for note in notes if note)])


def _about(sentence: str, notes: Sequence[tuple[str, Sentence]]) -> Sentence:
    """A sentence about files, with a remark on each of them."""
    files = [say("file-unread", name=name, reason=reason) for name, reason in notes[:MOST_NAMED]]
    if len(notes) > MOST_NAMED:
        files.append(say("further-files", count=len(notes) - MOST_NAMED))
    return Sentence(sentence, {"files": tuple(files)}) if files else NOTHING


def _part(known: Sentence, read: int, whole: int) -> Sentence:
    """What was read of a file that is cut here, and of which perhaps not all was known."""
    if known.name == "file-characters":
        return Sentence(known.name, {**known.values, "read": read})
    return joined(known, say("file-characters", read=read, whole=whole), by="file-two-parts")


def _shares(lengths: Sequence[int], room: int) -> list[int]:
    """Characters per file: short files get all they need, and long ones get equal parts of the rest."""
    shares, left = [0] * len(lengths), max(0, room)
    order: Iterable[int] = sorted(range(len(lengths)), key=lengths.__getitem__)
    for done, index in enumerate(order):
        shares[index] = min(lengths[index], left // (len(lengths) - done))
        left -= shares[index]
    return shares
