"""What GET /openapi.json says about all routes: the form of their refusals, and which of them stream."""

from typing import Any

TEXT = {"type": "string"}
TEXT_OR_NULL = {"anyOf": [TEXT, {"type": "null"}]}
# OpenAI's error object. Some codes add figures.
ERROR = {
    "type": "object",
    "properties": {"message": TEXT, "type": TEXT, "param": TEXT_OR_NULL, "code": TEXT},
    "required": ["message", "type", "param", "code"],
}
ERROR_BODY = {"type": "object", "properties": {"error": ERROR}, "required": ["error"]}
# In JSON, whatever the route's good answers are
REFUSAL = {"content": {"application/json": {"schema": ERROR_BODY}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {**REFUSAL, "description": "The request is refused."},
    "5XX": {**REFUSAL, "description": "The service cannot answer now."},
}
# Of a route whose answers may be streamed as server-sent events
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}}
}
