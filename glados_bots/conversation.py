"""Messages, turns and exchanges: plain frozen data, with no behaviour beyond (de)serialising."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
Outcome = Literal["done", "stopped", "failed"]
ABOUT_FILES = ("attachments", "attached", "pictures")  # fields of an exchange
LANGUAGE = "language"  # the key of the language in `Turn.place`


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a model that sees, small enough for a prompt."""

    data: str  # the file as base64
    kind: str  # its media type: image/jpeg or image/png
    width: int  # pixels
    height: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, as a model wrote it."""

    id: str  # unique within its conversation
    name: str
    arguments: str  # a JSON object


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as the model reads it."""

    role: Role
    content: str  # in GLaDOS markdown; of a tool, its result
    pictures: tuple[Picture, ...] = ()  # they stand before the words
    tool_calls: tuple[ToolCall, ...] = ()  # of an assistant
    tool_call_id: str = ""  # of a tool: the call that it answers
    name: str = ""  # of a tool
    reasoning: str = ""  # of an assistant: what it thought before it answered


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a question, as the platform announces it. Nothing of it is checked."""

    id: str  # the platform's id of the file; unique within its question
    name: str  # as its owner calls it
    kind: str = ""  # media type; empty if not known
    size: int = 0  # bytes; 0 if not known
    source: Mapping[str, str] = field(default_factory=dict)  # what the surface needs to fetch it


@dataclass(frozen=True, slots=True)
class Turn:
    """One accepted question, which must get exactly one final answer."""

    id: str  # the platform's id of the message that asked; unique within the platform
    conversation: str  # key of its thread, channel or chat
    author: str  # the platform's id of the person
    text: str  # the words of the question, as the model will read them
    author_name: str = ""  # the person's name for the model, in conversations of several people
    channel: str = ""  # the channel whose settings and limits apply; may equal the conversation
    # What the surface needs to find the thread again after a restart (thread id, guild, ...)
    place: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()  # files that came with it, or with the messages that it is about

    @property
    def language(self) -> str:
        """The language of the bot's own sentences beside the answer, from `place`."""
        return self.place.get(LANGUAGE, "")

    def to_json(self) -> str:
        """JSON of all fields except text and attachments, which may still change."""
        kept = {name: value for name, value in asdict(self).items() if name not in {"text", "attachments"}}
        return json.dumps(kept)

    @classmethod
    def from_json(cls, data: str, text: str, files: str) -> "Turn":
        """The inverse of `to_json`; `files` is from `to_lines`."""
        return cls(**json.loads(data), text=text, attachments=from_lines(files))


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its answer. A conversation's history consists of exchanges."""

    turn: str  # the turn's id
    question: str
    answer: str  # in GLaDOS markdown; for `failed`, the apology shown
    outcome: Outcome  # the model reads only `done` and `stopped` exchanges again
    author: str = ""  # the platform's id of the person who asked
    author_name: str = ""  # that person's name, in conversations of several people
    model: str = ""  # name of the model that answered
    at: float = 0.0  # seconds since the epoch when the answer was finished
    tokens: int = 0  # of prompt and answer, by the service's count, else an estimate
    attachments: tuple[Attachment, ...] = ()  # files that came with the question
    attached: str = ""  # their words, as the model read them
    pictures: int = 0  # how many of the files' pictures a model that sees can be shown again

    def to_json(self) -> str:
        """JSON of the fields. Those about files are left out if there are none: older versions do not know them."""
        found = asdict(self)
        return json.dumps({name: value for name, value in found.items() if value or name not in ABOUT_FILES})

    @classmethod
    def from_json(cls, data: str) -> "Exchange":
        """The inverse of `to_json`. Fields of a newer version are left out."""
        found = _known(cls, json.loads(data))
        files = tuple(Attachment(**_known(Attachment, one)) for one in found.get("attachments", ()))
        return cls(**{**found, "attachments": files})


def to_lines(attachments: Iterable[Attachment]) -> str:
    """JSON of attachments, one per line; see store/lua/files.lua."""
    return "\n".join(json.dumps(asdict(one)) for one in attachments)


def from_lines(lines: str) -> tuple[Attachment, ...]:
    """The inverse of `to_lines`. A file that came with two messages of one question counts once."""
    return each_once(Attachment(**_known(Attachment, json.loads(line))) for line in lines.splitlines())


def each_once(attachments: Iterable[Attachment]) -> tuple[Attachment, ...]:
    """The first of each id."""
    found: dict[str, Attachment] = {}
    for one in attachments:
        found.setdefault(one.id, one)
    return tuple(found.values())


def _known(kind: type[Attachment | Exchange], found: dict[str, Any]) -> dict[str, Any]:
    """The fields that this version knows. While roles are upgraded one by one, two versions read the same data."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in found.items() if name in names}
