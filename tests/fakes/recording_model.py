"""A model's server that writes down what it is asked, with the pictures."""

import base64
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response


@dataclass
class RecordingModel:
    """It knows whether its models see.

    Attributes:
        models: by name, what the list says of a model's sight; None for a list that does not say it.
        blind: models that refuse pictures.
    """

    models: dict[str, bool | None] = field(default_factory=lambda: {"eyes": True})
    blind: set[str] = field(default_factory=set)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models")
        async def models() -> dict[str, Any]:
            told = [
                {"id": name, "max_model_len": 8192, **({} if sees is None else {"capabilities": {"vision": sees}})}
                for name, sees in self.models.items()
            ]
            return {"data": told}

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            body = await request.json()
            self.asked.append(body)
            if body["model"] in self.blind and pictures_of(body):
                error = {"message": f"{body['model']} is not a multimodal model", "code": "image_not_supported"}
                return JSONResponse({"error": error}, 400)
            choice = {"index": 0, "message": {"role": "assistant", "content": "I see."}, "finish_reason": "stop"}
            return JSONResponse({"choices": [choice]})

        return app


def pictures_of(body: dict[str, Any], message: int = -1) -> list[bytes]:
    """The pictures of one message of a request."""
    content = body["messages"][message]["content"]
    parts = content if isinstance(content, list) else []
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [base64.b64decode(url.partition("base64,")[2]) for url in urls]


def words_of(body: dict[str, Any], message: int = -1) -> str:
    content = body["messages"][message]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
