"""Requests to a model and the events of its answer: the same at both ends of the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# OpenAI's `reasoning_effort`, and the level of thinking that each value means. `minimal` is no level of its own.
EFFORTS = {"none": "off", "low": "low", "medium": "on", "high": "high"}
LEVELS = ("on", "off", "low", "high")  # in the order in which people read them

FinishReason = Literal["stop", "length", "content_filter", "error"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose tokens. None means: as the model's card says."""

    max_tokens: int | None = None  # limit of the answer; the engine lowers it to the free part of the window
    temperature: float | None = None  # 0 always takes the likeliest token
    top_p: float | None = None  # nucleus mass in (0, 1]
    top_k: int | None = None  # 0 means off
    seed: int | None = None  # with the same seed, request and engine load comes the same answer, if the engine can
    presence_penalty: float = 0.0  # OpenAI's, in [-2, 2]
    frequency_penalty: float = 0.0  # OpenAI's, in [-2, 2]
    stop: tuple[str, ...] = ()  # strings that end the answer, beside those of the card; no part of the answer
    effort: str | None = None  # OpenAI's `reasoning_effort`
    variables: Mapping[str, Any] = field(default_factory=dict)  # for the chat template
    reasoning_tokens: int | None = None  # limit of the reasoning; None: as the service's settings say


@dataclass(frozen=True, slots=True)
class Queued:
    """The request waits in the queue."""

    position: int  # requests that will start before this one; 0 means it is next
    wait_s: float | None  # expected seconds, from the pace of the last requests; None if not known


@dataclass(frozen=True, slots=True)
class Begun:
    """The engine computes the request from now on, and that costs something."""

    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer. It never holds half a character or a part of a stop string."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete."""

    reason: FinishReason  # `stop` (end token or stop string) or `length`; others come from foreign servers only
    prompt_tokens: int
    cached_tokens: int  # tokens of the prompt whose keys and values were in the cache
    completion_tokens: int
    reasoning_tokens: int = 0  # of the completion tokens, those before the answer


Event = Queued | Begun | Delta | Finished
