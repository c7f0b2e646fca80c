"""Tools in plain text, for models whose chat template knows none, or writes calls in a form that we do not know.

The tools stand in the system text, calls in the assistant's text, and results in the user's. `formats.ENVELOPE` is the
form of a call.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from glados_bots.conversation import Message
from glados_bots.inference.tools.messages import arguments_of, definition
from glados_bots.wire.events import ToolUse

MANUAL = """# Tools

You can call these tools. Each line has a name, a description, and the JSON schema of the arguments:

{tools}

A call is a JSON object between two marks. Nothing follows it but another call:

<tool_call>
{{"name": "NAME", "arguments": {{}}}}
</tool_call>

A result comes back between <tool_response> and </tool_response>.{wish}"""
MUST, MUST_NOT = "\n\nAnswer with a call of a tool.", "\n\nAnswer without calling a tool."


def in_text(messages: Sequence[Message], use: ToolUse | None, safe: Callable[[str], str]) -> list[Message]:
    """The conversation without tools, calls and results: all stand in texts.

    Args:
        messages: the conversation.
        use: the tools.
        safe: breaks the marks of calls and results in people's words.
    """
    told = [_told(message, safe) for message in messages]
    if use is None or not use.tools:
        return told
    manual = _manual(use, safe)
    if told[:1] and told[0].role == "system":
        return [replace(told[0], content=f"{told[0].content}\n\n{manual}"), *told[1:]]
    return [Message("system", manual), *told]


def _manual(use: ToolUse, safe: Callable[[str], str]) -> str:
    lines = [safe(json.dumps(definition(tool)["function"], ensure_ascii=False)) for tool in use.tools]
    wish = MUST if use.required else "" if use.allowed else MUST_NOT
    return MANUAL.format(tools="\n".join(lines), wish=wish)


def _told(message: Message, safe: Callable[[str], str]) -> Message:
    content = safe(message.content)
    if message.role == "tool":
        return Message("user", f"<tool_response>\n{content}\n</tool_response>")
    if not message.tool_calls:
        return replace(message, content=content)
    calls = [{"name": call.name, "arguments": arguments_of(call)} for call in message.tool_calls]
    written = [f"<tool_call>\n{safe(json.dumps(call, ensure_ascii=False))}\n</tool_call>" for call in calls]
    return Message("assistant", "\n".join(filter(None, [content, *written])), reasoning=message.reasoning)
