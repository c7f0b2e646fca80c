"""OpenAI's published schema (openai.json) as requests to make, and as a judge of replies."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import schemathesis
from schemathesis.core.result import Ok

from tests.fakes.embedder import ScriptedEmbedder

MODEL = "echo"
# By path: a request with these and nothing else is a right one.
PLAIN: dict[str, dict[str, Any]] = {
    "/chat/completions": {"model": MODEL, "messages": [{"role": "user", "content": "Good morning to you"}]},
    "/completions": {"model": MODEL, "prompt": "Good morning to you"},
    "/embeddings": {"model": ScriptedEmbedder.model, "input": "Good morning to you"},
    "/responses": {"model": MODEL, "input": "Good morning to you"},
}
TOOLS = {
    "/chat/completions": [{"type": "function", "function": {"name": "look"}}],
    "/responses": [{"type": "function", "name": "look", "parameters": None, "strict": False}],
}


def companions(path: str, field: str) -> dict[str, Any]:
    """What else a request needs for one of its fields to mean anything."""
    match field:
        case "stream_options":
            return {"stream": True}
        case "tool_choice" if path in TOOLS:
            return {"tools": TOOLS[path]}
        case "top_logprobs" if path == "/chat/completions":
            return {"logprobs": True}
    return {}


JSON, STREAM = "application/json", "text/event-stream"
STREAMED_AS_WHOLE = {"/completions": "CreateCompletionResponse"}  # the document names no schema of its events


def _modern(value: Any) -> Any:
    """The schema without `nullable`, which JSON Schema does not know and the document still has in places."""
    if isinstance(value, list):
        return [_modern(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {key: _modern(each) for key, each in value.items() if key != "nullable" or isinstance(each, dict)}
    return {"anyOf": [plain, {"type": "null"}]} if value.get("nullable") is True else plain


DOCUMENT: dict[str, Any] = _modern(json.loads((Path(__file__).parent / "openai.json").read_text(encoding="utf-8")))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
# OpenAI answers `encoding_format: base64` with a string, as its clients expect; its schema knows only the list.
VECTOR = SCHEMAS["Embedding"]["properties"]
VECTOR["embedding"] = {"anyOf": [VECTOR["embedding"], {"type": "string", "contentEncoding": "base64"}]}


def _allow_nulls() -> None:
    """Let completions have the nulls that OpenAI sends: of chunks that are not the last, and of a prompt's first token.

    They are no part of the published schema.
    """
    choice = SCHEMAS["CreateCompletionResponse"]["properties"]["choices"]["items"]["properties"]
    scores = next(each["properties"] for each in choice["logprobs"]["anyOf"] if "properties" in each)
    choice["finish_reason"] = {"anyOf": [choice["finish_reason"], {"type": "null"}]}
    for name in ("token_logprobs", "top_logprobs"):
        scores[name]["items"] = {"anyOf": [scores[name]["items"], {"type": "null"}]}


_allow_nulls()


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and all that it takes in by `$ref` and `allOf`."""
    if reference := schema.get("$ref"):
        yield from _parts(SCHEMAS[reference.rpartition("/")[2]])
    for part in schema.get("allOf", ()):
        yield from _parts(part)
    yield schema


def fields(path: str) -> dict[str, Any]:
    """All fields of a request, with their schemas."""
    body = DOCUMENT["paths"][path]["post"]["requestBody"]["content"][JSON]["schema"]
    return {name: schema for part in _parts(body) for name, schema in part.get("properties", {}).items()}


@cache
def _strict_schemas() -> dict[str, Any]:
    """The schemas, with no field allowed that they do not name: an invented one is refused, and tells nothing."""
    inside = {part["$ref"].rpartition("/")[2] for part in _all_of(SCHEMAS) if "$ref" in part}
    return {name: schema if name in inside else _strict(schema) for name, schema in SCHEMAS.items()}


def _all_of(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield from value["allOf"] if isinstance(value.get("allOf"), list) else ()
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _all_of(each)


def _strict(value: Any) -> Any:
    if isinstance(value, list):
        return [_strict(each) for each in value]
    if not isinstance(value, dict):
        return value
    told = {key: each if key == "allOf" else _strict(each) for key, each in value.items()}
    return {"additionalProperties": False, **told} if isinstance(told.get("properties"), dict) else told


def operation(path: str, asked: Sequence[str]) -> Any:
    """An operation of schemathesis whose requests have the fields `asked`, and those that they need.

    A request may leave out a field that is asked with a `?` behind its name.
    """
    published = fields(path)
    named = {name.rstrip("?"): _strict(published[name.rstrip("?")]) for name in asked if name != "model"}
    given = dict(PLAIN[path])
    for name in asked:
        given |= companions(path, name)
    plain = {name: {"const": value} for name, value in given.items() if name not in named}
    needed = sorted({name for name in (*plain, *asked) if not name.endswith("?")})
    body = {"type": "object", "properties": plain | named, "required": needed, "additionalProperties": False}
    post = {"requestBody": {"content": {JSON: {"schema": body}}, "required": True}, "responses": {"200": {}}}
    document = {
        **{key: DOCUMENT[key] for key in ("openapi", "info")},
        "paths": {path: {"post": post}},
        "components": {"schemas": _strict_schemas()},
    }
    (made,) = schemathesis.openapi.from_dict(document).get_all_operations()
    return cast("Ok[Any]", made).ok()


@cache
def _judge(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}})


@cache
def _events() -> dict[str, str]:
    """The schema of each event of a streamed response, by its type."""
    names = [each["$ref"].rpartition("/")[2] for each in SCHEMAS["ResponseStreamEvent"]["anyOf"]]
    return {SCHEMAS[name]["properties"]["type"]["enum"][0]: name for name in names}


def wrong(reply: Any, name: str) -> str:
    """The first thing by which a reply does not fit a schema; nothing if it fits."""
    name = _events()[reply["type"]] if name == "ResponseStreamEvent" else name
    errors = _judge(name).iter_errors(reply)
    return next((f"{name}{error.instance_path}: {error.message[:400]}" for error in errors), "")


def schema_of(path: str, method: str, kind: str) -> str:
    """The name of the schema of good replies of one kind."""
    content = DOCUMENT["paths"][path][method]["responses"]["200"]["content"]
    if kind == STREAM and kind not in content:
        return STREAMED_AS_WHOLE[path]
    return str(content[kind]["schema"]["$ref"].rpartition("/")[2])
