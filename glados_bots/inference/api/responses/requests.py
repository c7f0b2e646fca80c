"""Requests of POST /v1/responses, checked field by field.

Source: the OpenAI API reference, "Create a model response".
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from glados_bots.inference.api import fields
from glados_bots.inference.api.chat.tools import MOST_TOOLS
from glados_bots.inference.api.checking import LEAST_TOP_P, Effort, NotOffered, StrictSchema, Text, TokenLimit
from glados_bots.inference.api.forms import Schema
from glados_bots.inference.api.responses.items import Item
from glados_bots.inference.api.responses.kinds import one_of
from glados_bots.inference.api.responses.tools import AnyTool, ToolChoice
from glados_bots.wire.events import Grammar, Sampling, ToolUse

MOST_ITEMS = 10_000
MOST_ALTERNATIVES = 20
LOGPROBS = "message.output_text.logprobs"
# What an answer of ours never has (all but LOGPROBS), so that there is nothing to include.
INCLUDABLE = (
    LOGPROBS,
    "reasoning.encrypted_content",
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "web_search_call.action.sources",
    "web_search_call.results",
)


def _stateless(value: Any) -> Any:
    if value is not None:
        raise ValueError("this service stores no responses; send the whole conversation in input")
    return value


def _as_items(value: Any) -> Any:
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


Stored = Annotated[Any, AfterValidator(_stateless)]
FIELDS = {"messages": "input", "reasoning_effort": "reasoning.effort"}  # by their names in chat completions


class Reasoning(StrictSchema):
    """How much the model thinks, and whether the answer tells it as a summary."""

    effort: Effort | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None
    context: Literal["auto"] | None = None
    mode: Literal["standard"] | None = None


class TextFormat(StrictSchema):
    """Words."""

    type: Literal["text"]

    def grammar(self) -> Grammar | None:
        return None


class JsonFormat(StrictSchema):
    """A JSON object."""

    type: Literal["json_object"]

    def grammar(self) -> Grammar | None:
        return Grammar("json_object", field="text.format")


class SchemaFormat(StrictSchema):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    schema_: Schema = Field(alias="schema")
    description: Text | None = None
    strict: bool | None = None

    def grammar(self) -> Grammar | None:
        return Grammar("json_schema", json.dumps(self.schema_), "text.format.schema")


Format = Annotated[TextFormat | JsonFormat | SchemaFormat, one_of(TextFormat, JsonFormat, SchemaFormat)]


class TextSettings(StrictSchema):
    """The form of the answer."""

    format: Format | None = None
    verbosity: Literal["medium"] | None = None


class StreamOptions(StrictSchema):
    """Options of a streamed answer."""

    harmless = fields.HARMLESS_OF_STREAMS


class ResponsesRequest(StrictSchema):
    """Body of POST /v1/responses."""

    harmless = fields.HARMLESS | {"client_metadata", "max_tool_calls"}

    model: Text = Field(max_length=500)
    input: Annotated[
        list[Item],
        Field(min_length=1, max_length=MOST_ITEMS),
        BeforeValidator(_as_items, json_schema_input_type=str | list[Item]),
    ]
    instructions: Text | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_output_tokens: TokenLimit = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    text: TextSettings | None = None
    reasoning: Reasoning | None = None
    tools: Annotated[list[AnyTool], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    include: list[Literal[INCLUDABLE]] | None = None  # type: ignore[valid-type] # the names of the tuple
    top_logprobs: Annotated[int, Field(ge=0, le=MOST_ALTERNATIVES)] | None = None
    metadata: dict[str, Text] | None = None
    truncation: Literal["disabled"] | None = None
    previous_response_id: Stored = None
    conversation: Stored = None
    background: NotOffered = None

    @field_validator("top_logprobs")
    @classmethod
    def _are_included(cls, alternatives: int | None, info: ValidationInfo) -> int | None:
        if alternatives and LOGPROBS not in (info.data.get("include") or ()):
            raise ValueError(f"include must hold {LOGPROBS}")
        return alternatives

    @property
    def has_logprobs(self) -> bool:
        return LOGPROBS in (self.include or ())

    @property
    def has_summary(self) -> bool:
        """Whether the answer tells the reasoning as a summary, not as the reasoning itself."""
        return bool(self.reasoning and (self.reasoning.summary or self.reasoning.generate_summary))

    @property
    def format(self) -> TextFormat | JsonFormat | SchemaFormat:
        return (self.text and self.text.format) or TextFormat(type="text")

    def sampling(self, tools: ToolUse | None) -> Sampling:
        return Sampling(
            max_tokens=self.max_output_tokens,
            temperature=self.temperature,
            top_p=None if self.top_p is None else max(self.top_p, LEAST_TOP_P),
            effort=self.reasoning.effort if self.reasoning else None,
            grammar=self.format.grammar(),
            tools=tools,
            logprobs=(self.top_logprobs or 0) if self.has_logprobs else None,
        )
