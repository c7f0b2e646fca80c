"""The items of a request's `input`, checked field by field.

Source: the OpenAI API reference, "Create a model response", `input`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from glados_bots.inference.api.checking import StrictSchema, Text
from glados_bots.inference.api.picture_parts import DETAILS
from glados_bots.inference.api.responses.kinds import one_of

MOST_PARTS = 1_000
# An item of an answer comes back with what the answer said about it.
HARMLESS = frozenset("async caller id phase status".split())
CallId = Annotated[Text, Field(min_length=1, max_length=200)]
Name = Annotated[Text, Field(min_length=1, max_length=200)]


class TextPart(StrictSchema):
    """Words."""

    harmless = frozenset("annotations cache_control logprobs prompt_cache_breakpoint".split())

    type: Literal["input_text", "output_text", "text"]
    text: Text


class RefusalPart(StrictSchema):
    """Words of an answer that refused."""

    type: Literal["refusal"]
    refusal: Text

    @property
    def text(self) -> str:
        return self.refusal


class PicturePartOfInput(StrictSchema):
    """A picture."""

    harmless = frozenset(["prompt_cache_breakpoint"])

    type: Literal["input_image"]
    image_url: str
    detail: Annotated[str | None, Field(pattern=f"^({'|'.join(filter(None, DETAILS))}|original)$")] = None


def _as_parts(content: Any) -> Any:
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content


Part = Annotated[TextPart | RefusalPart | PicturePartOfInput, one_of(TextPart, RefusalPart, PicturePartOfInput)]
Parts = Annotated[
    list[Part], Field(max_length=MOST_PARTS), BeforeValidator(_as_parts, json_schema_input_type=str | list[Part])
]


class MessageItem(StrictSchema):
    """A message of a person, of the program or of the model."""

    harmless = HARMLESS

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Parts


class CallItem(StrictSchema):
    """A call of a function, as the model made it."""

    harmless = HARMLESS

    type: Literal["function_call"]
    call_id: CallId
    name: Name
    namespace: Name | None = None
    arguments: Text


class CustomCallItem(StrictSchema):
    """A call of a custom tool."""

    harmless = HARMLESS

    type: Literal["custom_tool_call"]
    call_id: CallId
    name: Name
    namespace: Name | None = None
    input: Text


class ResultItem(StrictSchema):
    """What a tool gave."""

    harmless = HARMLESS | {"name", "namespace"}

    type: Literal["function_call_output", "custom_tool_call_output"]
    call_id: CallId
    output: Parts


class ReasoningText(StrictSchema):
    """Words of reasoning."""

    type: Literal["reasoning_text", "summary_text", "text"]
    text: Text


Thoughts = Annotated[list[ReasoningText], Field(max_length=MOST_PARTS)]


class ReasoningItem(StrictSchema):
    """What the model thought before the next item of its answer. `encrypted_content` of another server is ignored."""

    harmless = HARMLESS | {"encrypted_content"}

    type: Literal["reasoning"]
    summary: Thoughts = Field(default_factory=list)
    content: Thoughts | None = None

    @property
    def text(self) -> str:
        return "\n\n".join(part.text for part in self.content or self.summary)


class ReferenceItem(BaseModel):
    """The id of a stored item: always refused."""

    model_config = ConfigDict(extra="allow")

    type: Literal["item_reference"]

    @model_validator(mode="after")
    def _is_refused(self) -> "ReferenceItem":
        raise ValueError("this service stores no items; send the item itself (clients do so with store: false)")


KINDS = (MessageItem, CallItem, CustomCallItem, ResultItem, ReasoningItem)
Item = Annotated[
    MessageItem | CallItem | CustomCallItem | ResultItem | ReasoningItem,
    one_of(*KINDS, ReferenceItem, default="message"),
]
