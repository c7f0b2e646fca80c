"""Slack's refusals: `ok: false` with an error code, mostly with HTTP status 200."""

from .models import JsonObject


class ApiError(Exception):
    """A refused call. `code` is Slack's error code; `fields` go into the body beside it."""

    def __init__(self, code: str, *, messages: list[str] | None = None, status: int = 200, **fields: object) -> None:
        self.code = code
        self.status = status
        self.body: JsonObject = {"ok": False, "error": code, **fields}
        if messages:
            self.body["errors"] = messages
            self.body["response_metadata"] = {"messages": [f"[ERROR] {text}" for text in messages]}
        super().__init__(f"{code}{': ' + '; '.join(messages) if messages else ''}")
