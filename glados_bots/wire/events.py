"""What is asked of a model, and what it answers with, event by event: the same at both ends of the API."""

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length", "content_filter", "error"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose tokens. `None` means: as the model's card says."""

    max_tokens: int | None = None  # most tokens of the answer; the engine lowers it to what the window leaves
    temperature: float | None = None  # 0 is greedy
    top_p: float | None = None  # nucleus mass in (0, 1]
    top_k: int | None = None  # 0 switches it off
    seed: int | None = None  # same seed, same request, same engine load: same answer where the engine can
    presence_penalty: float = 0.0  # OpenAI's, in [-2, 2]
    frequency_penalty: float = 0.0  # OpenAI's, in [-2, 2]
    stop: tuple[str, ...] = ()  # strings that end the answer and are not part of it, besides those of the card


@dataclass(frozen=True, slots=True)
class Queued:
    """The request waits."""

    position: int  # requests that will start before this one; 0 means it is next
    wait_s: float | None  # expected wait in seconds, from the pace of the last requests; None when unknown


@dataclass(frozen=True, slots=True)
class Begun:
    """The request is computed from now on, and costs something."""

    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer: never half a character, never a part of a stop string."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is whole."""

    reason: FinishReason  # `stop` (end token or stop string) or `length`; the others come from foreign servers only
    prompt_tokens: int
    cached_tokens: int  # those of the prompt whose keys and values were found in the cache
    completion_tokens: int


Event = Queued | Begun | Delta | Finished
