"""What is said and what is to be answered: plain frozen data, no behaviour beyond (de)serialising."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]
Outcome = Literal["done", "stopped", "failed"]
LANGUAGE = "language"  # in a turn's place


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as the model sees it."""

    role: Role
    content: str  # in GLaDOS markdown


@dataclass(frozen=True, slots=True)
class Turn:
    """One question that was accepted and must get exactly one final answer."""

    id: str  # the platform's id of the message that asked; unique within the platform
    conversation: str  # key of the thread, channel or chat it belongs to
    author: str  # the platform's id of the person
    text: str  # the question, as the model shall read it
    author_name: str = ""  # how to call that person before the model, in conversations of several people
    channel: str = ""  # where settings and limits of a channel apply; may equal the conversation
    # What the surface needs to find the spot again (thread id, guild, ...); it must survive a restart
    place: Mapping[str, str] = field(default_factory=dict)

    @property
    def language(self) -> str:
        """The language of what the bot itself says beside the answer; it stands in the place."""
        return self.place.get(LANGUAGE, "")

    def to_json(self) -> str:
        """JSON of all fields but the text, which may still change."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "text"})

    @classmethod
    def from_json(cls, data: str, text: str) -> "Turn":
        """The inverse of `to_json`."""
        return cls(**json.loads(data), text=text)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its answer: the unit a conversation's history is made of."""

    turn: str  # its id
    question: str
    answer: str  # in GLaDOS markdown; for `failed`, the apology shown
    outcome: Outcome  # only `done` and `stopped` exchanges are shown to the model again
    author: str = ""  # the platform's id of the person who asked
    author_name: str = ""  # their name, when the conversation may hold several people
    model: str = ""  # name of the model that answered
    at: float = 0.0  # seconds since the epoch when the answer was finished
    tokens: int = 0  # of prompt and answer, as the service counted them; estimated where it did not

    def to_json(self) -> str:
        """JSON of all fields."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, data: str) -> "Exchange":
        """The inverse of `to_json`."""
        return cls(**json.loads(data))
