"""The engine's messages of a request's items: an answer of the model is one message, whatever items it came in."""

import json
from collections.abc import Sequence

from glados_bots.conversation import Message, Role, ToolCall
from glados_bots.inference.api.checking import TOO_LONG, are_too_long
from glados_bots.inference.api.costs import texts_of
from glados_bots.inference.api.errors import wrong_value
from glados_bots.inference.api.picture_parts import PicturePart
from glados_bots.inference.api.responses.items import (
    CallItem,
    CustomCallItem,
    Item,
    MessageItem,
    Part,
    PicturePartOfInput,
    ReasoningItem,
    ResultItem,
)
from glados_bots.inference.api.responses.toolbox import for_model
from glados_bots.inference.api.responses.tools import INPUT

GAP = "\n\n"  # between texts of one answer


class Conversation:
    """The messages of a request, and the pictures in them.

    Raises ApiError if an item answers a call that no earlier item holds, if somebody else than a user shows a picture,
    if nothing is said, or if all is too long.

    Args:
        instructions: the text before all items; empty for none.
        items: the request's input.
    """

    def __init__(self, instructions: str, items: Sequence[Item]) -> None:
        self.messages = [Message("system", instructions)] if instructions else []
        self.pictures: list[PicturePart] = []
        self._called: dict[str, str] = {}  # names of the tools that were called, by the call's id
        self._answer = _Answer()
        for index, item in enumerate(items):
            self._add(item, f"input.{index}")
        self._end_answer()
        if not (self.pictures or any(message.content.strip() or message.role == "tool" for message in self.messages)):
            raise wrong_value("input", "give at least one message with text")
        if are_too_long(text for message in self.messages for text in texts_of(message)):
            raise wrong_value("input", TOO_LONG)

    def _add(self, item: Item, place: str) -> None:
        if isinstance(item, MessageItem) and item.role != "user":
            _refuse_pictures(item.content, f"{place}.content")
        match item:
            case ReasoningItem():
                self._answer.reasoning.append(item.text)
            case MessageItem(role="assistant"):
                self._answer.texts.append(_text(item.content))
            case CallItem() | CustomCallItem():
                call = _call(item)
                self._called[call.id] = call.name
                self._answer.calls.append(call)
            case ResultItem():
                self._end_answer()
                self._add_result(item, place)
            case MessageItem():
                self._end_answer()
                self._say("user" if item.role == "user" else "system", item.content, f"{place}.content")

    def _add_result(self, item: ResultItem, place: str) -> None:
        """Add a tool's result. Its pictures become a message of the user's, because templates show no others."""
        name = self._called.get(item.call_id)
        if name is None:
            raise wrong_value(f"{place}.call_id", "no earlier item of input is a call with this id")
        self.messages.append(Message("tool", _text(item.output), tool_call_id=item.call_id, name=name))
        if any(isinstance(part, PicturePartOfInput) for part in item.output):
            self._say("user", item.output, f"{place}.output", with_text=False)

    def _say(self, role: Role, parts: Sequence[Part], place: str, *, with_text: bool = True) -> None:
        for number, part in enumerate(parts):
            if isinstance(part, PicturePartOfInput):
                self.pictures.append(PicturePart(len(self.messages), f"{place}.{number}.image_url", part.image_url))
        self.messages.append(Message(role, _text(parts) if with_text else ""))

    def _end_answer(self) -> None:
        if not self._answer.is_empty:
            self.messages.append(self._answer.message())
        self._answer = _Answer()


class _Answer:
    """The items of one answer of the model so far."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.reasoning: list[str] = []
        self.calls: list[ToolCall] = []

    @property
    def is_empty(self) -> bool:
        return not (self.texts or self.calls)  # reasoning without an answer says nothing

    def message(self) -> Message:
        reasoning = GAP.join(filter(None, self.reasoning))
        return Message("assistant", GAP.join(self.texts), tool_calls=tuple(self.calls), reasoning=reasoning)


def _call(item: CallItem | CustomCallItem) -> ToolCall:
    arguments = item.arguments if isinstance(item, CallItem) else json.dumps({INPUT: item.input})
    return ToolCall(item.call_id, for_model(item.name, item.namespace), arguments or "{}")


def _refuse_pictures(parts: Sequence[Part], place: str) -> None:
    for number, part in enumerate(parts):
        if isinstance(part, PicturePartOfInput):
            raise wrong_value(f"{place}.{number}", "only a user's message may hold pictures")


def _text(parts: Sequence[Part]) -> str:
    return "\n".join(part.text for part in parts if not isinstance(part, PicturePartOfInput))
