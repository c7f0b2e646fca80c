"""The calls of one answer: the grammar that forces them, and the reader that finds them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.grammars import sources
from glados_bots.inference.grammars.calls import source
from glados_bots.inference.grammars.schemas import check
from glados_bots.inference.tools.elements import elements
from glados_bots.inference.tools.formats import ElementBody, ToolFormat
from glados_bots.inference.tools.messages import DEEPEST, depth
from glados_bots.inference.tools.reading import CallReader
from glados_bots.inference.tools.spelling import Spellings
from glados_bots.wire.events import Grammar, Sampling, Tool, ToolUse

RULE = re.compile(r"(?m)^answer(?=\s*[:\[])")


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one answer."""

    sampling: Sampling  # with the grammar that forces them
    reader: CallReader | None = None  # None if there can be none
    codes: Mapping[int, str] = field(default_factory=dict)  # the characters that stand for special tokens


def calls_of(sampling: Sampling, spellings: Spellings) -> Calls:
    """The grammar of one answer, and its reader. It takes time that grows with the schemas.

    Args:
        sampling: the request.
        spellings: the formats of the model.

    Raises:
        ParameterRefusedError: the schema of a tool, or the form of the answer, cannot be kept.
    """
    use = sampling.tools
    if use is None:
        return Calls(sampling)
    spelling = spellings.of(sampling)
    use = replace(use, tools=tuple(_checked(tool, use) for tool in use.tools))
    document = _document(sampling.grammar) if sampling.grammar else ""
    forced = replace(sampling, grammar=Grammar("lark", source(use, spelling, document), "tools"))
    reader = _reader(use, spelling.form, only_first=bool(document)) if use.allowed else None
    return Calls(forced, reader, spelling.codes)


def _document(grammar: Grammar) -> str:
    """The form of an answer without calls, as a source with the rule `document`."""
    if grammar.kind == "grammar":
        raise ParameterRefusedError(grammar.field, "a grammar is not offered beside tools; leave one of them out")
    return RULE.sub("document", sources.lark(grammar))


def _checked(tool: Tool, use: ToolUse) -> Tool:
    """The tool with the schema that the grammar keeps. A tool that may not be called needs none."""
    if depth(tool.parameters) > DEEPEST:
        raise ParameterRefusedError(tool.field, f"at most {DEEPEST} levels of objects and lists")
    if tool.name not in use.allowed:
        return tool
    schema = json.loads(json.dumps(tool.parameters))
    check(schema, tool.field)
    return replace(tool, parameters=schema)


def _reader(use: ToolUse, form: ToolFormat, *, only_first: bool) -> CallReader:
    tools = [tool for tool in use.tools if tool.name in use.allowed]
    kinds, body = {}, form.body
    if isinstance(body, ElementBody):
        kinds = {tool.name: {one.key: one.kind for one in elements(tool, body)} for tool in tools}
    return CallReader(form, kinds, only_first=only_first)
