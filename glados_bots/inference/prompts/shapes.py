"""Shapes of a conversation for templates that refuse some: see `chat_template.py`."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from glados_bots.conversation import Message

GAP = "\n\n"  # between texts that are joined


def merged(messages: Sequence[Message]) -> list[Message]:
    """All system texts in front, joined into one message; neighbours of one role are joined too."""
    system = [message for message in messages if message.role == "system"]
    others = [message for message in messages if message.role != "system"]
    groups = [list(group) for _, group in groupby(enumerate([*system, *others]), key=_neighbour)]
    return [_joined([message for _, message in group]) for group in groups]


def folded(messages: Sequence[Message]) -> list[Message]:
    """The merged messages, with the system text at the beginning of the first question."""
    whole = merged(messages)
    if whole[0].role != "system" or len(whole) == 1:
        return whole
    system, *rest = whole
    place = next((index for index, message in enumerate(rest) if message.role == "user"), 0)
    question = replace(rest[place], content=system.content + GAP + rest[place].content)
    return [*rest[:place], question, *rest[place + 1 :]]


def with_answers(messages: Sequence[Message]) -> list[Message]:
    """The messages with an empty answer between the result of a tool and a question."""
    found: list[Message] = []
    for message in messages:
        if message.role == "user" and found and found[-1].role == "tool":
            found.append(Message("assistant", ""))
        found.append(message)
    return found


def _neighbour(placed: tuple[int, Message]) -> tuple[str, int]:
    """What equals for neighbours that can be joined. Calls and results cannot."""
    place, message = placed
    return message.role, place if message.tool_calls or message.role == "tool" else -1


def _joined(messages: Sequence[Message]) -> Message:
    if len(messages) == 1:
        return messages[0]
    pictures = tuple(picture for message in messages for picture in message.pictures)
    reasoning = GAP.join(message.reasoning for message in messages if message.reasoning)
    return Message(messages[0].role, GAP.join(one.content for one in messages), pictures, reasoning=reasoning)
