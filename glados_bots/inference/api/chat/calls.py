"""Calls and results in the messages of a request."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from glados_bots.conversation import Message, Role, ToolCall
from glados_bots.inference.api.chat.tools import MOST_TOOLS, Name
from glados_bots.inference.api.checking import StrictSchema, Text
from glados_bots.inference.api.errors import wrong_value

if TYPE_CHECKING:
    from glados_bots.inference.api.chat.messages import ChatMessage

CallId = Annotated[Text, Field(min_length=1, max_length=500)]


class CalledFunction(StrictSchema):
    """What was called. `arguments` may be any text: it is what a model wrote."""

    name: Name
    arguments: Text = ""


class Call(StrictSchema):
    """One call of an earlier answer."""

    harmless = frozenset(["index", "cache_control", "extra_content", "provider_specific_fields"])

    id: CallId
    type: Literal["function"] = "function"
    function: CalledFunction

    def plain(self) -> ToolCall:
        return ToolCall(self.id, self.function.name, self.function.arguments)


Calls = Annotated[list[Call], Field(max_length=MOST_TOOLS)]


def conversation(messages: Sequence["ChatMessage"]) -> list[Message]:
    """The messages for the engine. `developer` is OpenAI's newer name for `system`.

    Raises:
        ApiError: a message answers a call that no earlier message holds.
    """
    names: dict[str, str] = {}
    found = []
    for number, message in enumerate(messages):
        calls = tuple(call.plain() for call in message.tool_calls or ())
        names |= {call.id: call.name for call in calls}
        answers = message.tool_call_id or ""
        if answers and answers not in names:
            raise wrong_value(f"messages.{number}.tool_call_id", "no earlier message has a call with this id")
        role: Role = "system" if message.role == "developer" else message.role
        reasoning = message.reasoning_content or ""
        found.append(
            Message(role, message.content or "", (), calls, answers, names.get(answers, ""), reasoning=reasoning)
        )
    return found
