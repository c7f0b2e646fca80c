"""The tools of a request, and which of them the model may or must call.

Source: the OpenAI API reference, "Create chat completion": tools, tool_choice, parallel_tool_calls.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from glados_bots.inference.api.checking import StrictSchema, Text, well_formed
from glados_bots.inference.api.errors import wrong_value
from glados_bots.inference.api.remedies import REPLACED
from glados_bots.inference.tools.messages import DEEPEST, depth
from glados_bots.wire.events import Tool, ToolUse

MOST_TOOLS = 128  # OpenAI's
LONGEST_NAME = 64  # OpenAI's
WORDS = ("none", "auto", "required")
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def is_name(name: str) -> str:
    if not 0 < len(name) <= LONGEST_NAME or not set(name) <= LETTERS:
        raise ValueError(f"a name has 1 to {LONGEST_NAME} letters, digits, _ and -; give it another name")
    return name


def _few(tools: Any) -> Any:
    if isinstance(tools, list) and len(tools) > MOST_TOOLS:
        raise ValueError(f"at most {MOST_TOOLS} tools; {len(tools)} were sent")
    return tools


def _describes_an_object(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type", "object") != "object":
        raise ValueError('arguments are an object; write "type": "object"')
    if depth(schema) > DEEPEST:
        raise ValueError(f"at most {DEEPEST} levels of objects and lists")
    well_formed(json.dumps(schema, ensure_ascii=False))
    return schema


def _replaced(value: Any) -> Any:
    if value not in (None, [], "none", "auto"):
        raise ValueError(REPLACED)
    return value


Name = Annotated[Text, AfterValidator(is_name)]
Replaced = Annotated[Any, AfterValidator(_replaced)]


class Function(StrictSchema):
    """A function that the model may call."""

    name: Name
    description: Text | None = None
    parameters: Annotated[dict[str, Any], AfterValidator(_describes_an_object)] | None = None
    strict: bool | None = None


class FunctionTool(StrictSchema):
    """A tool."""

    harmless = frozenset(["cache_control"])

    type: Literal["function"]
    function: Function


class Named(StrictSchema):
    """A function by its name."""

    name: Name


class NamedTool(StrictSchema):
    """The tool that the model must call."""

    type: Literal["function"]
    function: Named


class Allowed(StrictSchema):
    """Some of the tools."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Field(min_length=1, max_length=MOST_TOOLS)]


class AllowedTools(StrictSchema):
    """The tools that the model may call, or one of which it must call."""

    type: Literal["allowed_tools"]
    allowed_tools: Allowed


def _chosen(value: Any) -> Any:
    """The choice by its kind, so that an error names the place in this kind only."""
    kinds: dict[str, type[NamedTool | AllowedTools]] = {"function": NamedTool, "allowed_tools": AllowedTools}
    if isinstance(value, dict) and value.get("type") in kinds:
        return kinds[value["type"]].model_validate(value)
    if value not in WORDS:
        raise ValueError('give "none", "auto", "required", or a function by its name')
    return value


Tools = Annotated[list[FunctionTool], BeforeValidator(_few)]
ToolChoice = Annotated[Literal["none", "auto", "required"] | NamedTool | AllowedTools, BeforeValidator(_chosen)]


def tool_use(tools: Sequence[FunctionTool], choice: ToolChoice | None, *, parallel: bool) -> ToolUse | None:
    """How the model may use the tools; None without tools.

    Raises:
        ApiError: two tools have one name, or the choice names no tool of the request.
    """
    names = [tool.function.name for tool in tools]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise wrong_value(f"tools.{number}.function.name", "another tool has this name; give it another one")
    required, wanted = _wish(choice)
    if not tools and (required or wanted):
        raise wrong_value("tool_choice", "there are no tools to call; give some in tools")
    if not set(wanted or ()) <= set(names):
        raise wrong_value("tool_choice", "it names a tool that is not in tools")
    allowed = frozenset(names if wanted is None else wanted)
    parallel = parallel and not isinstance(choice, NamedTool)  # a choice by name is one call
    return ToolUse(tuple(map(_plain, enumerate(tools))), allowed, required, parallel) if tools else None


def _wish(choice: ToolChoice | None) -> tuple[bool, list[str] | None]:
    """(whether the model must call, the names that it may call; None for all)."""
    match choice:
        case NamedTool():
            return True, [choice.function.name]
        case AllowedTools():
            chosen = choice.allowed_tools
            return chosen.mode == "required", [tool.function.name for tool in chosen.tools]
    return choice == "required", [] if choice == "none" else None


def _plain(placed: tuple[int, FunctionTool]) -> Tool:
    number, tool = placed
    said = tool.function
    place = f"tools.{number}.function.parameters"
    return Tool(said.name, said.description or "", said.parameters or {}, bool(said.strict), place)
