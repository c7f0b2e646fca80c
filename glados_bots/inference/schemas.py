"""The OpenAI chat-completions protocol as we serve it: requests checked field by field, responses as plain dicts.

Source: the OpenAI API reference, "Create chat completion". Fields we do not know are ignored, as clients send many;
fields that ask for something we do not do (`n` > 1, tools, a template of their own) are refused: ignoring them would
be a lie.
"""

import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from glados_bots.conversation import Message
from glados_bots.inference.engine import Finished, Sampling

MOST_MESSAGES = 2_000
MOST_PARTS = 1_000
MOST_STOPS = 16
MOST_TOKENS = 1_000_000


def _well_formed(text: str) -> str:
    """JSON can hold half of a surrogate pair; no tokenizer and no UTF-8 stream can."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half of a surrogate pair is not a character") from error
    return text


def _joined(content: Any) -> Any:
    """A list of text parts as one string."""
    if not isinstance(content, list):
        return content
    if len(content) > MOST_PARTS:
        raise ValueError(f"at most {MOST_PARTS} parts")
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise ValueError('only text can be read here: each part must be {"type": "text", "text": "..."}')
    return "".join(part["text"] for part in content)


def _listed(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop


def _not_offered(value: Any) -> Any:
    if value not in (None, False, "", [], {}):
        raise ValueError("this is not offered here; leave it out")
    return value


def _text_format(value: Any) -> Any:
    if value not in (None, {"type": "text"}):
        raise ValueError('only {"type": "text"} is offered here')
    return value


Text = Annotated[str, AfterValidator(_well_formed)]
StopString = Annotated[Text, Field(min_length=1, max_length=200)]
StopStrings = Annotated[list[StopString], Field(max_length=MOST_STOPS)]
NotOffered = Annotated[Any, AfterValidator(_not_offered)]
TokenLimit = Annotated[int, Field(ge=1, le=MOST_TOKENS)]
Penalty = Annotated[float, Field(ge=-2, le=2)]


class Strict(BaseModel):
    """No guessing: "5" is not 5, true is not 1, NaN and Infinity are not numbers."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class ChatMessage(Strict):
    """One message of a request."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[Text, BeforeValidator(_joined)]
    tool_calls: NotOffered = None

    def plain(self) -> Message:
        """As the engine takes it; `developer` is OpenAI's newer name of `system`."""
        return Message("system" if self.role == "developer" else self.role, self.content)


class StreamOptions(Strict):
    """Extras of a streamed answer."""

    include_usage: bool = False


class ChatRequest(Strict):
    """Body of POST /v1/chat/completions."""

    model: Text = Field(max_length=500)
    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    max_tokens: TokenLimit | None = None
    max_completion_tokens: TokenLimit | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=100_000)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    stop: Annotated[StopStrings | None, BeforeValidator(_listed)] = None
    response_format: Annotated[Any, AfterValidator(_text_format)] = None
    tools: NotOffered = None
    functions: NotOffered = None
    logprobs: NotOffered = None
    logit_bias: NotOffered = None
    audio: NotOffered = None
    chat_template: NotOffered = None
    chat_template_kwargs: NotOffered = None

    @field_validator("messages")
    @classmethod
    def _somebody_asks(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        if not any(message.role == "user" and message.content.strip() for message in messages):
            raise ValueError("one user message with text is needed")
        return messages

    @property
    def least_tokens(self) -> int:
        """What the prompt costs where the engine never said it: four characters a token, as is usual in English."""
        return sum(len(message.content) for message in self.messages) // 4

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the token counts."""
        return self.stream_options is not None and self.stream_options.include_usage

    def sampling(self) -> Sampling:
        """As the engine takes it."""
        return Sampling(
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            seed=self.seed,
            presence_penalty=self.presence_penalty or 0.0,
            frequency_penalty=self.frequency_penalty or 0.0,
            stop=tuple(self.stop or ()),
        )


def usage(finished: Finished) -> dict[str, Any]:
    """OpenAI's usage object."""
    return {
        "prompt_tokens": finished.prompt_tokens,
        "completion_tokens": finished.completion_tokens,
        "total_tokens": finished.prompt_tokens + finished.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": finished.cached_tokens},
    }


def completion(request_id: str, model: str, text: str, finished: Finished) -> dict[str, Any]:
    """A whole answer."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "logprobs": None,
        "finish_reason": finished.reason,
    }
    return {**_head(request_id, model, "chat.completion"), "choices": [choice], "usage": usage(finished)}


def chunk(request_id: str, model: str, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    """A piece of a streamed answer."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [choice]}


def usage_chunk(request_id: str, model: str, finished: Finished) -> dict[str, Any]:
    """The last piece, when the client asked for usage."""
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [], "usage": usage(finished)}


def _head(request_id: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": request_id, "object": kind, "created": int(time.time()), "model": model}


def model(name: str, context_length: int) -> dict[str, Any]:
    """One served model; `max_model_len` is vLLM's name for the context length in tokens."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "glados", "max_model_len": context_length}
