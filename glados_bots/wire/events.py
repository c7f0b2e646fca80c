"""Requests to a model and the events of its answer: the same at both ends of the API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from glados_bots.conversation import ToolCall

# OpenAI's `reasoning_effort`, and the level of thinking that each value means. `minimal` is no level of its own.
EFFORTS = {"none": "off", "low": "low", "medium": "on", "high": "high"}
LEVELS = ("on", "off", "low", "high")  # in the order in which people read them

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "error"]
GrammarKind = Literal["json_object", "json_schema", "regex", "choice", "grammar", "lark"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)  # a JSON schema of an object; empty: no arguments
    strict: bool = False
    field: str = "tools"  # the field of the request that holds the schema, for errors


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The tools of a request."""

    tools: tuple[Tool, ...]
    allowed: frozenset[str]  # the names that may be called; empty for `tool_choice: none`
    required: bool = False  # the answer is a call
    parallel: bool = True  # the answer may hold several calls


@dataclass(frozen=True, slots=True)
class Grammar:
    """The form that the whole answer must have."""

    kind: GrammarKind
    # A JSON schema, a regular expression, a JSON list of strings for `choice`, a client's own grammar in Lark or GBNF
    # (`grammar`), or our own Lark, whose rule `answer` is the answer (`lark`)
    value: str = ""
    field: str = "grammar"  # the field of the request that asked for it, for errors


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
    grammar: Grammar | None = None
    tools: ToolUse | None = None
    logprobs: int | None = None  # likeliest tokens to report beside each chosen one, 0 to 20; None: report nothing
    logit_bias: Mapping[int, float] = field(default_factory=dict)  # by token id, OpenAI's, in [-100, 100]
    min_p: float = 0.0  # least probability of a token, as a share of the likeliest one's
    repetition_penalty: float | None = None  # see `SamplingDefaults`
    stop_tokens: tuple[int, ...] = ()  # tokens that end the answer, beside those of the model
    min_tokens: int = 0  # tokens of the answer before which none of these tokens, and none of the model's, ends it
    prompt_logprobs: int | None = None  # as `logprobs`, for each token of a raw prompt but the first


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
class TokenLogprob:
    """A token, and the natural logarithm of its probability before any setting of the request changed it."""

    token: int
    text: bytes
    logprob: float
    top: tuple["TokenLogprob", ...] = ()  # the likeliest tokens in its place


@dataclass(frozen=True, slots=True)
class ScoredPrompt:
    """The tokens of a raw prompt: the bytes of the first, which nothing precedes, and the others with their scores."""

    first: bytes
    tokens: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer. It never holds half a character or a part of a stop string."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the reasoning before the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call. Only the first piece of a call has its id and name."""

    index: int  # of the call in the answer
    id: str = ""
    name: str = ""
    arguments: str = ""  # pieces of a JSON object


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete."""

    # `stop` (end token or stop string), `length` or `tool_calls`; others come from foreign servers only
    reason: FinishReason
    prompt_tokens: int
    cached_tokens: int  # tokens of the prompt whose keys and values were in the cache
    completion_tokens: int
    reasoning_tokens: int = 0  # of the completion tokens, those before the answer


@dataclass(frozen=True, slots=True)
class Choice:
    """An event of one of several answers to a request. No engine makes it."""

    index: int
    event: "Event"


Event = Queued | Begun | ScoredPrompt | Thought | Delta | ToolCallDelta | Finished | Choice


def calls_in(events: Iterable[Event]) -> list[ToolCall]:
    """The calls of an answer, whole."""
    found: dict[int, list[ToolCallDelta]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            found.setdefault(event.index, []).append(event)
    return [
        ToolCall(pieces[0].id, pieces[0].name, "".join(piece.arguments for piece in pieces))
        for pieces in found.values()
    ]
