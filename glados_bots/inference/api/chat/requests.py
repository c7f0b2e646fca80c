"""Requests of POST /v1/chat/completions, checked field by field.

Source: the OpenAI API reference, "Create chat completion". A field that asks for something we do not offer is refused,
whether we know the field (a client's own template, audio) or not; see api/fields.py.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from glados_bots.inference.api import fields
from glados_bots.inference.api.chat.messages import ChatMessage
from glados_bots.inference.api.chat.tools import Replaced, ToolChoice, Tools, tool_use
from glados_bots.inference.api.checking import (
    EFFORT_OF_SWITCH,
    TOO_LONG,
    Effort,
    StrictSchema,
    TemplateKwargs,
    Text,
    TokenLimit,
    are_too_long,
    or_nothing,
)
from glados_bots.inference.api.choosing import WithChoice
from glados_bots.inference.api.forms import WithForm
from glados_bots.inference.api.picture_parts import PicturePart
from glados_bots.wire.events import Sampling

MOST_MESSAGES = 2_000
MOST_TOP_LOGPROBS = 20


class StreamOptions(StrictSchema):
    """Options of a streamed answer."""

    harmless = fields.HARMLESS_OF_STREAMS

    include_usage: bool | None = None


class ChatRequest(WithForm, WithChoice):
    """Body of POST /v1/chat/completions."""

    harmless = fields.HARMLESS

    model: Text = Field(max_length=500)
    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: TokenLimit = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MOST_TOP_LOGPROBS)] | None = None
    tools: Tools | None = None
    tool_choice: Annotated[ToolChoice | None, BeforeValidator(or_nothing)] = None
    parallel_tool_calls: bool | None = None
    functions: Replaced = None
    function_call: Replaced = None
    reasoning_effort: Annotated[Effort | None, BeforeValidator(or_nothing)] = None
    enable_thinking: bool | None = None
    include_reasoning: bool | None = None
    chat_template_kwargs: TemplateKwargs | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "ChatRequest":
        if self.enable_thinking is not None and self.reasoning_effort is not None:
            raise ValueError("give either reasoning_effort or enable_thinking")
        return self

    @field_validator("top_logprobs")
    @classmethod
    def _has_logprobs(cls, count: int | None, info: ValidationInfo) -> int | None:
        if count and not info.data.get("logprobs"):
            raise ValueError("set logprobs to true as well, or leave it out")
        return count

    @field_validator("messages")
    @classmethod
    def _something_is_said(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        if not any((message.content or "").strip() or message.pictures for message in messages):
            raise ValueError("give at least one message with text")
        if are_too_long(message.words for message in messages):
            raise ValueError(TOO_LONG)
        return messages

    @property
    def pictures(self) -> list[PicturePart]:
        return [
            PicturePart(index, f"messages.{index}.content.{part}.image_url", url)
            for index, message in enumerate(self.messages)
            for part, url in message.pictures
        ]

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the token counts."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @property
    def wants_reasoning(self) -> bool:
        """Whether the answer tells what the model thought before it."""
        return self.include_reasoning is not False

    def sampling(self) -> Sampling:
        """What the engine gets. Raises ApiError if the choice of tools does not fit the tools."""
        return Sampling(
            max_tokens=self.max_completion_tokens or self.max_tokens,
            **self.choosing,
            logprobs=(self.top_logprobs or 0) if self.logprobs else None,
            effort=self.reasoning_effort or EFFORT_OF_SWITCH[self.enable_thinking],
            variables=self.chat_template_kwargs or {},
            tools=tool_use(self.tools or (), self.tool_choice, parallel=self.parallel_tool_calls is not False),
            grammar=self.grammar,
        )
