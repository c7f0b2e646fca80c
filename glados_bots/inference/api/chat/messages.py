"""The messages of a request: texts and pictures, checked part by part."""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from glados_bots.inference.api import fields, picture_parts
from glados_bots.inference.api.chat.calls import CallId, Calls
from glados_bots.inference.api.checking import StrictSchema, Text, or_nothing

MOST_PARTS = 1_000


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


class ChatMessage(StrictSchema):
    """One message of a request."""

    harmless = fields.HARMLESS_OF_MESSAGES

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[Text | None, BeforeValidator(_joined), Field(validate_default=True)] = None
    reasoning_content: Text | None = None
    tool_calls: Annotated[Calls | None, BeforeValidator(or_nothing)] = None
    tool_call_id: Annotated[CallId | None, Field(validate_default=True)] = None
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

    @field_validator("tool_calls")
    @classmethod
    def _is_an_answer(cls, calls: Calls | None, info: ValidationInfo) -> Calls | None:
        if calls and info.data.get("role") != "assistant":
            raise ValueError("only an assistant's message may hold calls")
        if calls and len({call.id for call in calls}) < len(calls):
            raise ValueError("two calls have one id; give each its own")
        return calls

    @field_validator("tool_call_id")
    @classmethod
    def _is_a_result(cls, call: str | None, info: ValidationInfo) -> str | None:
        if (call is None) == (info.data.get("role") == "tool"):
            raise ValueError("a tool's message, and no other, names the call that it answers")
        return call

    @property
    def pictures(self) -> list[tuple[int, str]]:
        return self._pictures

    @property
    def words(self) -> str:
        """All texts that the model may read."""
        calls = (call.function.name + call.function.arguments for call in self.tool_calls or ())
        return "".join(((self.content or ""), (self.reasoning_content or ""), *calls))
