"""Tools, calls and results as chat templates know them: transformers' form of OpenAI's fields.

Ids of calls become numbers of nine digits. Some templates refuse all other ids, and an id is a text of the client.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from glados_bots.conversation import Message, ToolCall
from glados_bots.wire.events import Tool

DEEPEST = 64  # levels of JSON; templates recurse
NO_JSON = "input"  # the argument's name for arguments that are no JSON object
Change = Callable[[str], str]


def tool_fields(messages: Sequence[Message], *, as_text: bool) -> Iterator[dict[str, Any]]:
    """For each message, what a template gets besides its role and content."""
    ids: dict[str, str] = {}
    for message in messages:
        fields: dict[str, Any] = {}
        if message.tool_calls:
            for call in message.tool_calls:
                ids[call.id] = f"{len(ids):09d}"
            fields["tool_calls"] = [_call(call, ids[call.id], as_text=as_text) for call in message.tool_calls]
        if message.tool_call_id:
            fields |= {"tool_call_id": ids.get(message.tool_call_id, "0" * 9), "name": message.name}
        yield fields


def _call(call: ToolCall, number: str, *, as_text: bool) -> dict[str, Any]:
    arguments = json.dumps(arguments_of(call), ensure_ascii=False) if as_text else arguments_of(call)
    return {"id": number, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def definition(tool: Tool) -> dict[str, Any]:
    """A tool as a template knows it."""
    parameters = {"type": "object", "properties": {}, **tool.parameters}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """The arguments of a call. What is no JSON object, or one too deep, stands in an object as a text.

    Half of a surrogate pair, which JSON can hold, becomes a question mark.
    """
    try:
        found = json.loads(call.arguments or "{}", parse_constant=_no_number)
        if isinstance(found, dict) and depth(found) <= DEEPEST:
            return dict(changed(found, str))
    except (ValueError, RecursionError):
        pass
    return {NO_JSON: call.arguments}


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def depth(value: Any) -> int:
    """Levels of a JSON value, at most DEEPEST + 1."""
    levels, below = 0, [value]
    while levels <= DEEPEST:
        below = [one for found in below for one in _children(found)]
        if not below:
            break
        levels += 1
    return levels


def _children(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values()) or [None]
    return (value or [None]) if isinstance(value, list) else ()


def changed_calls(message: Message, change: Change) -> Message:
    """The message after a change of each text in its calls. Numbers, and what is neither text nor key, stay."""
    if not message.tool_calls and not message.name:
        return message
    calls = tuple(
        replace(call, name=change(call.name), arguments=json.dumps(changed(arguments_of(call), change)))
        for call in message.tool_calls
    )
    return replace(message, tool_calls=calls, name=change(message.name))


def changed_tool(tool: Tool, change: Change) -> Tool:
    return replace(
        tool,
        name=change(tool.name),
        description=change(tool.description),
        parameters=changed(tool.parameters, change),
    )


def changed(value: Any, change: Change) -> Any:
    """A JSON value of at most DEEPEST levels after a change of each of its texts and keys."""
    if isinstance(value, str):
        return change(value.encode(errors="replace").decode())
    if isinstance(value, list):
        return [changed(one, change) for one in value]
    if isinstance(value, dict):
        return {changed(key, change): changed(one, change) for key, one in value.items()}
    return value


def one_call_each(messages: Sequence[Message]) -> list[Message]:
    """The messages with one call per message, each before its result: for templates that know no other shape."""
    shaped: list[Message] = []
    messages = list(messages)
    while messages:
        message = messages.pop(0)
        results = []
        while message.tool_calls and messages and messages[0].role == "tool":
            results.append(messages.pop(0))
        if len(message.tool_calls) < 2:  # noqa: PLR2004
            shaped += [message, *results]
            continue
        for number, call in enumerate(message.tool_calls):
            said = message if not number else replace(message, content="", reasoning="")
            answers = [one for one in results if one.tool_call_id == call.id]
            shaped += [replace(said, tool_calls=(call,)), *answers]
    return shaped
