"""A model's server that refuses, lets people wait in line, thinks, or ends its answers in odd ways."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, StreamingResponse


@dataclass
class OddModel:
    """Attributes are read at each question.

    Attributes:
        status: HTTP status of its answers.
        error: the error of any status but 200.
        headers: with that error.
        before: server-sent lines before the `gate`, such as a comment of the queue.
        deltas: pieces of the answer, behind the gate.
        reason: why the answer ends.
        names: models it serves.
        seeing: those of them that see pictures; None if it does not tell.
    """

    status: int = 200
    error: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    deltas: list[dict[str, str]] = field(default_factory=lambda: [{"content": "Λόγος."}])
    reason: str = "stop"
    names: tuple[str, ...] = ("scripted",)
    seeing: tuple[str, ...] | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models")
        async def models() -> dict[str, Any]:
            return {"data": [self._told(name) for name in self.names]}

        @app.post("/v1/chat/completions")
        async def complete() -> Response:
            if self.status != 200:
                return JSONResponse({"error": self.error}, self.status, headers=self.headers)
            return StreamingResponse(self._speak(), media_type="text/event-stream")

        return app

    def _told(self, name: str) -> dict[str, Any]:
        told = {"id": name, "object": "model", "max_model_len": 4096}
        return told if self.seeing is None else {**told, "capabilities": {"vision": name in self.seeing}}

    async def _speak(self) -> AsyncIterator[str]:
        for line in self.before:
            yield line + "\n\n"
        await self.gate.wait()
        for delta in self.deltas:
            yield _chunk(delta, None)
        yield _chunk({}, self.reason)
        yield "data: [DONE]\n\n"


def thinks(text: str) -> str:
    """A line by which a server tells what its model thinks."""
    return _chunk({"reasoning_content": text}, None).strip()


def _chunk(delta: dict[str, str], reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"
