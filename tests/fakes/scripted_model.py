"""A model that says what the test wants, behind an OpenAI-compatible endpoint."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse


@dataclass
class ScriptedModel:
    """An OpenAI-compatible endpoint that says what the test wants: `pieces`, each after the `gate` opens for it.

    Attributes:
        pieces: the next answer.
        gate: while it is closed (not set) the answer holds before its last piece.
        is_stepped: the gate holds before every piece, and closes behind it.
        reached: set when an answer stands at the gate.
        prompts: messages of every request so far.
        fields: whole bodies of every request so far.
        dropped: answers the client did not read to their end.
        ended: answers it did.
        refusal: when set, questions are refused with this message.
        pause_s: seconds before each piece.
        useful: a better model for the machine, as our service tells it.
        sees: whether it sees pictures; None if it does not tell.
        others: names of more models that it serves.
        levels: levels of thinking that it tells; None if it tells none, as other servers do.
    """

    pieces: list[str] = field(default_factory=lambda: ["Hello ", "**world**", "!"])
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    prompts: list[list[dict[str, str]]] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    dropped: int = 0
    ended: int = 0
    refusal: str = ""
    pause_s: float = 0.0
    is_stepped: bool = False
    useful: dict[str, Any] | None = None
    levels: list[str] | None = None
    sees: bool | None = None
    others: list[str] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models")
        async def models() -> dict[str, Any]:
            vision = None if self.sees is None else {"vision": self.sees}
            extras = {"useful": self.useful, "thinking_levels": self.levels, "capabilities": vision}
            told = {name: value for name, value in extras.items() if value is not None}
            first = {"id": "scripted", "object": "model", "max_model_len": 4096, **told}
            others = [{"id": name, "object": "model", "max_model_len": 4096} for name in self.others]
            return {"object": "list", "data": [first, *others]}

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            if self.refusal:
                return JSONResponse({"error": {"message": self.refusal, "type": "invalid_request_error"}}, 400)
            self.fields.append(await request.json())
            self.prompts.append(self.fields[-1]["messages"])
            return StreamingResponse(self._speak(list(self.pieces)), media_type="text/event-stream")

        return app

    async def _speak(self, pieces: list[str]) -> AsyncIterator[str]:
        ended = False
        try:
            for index, piece in enumerate(pieces):
                if index == len(pieces) - 1:
                    self.reached.set()
                if self.is_stepped or index == len(pieces) - 1:
                    await self.gate.wait()
                if self.is_stepped:
                    self.gate.clear()
                await asyncio.sleep(self.pause_s)
                yield _chunk({"content": piece}, None)
            yield _chunk({}, "stop")
            yield "data: [DONE]\n\n"
            ended = True
        finally:
            self.dropped += not ended
            self.ended += ended


def _chunk(delta: dict[str, str], reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    data = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": [choice]}
    return f"data: {json.dumps(data)}\n\n"
