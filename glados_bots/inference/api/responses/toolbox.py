"""The tools of one request as the model knows them, and their names and kinds as the client knows them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glados_bots.inference.api.chat.tools import MOST_TOOLS
from glados_bots.inference.api.errors import wrong_value
from glados_bots.inference.api.responses.tools import (
    AllowedTools,
    AnyTool,
    CustomTool,
    FunctionTool,
    NamedTool,
    Namespace,
    ToolChoice,
)
from glados_bots.wire.events import Tool, ToolUse


@dataclass(frozen=True, slots=True)
class Known:
    """A tool as the client knows it."""

    name: str
    namespace: str | None = None
    is_custom: bool = False


def for_model(name: str, namespace: str | None) -> str:
    """The name by which the model knows a tool."""
    return f"{namespace}__{name}" if namespace else name


class Toolbox:
    """The tools of one request. Raises ApiError if there are too many, or if two of them have the same name."""

    def __init__(self, tools: Sequence[AnyTool]) -> None:
        self._tools: list[Tool] = []
        self._known: dict[str, Known] = {}
        for place, tool, namespace in _placed(tools):
            name = for_model(tool.name, namespace)
            if name in self._known:
                raise wrong_value(f"{place}.name", "another tool has this name; give it another one")
            self._known[name] = Known(tool.name, namespace, isinstance(tool, CustomTool))
            if len(self._tools) == MOST_TOOLS:
                raise wrong_value("tools", f"at most {MOST_TOOLS} tools, with those in namespaces")
            self._tools.append(tool.for_model(name, place))

    def known(self, name: str) -> Known:
        """The tool that the model knows by this name."""
        return self._known.get(name) or Known(name)

    def use(self, choice: ToolChoice | None, *, parallel: bool) -> ToolUse | None:
        """How the model may use the tools; None without tools.

        Raises:
            ApiError: the choice names a tool that the request does not have.
        """
        required, allowed = self._chosen(choice)
        if not self._tools:
            if required:
                raise wrong_value("tool_choice", "there are no tools to call; give some in tools")
            return None
        parallel = parallel and not isinstance(choice, NamedTool)  # a choice by name is one call
        return ToolUse(tuple(self._tools), allowed, required, parallel)

    def _chosen(self, choice: ToolChoice | None) -> tuple[bool, frozenset[str]]:
        """(whether the answer must be a call, the names that may be called)."""
        match choice:
            case NamedTool():
                return True, self._names([choice])
            case AllowedTools(mode=mode, tools=tools):
                return mode == "required", self._names(tools)
            case "none":
                return False, frozenset()
        return choice == "required", frozenset(self._known)

    def _names(self, tools: Sequence[NamedTool]) -> frozenset[str]:
        names = frozenset(for_model(tool.name, tool.namespace) for tool in tools)
        if not names <= self._known.keys():
            raise wrong_value("tool_choice", "it names a tool that is not in tools")
        return names


def _placed(tools: Sequence[AnyTool]) -> Iterator[tuple[str, FunctionTool | CustomTool, str | None]]:
    """Each tool that the model can call: its place in the request, the tool, and its namespace."""
    for index, tool in enumerate(tools):
        if isinstance(tool, FunctionTool | CustomTool):
            yield f"tools.{index}", tool, None
        elif isinstance(tool, Namespace):
            for inner, one in enumerate(tool.tools):
                yield f"tools.{index}.tools.{inner}", one, tool.name
