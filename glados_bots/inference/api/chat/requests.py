"""Requests of POST /v1/chat/completions, checked field by field.

Source: the OpenAI API reference, "Create chat completion". A field that asks for something we do not offer is refused,
whether we know the field (`n` > 1, tools, a client's own template) or not; see api/fields.py.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from glados_bots.inference.api import fields
from glados_bots.inference.api.chat.messages import ChatMessage
from glados_bots.inference.api.chat.tools import Replaced, ToolChoice, Tools, tool_use
from glados_bots.inference.api.checking import (
    EFFORT_OF_SWITCH,
    LEAST_TOP_P,
    TOO_LONG,
    Effort,
    Penalty,
    StopStrings,
    StrictSchema,
    TemplateKwargs,
    Text,
    TokenLimit,
    are_too_long,
    listed,
    or_nothing,
)
from glados_bots.inference.api.forms import WithForm
from glados_bots.inference.api.picture_parts import PicturePart
from glados_bots.wire.events import Sampling

MOST_MESSAGES = 2_000


class StreamOptions(StrictSchema):
    """Options of a streamed answer."""

    harmless = fields.HARMLESS_OF_STREAMS

    include_usage: bool | None = None


class ChatRequest(WithForm):
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
    stop: Annotated[StopStrings | None, BeforeValidator(listed)] = None
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
            temperature=self.temperature,
            top_p=None if self.top_p is None else max(self.top_p, LEAST_TOP_P),
            top_k=None if self.top_k is None else max(self.top_k, 0),
            seed=self.seed,
            presence_penalty=self.presence_penalty or 0.0,
            frequency_penalty=self.frequency_penalty or 0.0,
            stop=tuple(self.stop or ()),
            effort=self.reasoning_effort or EFFORT_OF_SWITCH[self.enable_thinking],
            variables=self.chat_template_kwargs or {},
            tools=tool_use(self.tools or (), self.tool_choice, parallel=self.parallel_tool_calls is not False),
            grammar=self.grammar,
        )
