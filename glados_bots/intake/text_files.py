"""Text files that people share: which are read, how much of them, and how they stand in a question. On every platform.

A file is text if its bytes are; its name and media type only spare a download. What is read of it is bounded, and what
stands in the question is what it has room for, with a sentence about the rest for the model and for the person.
"""

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

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
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKS = (  # UTF-32 first: its little-endian mark begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 16_384  # bytes by which an encoding is told
SHORT = 64  # bytes that are too few to tell
MOST_NOISE = 0.35  # of a text, as charset-normalizer counts it; noise has several times as much
MOST_ASCII = 0x7F
WESTERN = "cp1252"
MOST_CONTROLS = 0.01  # of the characters; text has hardly any
LONGEST_NAME = 60
LONGEST_RUN = 40  # of backticks; what is longer is shortened, as the fence has to be longer still
HEAD_CHARS = 2 * LONGEST_RUN + 2 * LONGEST_NAME + 40  # around a file: its name twice, its fence twice
UNREAD_CHARS = LONGEST_NAME + 80  # a name and a reason
SENTENCES_CHARS = 80
LEAST_CHARS = 200  # of a file; where there is less room it is left out
NOT_TEXT = say("file-no-text")
NO_ROOM = say("file-no-room")


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file that was read."""

    name: str  # a safe one
    text: str  # its words, or their beginning
    is_whole: bool = True  # whether nothing follows


@dataclass(frozen=True, slots=True)
class Files:
    """What became of the files of a message."""

    read: tuple[TextFile, ...] = ()  # those that were read
    unread: tuple[tuple[str, Sentence], ...] = ()  # safe name and reason of each of the others

    def fitted(self, room: int) -> tuple[str, Sentence]:
        """(for the model, for the person): the files within so many characters, and sentences about the rest."""
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
    """Whether a file of this media type and name is worth a look at its bytes."""
    return not (_BINARY_TYPES.match(kind) or _BINARY_NAMES.search(name))


def decoded(data: bytes, *, is_whole: bool = True) -> str | None:
    """The text of a file, or of its beginning; None where the bytes are no text."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if data.startswith(b"%PDF-") or (encoding is None and b"\0" in data):  # a PDF may be all ASCII
        return None
    for name in (encoding or "utf-8-sig", None if encoding else _guessed(data)):
        if name is None:
            return None
        try:
            text = codecs.getincrementaldecoder(name)().decode(data, final=is_whole)
        except UnicodeDecodeError:
            continue
        is_text = len(_CONTROL.findall(text)) <= MOST_CONTROLS * len(text)
        return text if is_text else None
    return None


def safe_name(name: str) -> str:
    """A file's name without anything that could be read as more than a name."""
    return _ODD.sub("_", name)[:LONGEST_NAME] or "file"


def quoted(name: str, text: str) -> str:
    """A file as markdown for the model, in a fence that nothing in it can end."""
    name, text = safe_name(name), _LONG_RUN.sub("`" * LONGEST_RUN, text)
    fence = "`" * (1 + max((len(ticks) for ticks in _TICKS.findall(text)), default=2))
    language = name.rpartition(".")[2] if "." in name else ""
    return f"Attached file {name}:\n{fence}{language}\n{text.strip()}\n{fence}"


def _guessed(data: bytes) -> str | None:
    """The encoding of bytes that are no UTF-8, by a sample; None where they are no text.

    Windows-1252, which holds Latin-1, is tried by itself first: a few umlauts look like letters of many encodings. Of
    a short text with as few of them nothing else is known.
    """
    if len(data) <= SHORT and 3 * sum(byte > MOST_ASCII for byte in data) <= len(data):
        return WESTERN
    for encodings in ([WESTERN], None):
        best = from_bytes(data[:SAMPLE], cp_isolation=encodings, threshold=MOST_NOISE, enable_fallback=False).best()
        if best:
            return best.encoding
    return None


def _shares(lengths: Sequence[int], room: int) -> list[int]:
    """Characters of each file: short ones whole, and what they leave in equal parts to the long ones."""
    shares, left = [0] * len(lengths), max(0, room)
    order: Iterable[int] = sorted(range(len(lengths)), key=lengths.__getitem__)
    for done, index in enumerate(order):
        shares[index] = min(lengths[index], left // (len(lengths) - done))
        left -= shares[index]
    return shares
