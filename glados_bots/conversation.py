"""What is said and what is to be answered: plain frozen data, no behaviour beyond (de)serialising."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]
Outcome = Literal["done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as the model sees it.

    Attributes:
        role: who speaks.
        content: the text, in GLaDOS markdown.
    """

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One question that was accepted and must get exactly one final answer.

    Attributes:
        id: the platform's id of the message that asked; unique within the platform.
        conversation: key of the thread, channel or chat it belongs to.
        author: the platform's id of the person.
        author_name: how to call that person before the model, in conversations of several people.
        text: the question, as the model shall read it.
        channel: where settings and limits of a channel apply; may equal the conversation.
        place: what the surface needs to find the spot again (thread id, guild, ...); it must survive a restart.
    """

    id: str
    conversation: str
    author: str
    text: str
    author_name: str = ""
    channel: str = ""
    place: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """JSON of all fields but the text, which may still change."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "text"})

    @classmethod
    def from_json(cls, data: str, text: str) -> "Turn":
        """The inverse of `to_json`."""
        return cls(**json.loads(data), text=text)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its answer: the unit a conversation's history is made of.

    Attributes:
        turn: id of the turn.
        question: what was asked.
        answer: the answer in GLaDOS markdown; for `failed`, the apology shown.
        outcome: only `done` and `stopped` exchanges are shown to the model again.
        author: the platform's id of the person who asked.
        author_name: their name, when the conversation may hold several people.
        model: name of the model that answered.
        at: seconds since the epoch when the answer was finished.
        tokens: tokens of prompt and answer, as the service counted them; estimated where it did not.
    """

    turn: str
    question: str
    answer: str
    outcome: Outcome
    author: str = ""
    author_name: str = ""
    model: str = ""
    at: float = 0.0
    tokens: int = 0

    def to_json(self) -> str:
        """JSON of all fields."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, data: str) -> "Exchange":
        """The inverse of `to_json`."""
        return cls(**json.loads(data))
