"""Requests of /v1/responses as the tests send them, and their replies as the tests read them."""

import json
from typing import Annotated, Any

import httpx
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import Field, TypeAdapter

from tests.inference.api.chat_requests import JSON

RESPONSES = "/v1/responses"
ADD = {
    "type": "function",
    "name": "add",
    "description": "Adds.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    },
}
EVENT: TypeAdapter[Any] = TypeAdapter(Annotated[ResponseStreamEvent, Field(discriminator="type")])


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "scripted", "input": "Hi", **fields}


async def asked(http: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    """A whole response. It has the fields that OpenAI's library requires."""
    response = await http.post(RESPONSES, json=body(**fields))
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    Response.model_validate(found)
    return found


async def streamed(http: httpx.AsyncClient, **fields: Any) -> list[dict[str, Any]]:
    """The events of a stream. Each has the fields that OpenAI's library requires, its number, and its name twice."""
    response = await http.post(RESPONSES, json=body(stream=True, **fields))
    assert response.status_code == 200, response.text
    found = []
    for event in response.text.split("\n\n"):
        if event and not event.startswith(":"):
            name, data = event.split("\n")
            found.append(json.loads(data.removeprefix("data: ")))
            EVENT.validate_python(found[-1])
            assert name == f"event: {found[-1]['type']}"
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


async def refused(http: httpx.AsyncClient, **fields: Any) -> tuple[str, str]:
    """(param, message) of the error of a request."""
    response = await http.post(RESPONSES, content=json.dumps(body(**fields)), headers=JSON)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["message"].startswith(f"{error['param']}: ")
    return error["param"], error["message"].removeprefix(f"{error['param']}: ")
