"""The OpenAI chat-completions protocol as we serve it: requests checked field by field, responses as plain dicts.

Source: the OpenAI API reference, "Create chat completion". A field that asks for something we do not offer is refused,
whether we know the field (`n` > 1, tools, a client's own template) or not; see fields.py.
"""

import time
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from glados_bots.conversation import Message
from glados_bots.inference.api import fields, picture_parts
from glados_bots.inference.model_files.auto.choice import Useful
from glados_bots.inference.pictures.bounds import MOST_TOKENS as MOST_PICTURE_TOKENS
from glados_bots.wire.events import Finished, Sampling

MOST_MESSAGES = 2_000
MOST_PARTS = 1_000
MOST_STOPS = 16
MOST_TOKENS = 1_000_000
MOST_WORDS = 2 * 2**20  # bytes of all texts together; only pictures make a body larger
LEAST_TOP_P = 1e-6  # at this value and below, only the likeliest token remains; float32 has no much smaller values


def _well_formed(text: str) -> str:
    """Refuse half of a surrogate pair: JSON can hold it, but no tokenizer and no UTF-8 stream can."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half of a surrogate pair is not a character") from error
    return text


def _joined(content: Any) -> Any:
    """The text parts of a list as one string, each part on its own line. Checks the form of the other parts."""
    if not isinstance(content, list):
        return content
    if len(content) > MOST_PARTS:
        raise ValueError(f"at most {MOST_PARTS} parts")
    for place, part in enumerate(content):
        if picture_parts.is_picture(part):
            try:
                picture_parts.address(part)
            except ValueError as error:
                raise ValueError(f"part {place}: {error}") from error
        elif not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise ValueError(f'part {place}: each part must be {{"type": "text", "text": "..."}} or an image_url')
    return "\n".join(part["text"] for part in content if not picture_parts.is_picture(part))


def _listed(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop


def _or_unlimited(value: Any) -> Any:
    return None if type(value) is int and value == fields.UNLIMITED else value


def _not_offered(value: Any) -> Any:
    if value not in (None, False, "", [], {}):
        raise ValueError("not offered by this service; leave it out")
    return value


def _or_nothing(value: Any) -> Any:
    return None if value in (False, "") else value


def _text_format(value: Any) -> Any:
    if value not in (None, {"type": "text"}):
        raise ValueError('this service offers only {"type": "text"}')
    return value


Text = Annotated[str, AfterValidator(_well_formed)]
StopString = Annotated[Text, Field(min_length=1, max_length=200)]
StopStrings = Annotated[list[StopString], Field(max_length=MOST_STOPS)]
NotOffered = Annotated[Any, AfterValidator(_not_offered)]
TokenLimit = Annotated[Annotated[int, Field(ge=1, le=MOST_TOKENS)] | None, BeforeValidator(_or_unlimited)]
Effort = Literal["none", "minimal", "low", "medium", "high"]
EFFORT_OF_SWITCH = {None: None, True: "medium", False: "none"}
TemplateName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
TemplateValue = Annotated[Text, Field(max_length=1_000)] | int | float | bool | None
TemplateKwargs = Annotated[dict[TemplateName, TemplateValue], Field(max_length=16)]
Penalty = Annotated[float, Field(ge=-2, le=2)]


class StrictSchema(BaseModel):
    """Strict types: "5" is not 5, true is not 1, NaN is not a number, and a field that we do not read is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    harmless: ClassVar[frozenset[str]] = frozenset()  # fields that are ignored

    @model_validator(mode="before")
    @classmethod
    def _without_noise(cls, values: Any) -> Any:
        return fields.without_noise(values, cls.model_fields, cls.harmless)


class ChatMessage(StrictSchema):
    """One message of a request."""

    harmless = fields.HARMLESS_OF_MESSAGES

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[Text | None, BeforeValidator(_joined), Field(validate_default=True)] = None
    tool_calls: NotOffered = None
    _pictures: list[tuple[int, str]] = PrivateAttr(default_factory=list)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_pictures(cls, values: Any, handler: ModelWrapValidatorHandler["ChatMessage"]) -> "ChatMessage":
        """Keep the pictures beside the text: for each, its place among the parts and its URL."""
        message = handler(values)
        parts = values.get("content") if isinstance(values, dict) else None
        if isinstance(parts, list):
            found = (place for place, part in enumerate(parts) if picture_parts.is_picture(part))
            message.pictures.extend((place, picture_parts.address(parts[place])) for place in found)
        if message.pictures and message.role != "user":
            raise ValueError(f"content: part {message.pictures[0][0]}: only a user's message may hold pictures")
        return message

    @field_validator("content")
    @classmethod
    def _is_text(cls, content: str | None, info: ValidationInfo) -> str | None:
        if content is None and info.data.get("role") != "assistant":
            raise ValueError("give a text; only an assistant's message may have none")
        return content

    @property
    def pictures(self) -> list[tuple[int, str]]:
        return self._pictures

    def plain(self) -> Message:
        """The message for the engine; `developer` is OpenAI's newer name for `system`."""
        return Message("system" if self.role == "developer" else self.role, self.content or "")


class StreamOptions(StrictSchema):
    """Options of a streamed answer."""

    harmless = fields.HARMLESS_OF_STREAMS

    include_usage: bool | None = None


class ChatRequest(StrictSchema):
    """Body of POST /v1/chat/completions."""

    harmless = fields.HARMLESS

    model: Text = Field(max_length=500)
    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    max_tokens: TokenLimit = None
    max_completion_tokens: TokenLimit = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=fields.UNLIMITED, le=100_000)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    stop: Annotated[StopStrings | None, BeforeValidator(_listed)] = None
    response_format: Annotated[Any, AfterValidator(_text_format)] = None
    reasoning_effort: Annotated[Effort | None, BeforeValidator(_or_nothing)] = None
    enable_thinking: bool | None = None
    chat_template_kwargs: TemplateKwargs | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "ChatRequest":
        if self.enable_thinking is not None and self.reasoning_effort is not None:
            raise ValueError("give either reasoning_effort or enable_thinking")
        return self

    @field_validator("messages")
    @classmethod
    def _something_is_said(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        if not any((message.content or "").strip() or message.pictures for message in messages):
            raise ValueError("give at least one message with text")
        if sum(len((message.content or "").encode()) for message in messages) > MOST_WORDS:
            raise ValueError(f"the texts may have at most {MOST_WORDS} bytes together; send fewer or shorter messages")
        return messages

    @property
    def pictures(self) -> int:
        return sum(len(message.pictures) for message in self.messages)

    @property
    def least_tokens(self) -> int:
        """Estimated tokens of the prompt, if the engine never reports them: English has four characters per token."""
        return sum(len(message.content or "") for message in self.messages) // 4

    def most_tokens(self, context_length: int, thinking_tokens: int = 0) -> int:
        """The most tokens that a request can cost: a token has at least one byte, and all fit the window."""
        words = sum(len((message.content or "").encode()) for message in self.messages)
        prompt = words + self.pictures * MOST_PICTURE_TOKENS
        answer = self.max_completion_tokens or self.max_tokens or context_length
        return min(context_length, prompt + thinking_tokens + answer)

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the token counts."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def sampling(self) -> Sampling:
        return Sampling(
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature,
            top_p=None if self.top_p is None else max(self.top_p, LEAST_TOP_P),
            top_k=None if self.top_k is None else max(self.top_k, 0),
            seed=self.seed,
            presence_penalty=self.presence_penalty or 0.0,
            frequency_penalty=self.frequency_penalty or 0.0,
            stop=tuple(self.stop or ()),
            effort=self.reasoning_effort or EFFORT_OF_SWITCH[self.enable_thinking],
            variables=self.chat_template_kwargs or {},
        )


def usage(finished: Finished) -> dict[str, Any]:
    return {
        "prompt_tokens": finished.prompt_tokens,
        "completion_tokens": finished.completion_tokens,
        "total_tokens": finished.prompt_tokens + finished.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": finished.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": finished.reasoning_tokens},
    }


def completion(request_id: str, model: str, text: str, finished: Finished) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "logprobs": None,
        "finish_reason": finished.reason,
    }
    return {**_head(request_id, model, "chat.completion"), "choices": [choice], "usage": usage(finished)}


def chunk(request_id: str, model: str, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [choice]}


def usage_chunk(request_id: str, model: str, finished: Finished) -> dict[str, Any]:
    """The last chunk, if the client asked for usage."""
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": [], "usage": usage(finished)}


def _head(request_id: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": request_id, "object": kind, "created": int(time.time()), "model": model}


def model(
    name: str, context_length: int, levels: Sequence[str] = (), useful: Useful | None = None, *, sees: bool = False
) -> dict[str, Any]:
    """One served model; `max_model_len` is vLLM's name for the context length in tokens."""
    told: dict[str, Any] = {"max_model_len": context_length, "thinking_levels": list(levels)}
    told["capabilities"] = {"vision": sees}
    if useful is not None:
        told["useful"] = {"command": useful.command, "tokens_per_second": round(useful.speed) if useful.speed else None}
    return {"id": name, "object": "model", "created": 0, "owned_by": "glados", **told}
