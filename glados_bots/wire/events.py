"""What is asked of a model, and what it answers with, event by event: the same at both ends of the API."""

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length", "content_filter", "error"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose tokens. `None` means: as the model's card says.

    Attributes:
        max_tokens: most tokens of the answer; the engine lowers it to what the window leaves.
        temperature: 0 is greedy.
        top_p: nucleus mass in (0, 1].
        top_k: 0 switches it off.
        seed: same seed, same request, same engine load: same answer where the engine can.
        presence_penalty: OpenAI's, in [-2, 2].
        frequency_penalty: OpenAI's, in [-2, 2].
        stop: strings that end the answer and are not part of it, besides those of the card.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queued:
    """The request waits.

    Attributes:
        position: requests that will start before this one; 0 means it is next.
        wait_s: expected wait in seconds, from the pace of the last requests; None when unknown.
    """

    position: int
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class Begun:
    """The request is computed from now on, and costs something. Attributes: prompt_tokens: tokens of the prompt."""

    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer: never half a character, never a part of a stop string."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is whole.

    Attributes:
        reason: `stop` (end token or stop string) or `length`; the others come from foreign servers only.
        prompt_tokens: tokens of the prompt.
        cached_tokens: prompt tokens whose keys and values were found in the cache.
        completion_tokens: tokens generated.
    """

    reason: FinishReason
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


Event = Queued | Begun | Delta | Finished
