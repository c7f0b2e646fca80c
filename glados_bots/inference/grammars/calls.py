"""The grammar of an answer that may hold calls, as one source of Lark for llguidance. Its rule is `answer`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from glados_bots.inference.grammars.sources import inline
from glados_bots.inference.tools.elements import Element, elements, text_of
from glados_bots.inference.tools.formats import ElementBody, JsonBody
from glados_bots.inference.tools.spelling import Spelling
from glados_bots.wire.events import Tool, ToolUse

# What decides more about an object than its properties do
OPEN_OBJECTS = frozenset(
    "additionalProperties patternProperties minProperties propertyNames $ref allOf anyOf oneOf".split()
)


def source(use: ToolUse, spelling: Spelling, document: str = "") -> str:
    """The source.

    Args:
        use: the tools, with checked schemas, and which of them may or must be called.
        spelling: the model's format.
        document: the source of the form that an answer without calls must have; its rule is `document`.

    Raises:
        ParameterRefusedError: a schema cannot be kept.
    """
    tools = [(number, tool) for number, tool in enumerate(use.tools) if tool.name in use.allowed]
    lines = [f"answer: {_answer(use, spelling, document)}"]
    if not use.required:
        lines += [document] if document else list(_text(spelling))
    if tools:
        lines += _calls(use, spelling, tools)
    return "\n".join(lines) + "\n"


def _answer(use: ToolUse, spelling: Spelling, document: str) -> str:
    form = spelling.form
    call = f"{spelling.lark(form.mark)} calls"
    if use.required:
        return call
    words = "document" if document else "TEXT"
    if not use.allowed:
        return words
    if document or not form.after_text:
        return f"{words} | {call}"
    return f"TEXT ({call})?" if spelling.is_token(form.mark) else "TEXT | head calls"


def _text(spelling: Spelling) -> Iterator[str]:
    """Text that holds no mark of a call. No text holds a special token."""
    form = spelling.form
    if spelling.is_token(form.mark):
        yield "TEXT: /(?s:.*)/"
        return
    before = "(?s:.*)" if form.after_text else ""
    yield f"TEXT: /(?s:.*)/ & ~/{before}{_pattern(form.mark)}(?s:.*)/"
    if form.after_text:
        yield f"head[lazy]: /(?s:.*){_pattern(form.mark)}/"


def _calls(use: ToolUse, spelling: Spelling, tools: list[tuple[int, Tool]]) -> Iterator[str]:
    form, lark = spelling.form, spelling.lark
    more = f"({lark(form.between)} call)*" if use.parallel and form.between else ""
    yield f"calls: {lark(form.rest)} call {more} {lark(form.close)}"
    yield f"call: {' | '.join(f'tool{number}' for number, _ in tools)}"
    for number, tool in tools:
        if isinstance(form.body, JsonBody):
            schema = inline(closed(tool.parameters))
            yield f"tool{number}: {json.dumps(tool.name)} {lark(form.body.before)} {schema}"
        else:
            yield from _elements(number, tool, form.body, spelling)


def _elements(number: int, tool: Tool, body: ElementBody, spelling: Spelling) -> Iterator[str]:
    """Rules for the elements of one tool: those from the k-th on, if it is the first that comes, and if others came."""
    found, lark, name = elements(tool), spelling.lark, f"tool{number}"
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


def closed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of an object without further properties, if it does not speak of them.

    All that it takes fits the schema. A small model that may invent arguments would do so.
    """
    if OPEN_OBJECTS & set(schema):
        return schema
    return {"properties": {}, **schema, "type": "object", "additionalProperties": False}


def _pattern(text: str) -> str:
    """A regular expression of Lark for exactly this text."""
    return "".join(c if c.isascii() and c.isalnum() else f"\\x{{{ord(c):x}}}" for c in text)
