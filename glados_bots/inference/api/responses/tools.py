"""The tools of a request: functions, custom tools that take a text, and namespaces that hold both.

The model sees functions only. A custom tool is a function with one text. A tool of a namespace has the namespace in its
name. The answer has the client's own names and kinds again.

Codex always sends some tools that only OpenAI's servers can run. They are left out.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from glados_bots.inference.api.chat.tools import MOST_TOOLS, Function, Name
from glados_bots.inference.api.checking import StrictSchema, Text
from glados_bots.inference.api.responses.kinds import one_of, reader
from glados_bots.wire.events import Tool

INPUT = "input"  # the one argument of a custom tool
HARMLESS = frozenset("allowed_callers async defer_loading output_schema".split())
Description = Annotated[Text, Field(max_length=100_000)]


class FunctionTool(Function):
    """A function, in the flat form."""

    harmless = HARMLESS

    type: Literal["function"]

    def for_model(self, name: str, place: str) -> Tool:
        return Tool(name, self.description or "", self.parameters or {}, bool(self.strict), f"{place}.parameters")

    def told(self) -> dict[str, Any]:
        """The tool as the response repeats it: OpenAI's schema requires two fields that a request may leave out."""
        return {**self.model_dump(exclude_none=True), "parameters": self.parameters, "strict": self.strict}


class PlainFormat(StrictSchema):
    """Any text."""

    type: Literal["text"]


class GrammarFormat(StrictSchema):
    """A text of this form. A regular expression is forced. A Lark grammar is not: the model only reads it."""

    type: Literal["grammar"]
    syntax: Literal["lark", "regex"]
    definition: Description


class CustomTool(StrictSchema):
    """A tool that takes a text."""

    harmless = HARMLESS

    type: Literal["custom"]
    name: Name
    description: Description | None = None
    format: Annotated[PlainFormat | GrammarFormat, one_of(PlainFormat, GrammarFormat)] | None = None

    def for_model(self, name: str, place: str) -> Tool:
        described, text = self.description or "", {"type": "string"}
        if isinstance(self.format, GrammarFormat):
            described += f"\n\nThe form of `{INPUT}` ({self.format.syntax}):\n{self.format.definition}"
            if self.format.syntax == "regex":
                text["pattern"] = f"^(?:{self.format.definition})$"
        schema = {"type": "object", "properties": {INPUT: text}, "required": [INPUT], "additionalProperties": False}
        return Tool(name, described, schema, strict=True, field=place)

    def told(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


Callable = Annotated[FunctionTool | CustomTool, one_of(FunctionTool, CustomTool)]


class Namespace(StrictSchema):
    """Tools whose names hold within their namespace."""

    type: Literal["namespace"]
    name: Name
    description: Description | None = None
    tools: list[Callable] = Field(max_length=MOST_TOOLS)

    def told(self) -> dict[str, Any]:
        return {**self.model_dump(exclude_none=True), "tools": [tool.told() for tool in self.tools]}


class LeftOut(BaseModel):
    """A tool of OpenAI's servers that Codex sends by itself, so that nobody asks us for it.

    Only Codex says whether its search may use the internet, and that the client itself searches tools.
    """

    model_config = ConfigDict(extra="allow")

    type: Literal["tool_search", "web_search"]

    @model_validator(mode="after")
    def _is_of_codex(self) -> "LeftOut":
        more = self.model_extra or {}
        if "external_web_access" not in more and more.get("execution") != "client":
            raise ValueError("this service cannot search; leave it out")
        return self


AnyTool = Annotated[
    FunctionTool | CustomTool | Namespace | LeftOut, one_of(FunctionTool, CustomTool, Namespace, LeftOut)
]


class NamedTool(StrictSchema):
    """A `tool_choice` that names a tool."""

    type: Literal["function", "custom"]
    name: Name
    namespace: Name | None = None


class AllowedTools(StrictSchema):
    """A `tool_choice` of some tools."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: list[NamedTool] = Field(max_length=MOST_TOOLS)


Mode = Literal["none", "auto", "required"]


def _choice(value: Any) -> Any:
    if isinstance(value, str):
        if value not in get_args(Mode):
            raise ValueError(f"give {', '.join(get_args(Mode))} or an object")
        return value
    return _object(value)


_object = reader(NamedTool, AllowedTools)
ToolChoice = Annotated[Mode | NamedTool | AllowedTools, BeforeValidator(_choice)]
