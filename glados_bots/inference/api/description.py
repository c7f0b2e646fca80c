"""What GET /openapi.json says about all routes: the form of their refusals, and which of them stream."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class ErrorObject(BaseModel):
    """OpenAI's error object; some codes add figures."""

    model_config = ConfigDict(extra="allow")

    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(BaseModel):
    """Body of every refusal."""

    error: ErrorObject


REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request is refused."},
    "5XX": {"model": ErrorBody, "description": "The service cannot answer now."},
}
# Of a route whose answers may be streamed as server-sent events.
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}}
}
