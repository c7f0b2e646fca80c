"""Requests as the tests send them."""

from typing import Any

CHAT = "/v1/chat/completions"
JSON = {"Content-Type": "application/json"}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}], **fields}
