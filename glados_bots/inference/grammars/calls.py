"""The grammar of an answer that may hold calls, as one source of Lark for llguidance. Its rule is `answer`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from glados_bots.inference.grammars.closing import OPEN_OBJECTS, closed_object
from glados_bots.inference.grammars.sources import inline
from glados_bots.inference.tools.elements import Element, elements, text_of
from glados_bots.inference.tools.formats import ElementBody, JsonBody
from glados_bots.inference.tools.spelling import Spelling
from glados_bots.wire.events import Tool, ToolUse

CALL_RULE = "glados_call"
MOST_CALLS = 8  # in one answer: small models would repeat a call for ever


def source(use: ToolUse, spelling: Spelling, document: str = "") -> str:
    """The source. All its names but `answer` and `document` begin with `glados`.

    In the format of gpt-oss a call is a message beside the answer, so it has a rule of its own, CALL_RULE.

    Args:
        use: the tools, with checked schemas, and which of them may or must be called.
        spelling: the model's format.
        document: the source of the form that an answer without calls must have; its rule is `document`.

    Raises:
        ParameterRefusedError: a schema cannot be kept.
    """
    tools = [(number, tool) for number, tool in enumerate(use.tools) if tool.name in use.allowed]
    lines = list(_answer(use, spelling, has_document=bool(document)))
    if not use.required:
        lines += [document] if document else list(_text(spelling))
    if tools:
        lines += _calls(use, spelling, tools)
    return "\n".join(lines) + "\n"


def _answer(use: ToolUse, spelling: Spelling, *, has_document: bool) -> Iterator[str]:
    form = spelling.form
    call = f"{spelling.lark(form.mark)} glados_calls"
    words = "document" if has_document else "GLADOS_TEXT"
    if not use.allowed:
        yield f"answer: {words}"
    elif form.is_harmony:
        yield f"{CALL_RULE}: {call}"
        yield "" if use.required else f"answer: {words}"
    elif use.required:
        yield f"answer: {call}"
    elif has_document or not form.after_text:
        yield f"answer: {words} | {call}"
    elif spelling.is_token(form.mark):
        yield f"answer: {words} ({call})?"
    else:
        yield f"answer: {words} | glados_head glados_calls"


def _text(spelling: Spelling) -> Iterator[str]:
    """Text that holds no mark of a call. No text holds a special token."""
    form = spelling.form
    if spelling.is_token(form.mark):
        yield "GLADOS_TEXT: /(?s:.*)/"
        return
    before = "(?s:.*)" if form.after_text else ""
    yield f"GLADOS_TEXT: /(?s:.*)/ & ~/{before}{_pattern(form.mark)}(?s:.*)/"
    if form.after_text:
        yield f"glados_head[lazy]: /(?s:.*){_pattern(form.mark)}/"


def _calls(use: ToolUse, spelling: Spelling, tools: list[tuple[int, Tool]]) -> Iterator[str]:
    form, lark = spelling.form, spelling.lark
    more = f"({lark(form.between)} glados_tool){{0,{MOST_CALLS - 1}}}" if use.parallel and form.between else ""
    yield f"glados_calls: {lark(form.rest)} glados_tool {more} {lark(form.close)}"
    yield f"glados_tool: {' | '.join(f'glados_tool{number}' for number, _ in tools)}"
    for number, tool in tools:
        if isinstance(form.body, JsonBody):
            schema = inline(_arguments(tool.parameters))
            yield f"glados_tool{number}: {json.dumps(tool.name)} {lark(form.body.before)} {schema}"
        else:
            yield from _elements(number, tool, form.body, spelling)


def _elements(number: int, tool: Tool, body: ElementBody, spelling: Spelling) -> Iterator[str]:
    """Rules for the elements of one tool: those from the k-th on, if it is the first that comes, and if others came."""
    found, lark, name = elements(tool, body), spelling.lark, f"glados_tool{number}"
    yield f"{name}: {json.dumps(tool.name)} {name}_first0"
    for k, element in enumerate(found):
        yield f"{name}_item{k}: {lark(element.key + body.value)} {name}_value{k}"
        yield from _value(f"{name}_value{k}", element, body, spelling)
        for state, before in (("first", body.first), ("next", body.next.removeprefix(body.end))):
            skip = "" if element.is_required else f" | {name}_{state}{k + 1}"
            yield f"{name}_{state}{k}: {lark(before)} {name}_item{k} {name}_next{k + 1}{skip}"
    yield f"{name}_first{len(found)}: {lark(body.empty)}"
    yield f"{name}_next{len(found)}: {lark(body.last.removeprefix(body.end))}"


def _value(rule: str, element: Element, body: ElementBody, spelling: Spelling) -> Iterator[str]:
    """A value and the mark that ends it."""
    end = spelling.lark(body.end)
    if element.kind == "json":
        yield f"{rule}: {inline(element.schema)} {end}"
        return
    schema: Mapping[str, Any] = element.schema if element.kind == "text" else text_of(element.schema) or {}
    nothing = f" | {json.dumps('null')} {end}" if element.kind == "text_or_null" else ""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is not None:
        yield f"{rule}: ({' | '.join(map(json.dumps, values))}) {end}{nothing}"
        return
    yield f"{rule}: {rule}_text{nothing}"
    lengths = f"{schema.get('minLength', 0)},{schema.get('maxLength', '')}"
    if spelling.is_token(body.end):
        yield f"{rule}_text: /(?s:.{{{lengths}}})/ {end}"
        return
    mark = _pattern(body.end)
    yield f"{rule}_text[lazy]: {rule.upper()}"
    yield f"{rule.upper()}: (/(?s:.{{{lengths}}})/ & ~/(?s:.*){mark}(?s:.*)/) /{mark}/"


def _arguments(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of an object, closed if it says nothing of further properties."""
    if OPEN_OBJECTS & set(schema):
        return schema
    return closed_object({"properties": {}, **schema, "type": "object"})


def _pattern(text: str) -> str:
    """A regular expression of Lark for exactly this text."""
    return "".join(c if c.isascii() and c.isalnum() else f"\\x{{{ord(c):x}}}" for c in text)
