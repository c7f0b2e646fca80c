"""Text files in questions, on every platform: which are read, how much of them, and how they look to the model.

A file's bytes decide whether it is text; its name and media type only save a download. Reading has a limit. The
question holds as much of a file as it has room for. Sentences tell the model and the person about the rest.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from glados_bots.attachments.plain_text import NOT_TEXT, decoded
from glados_bots.wording.sentence import NOTHING, Sentence, joined, say

_BINARY_TYPES = re.compile(
    r"image/(?!svg)|audio/|video/|font/|application/(?:pdf|zip|gzip|x-7z|x-rar|x-tar|x-bzip|x-xz|zstd|java-archive|msword"
    r"|vnd\.(?:ms-|openxmlformats|oasis|android)|x-executable|x-sharedlib|x-msdownload|wasm|epub)"
)
_BINARY_NAMES = re.compile(
    r"\.(?:png|jpe?g|gif|webp|bmp|ico|heic|avif|tiff?|psd|mp[34]|m4[av]|wav|ogg|opus|flac|mov|mkv|webm|avi|pdf|docx?|xlsx?"
    r"|pptx?|od[tsp]|epub|zip|gz|tgz|bz2|xz|zst|7z|rar|tar|jar|apk|exe|dll|so|dylib|bin|iso|dmg|msi|class|pyc|o|a|wasm"
    r"|ttf|otf|woff2?|sqlite3?|db|parquet|safetensors|gguf|pt|onnx)\Z",
    re.IGNORECASE,
)
_TICKS = re.compile("`{3,}")
_LONG_RUN = re.compile("`{40,}")
_ODD = re.compile(r"[^\w. ()+-]+")
LONGEST_NAME = 60
LONGEST_RUN = 40  # backticks; longer runs are shortened, because the fence must be longer than every run
HEAD_CHARS = 2 * LONGEST_RUN + 2 * LONGEST_NAME + 40  # around a file: its name twice, its fence twice
UNREAD_CHARS = LONGEST_NAME + 80  # for a name and a reason
SENTENCES_CHARS = 80
LEAST_CHARS = 200  # of a file; with less room it is left out
NO_ROOM = say("file-no-room")
__all__ = ["NOT_TEXT", "NO_ROOM", "Files", "TextFile", "decoded", "may_be_text", "quoted", "safe_name"]


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file that the bot has read."""

    name: str  # from `safe_name`
    text: str  # its text, or the beginning of it
    is_whole: bool = True  # whether `text` is the whole file


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a message: read and unread ones."""

    read: tuple[TextFile, ...] = ()  # the files that the bot has read
    unread: tuple[tuple[str, Sentence], ...] = ()  # safe name and reason for each other file

    def fitted(self, room: int) -> tuple[str, Sentence]:
        """(for the model, for the person): the files in at most `room` characters, and sentences about the rest."""
        unread, cut, shown = list(self.unread), [], []
        around = HEAD_CHARS * len(self.read) + UNREAD_CHARS * len(self.unread) + SENTENCES_CHARS
        shares = _shares([len(file.text) for file in self.read], room - around)
        for file, share in zip(self.read, shares, strict=True):
            if share < min(LEAST_CHARS, len(file.text)):
                unread.append((file.name, NO_ROOM))
                continue
            shown.append(quoted(file.name, file.text[:share]))
            if share < len(file.text) or not file.is_whole:
                cut.append(file.name)
        names = tuple(say("file-unread", name=name, reason=reason) for name, reason in unread)
        person = joined(
            say("not-read", files=names) if names else NOTHING,
            say("beginning-read", files=tuple(cut)) if cut else NOTHING,
        )
        return "\n\n".join([*shown, *([f"({person})"] if person else [])]), person


def may_be_text(kind: str, name: str) -> bool:
    """Whether a file of this media type and name may be text, so that its bytes should be read."""
    return not (_BINARY_TYPES.match(kind) or _BINARY_NAMES.search(name))


def safe_name(name: str) -> str:
    """A file's name without characters that could make it look like more than a name."""
    return _ODD.sub("_", name)[:LONGEST_NAME] or "file"


def quoted(name: str, text: str) -> str:
    """A file as markdown for the model, in a fence that nothing in the file can end."""
    name, text = safe_name(name), _LONG_RUN.sub("`" * LONGEST_RUN, text)
    fence = "`" * (1 + max((len(ticks) for ticks in _TICKS.findall(text)), default=2))
    language = name.rpartition(".")[2] if "." in name else ""
    return f"Attached file {name}:\n{fence}{language}\n{text.strip()}\n{fence}"


def _shares(lengths: Sequence[int], room: int) -> list[int]:
    """Characters per file: short files get all they need, and long ones get equal parts of the rest."""
    shares, left = [0] * len(lengths), max(0, room)
    order: Iterable[int] = sorted(range(len(lengths)), key=lengths.__getitem__)
    for done, index in enumerate(order):
        shares[index] = min(lengths[index], left // (len(lengths) - done))
        left -= shares[index]
    return shares
