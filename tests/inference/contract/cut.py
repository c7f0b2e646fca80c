"""Cuts OpenAI's published description of its API down to what this service serves.

    git clone https://github.com/openai/openai-openapi
    python -m tests.inference.contract.cut openai-openapi/openapi.json

What people read (descriptions, examples) goes, what programs check stays. LICENSE and README.md are about the result.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "openai.json"
PATHS = ("/chat/completions", "/completions", "/embeddings", "/models", "/models/{model}", "/responses")
# Operations on what OpenAI has stored. Nothing is stored here.
LEFT_OUT = {("/chat/completions", "get"), ("/models/{model}", "delete")}
FOR_PEOPLE = {"description", "example", "examples", "summary", "tags", "title", "externalDocs", "deprecated"}
# The document defines it, and leaves open where it is answered.
REFUSED = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}}
NAMED = {"properties", "schemas"}  # here a name is a field's, whatever it is


def cut(whole: dict[str, Any]) -> dict[str, Any]:
    """The description of our paths, and of the schemas that they need."""
    paths = {
        path: {
            method: without_prose(operation)
            | {"responses": {"200": without_prose(operation["responses"]["200"]), "4XX": REFUSED}}
            for method, operation in whole["paths"][path].items()
            if (path, method) not in LEFT_OUT
        }
        for path in PATHS
    }
    schemas: dict[str, Any] = {}
    waiting = list(references(paths))
    while waiting:
        name = waiting.pop()
        if name not in schemas:
            schemas[name] = without_prose(whole["components"]["schemas"][name])
            waiting.extend(references(schemas[name]))
    return {
        "openapi": whole["openapi"],
        "info": {key: whole["info"][key] for key in ("title", "version", "license")},
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def without_prose(value: Any, *, named: bool = False) -> Any:
    """Args: named: the keys of `value` are names of fields or schemas."""
    if isinstance(value, list):
        return [without_prose(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: without_prose(each, named=not named and key in NAMED)
        for key, each in value.items()
        if named or not (key in FOR_PEOPLE or key.startswith("x-"))
    }


def references(value: Any) -> Iterator[str]:
    """The names of the schemas to which `value` refers."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.rpartition("/")[2]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


if __name__ == "__main__":
    RESULT.write_text(json.dumps(cut(json.loads(Path(sys.argv[1]).read_text())), indent=1) + "\n", encoding="utf-8")
