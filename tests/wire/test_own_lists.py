"""Ollama and LM Studio say which of their models see in lists of their own; other servers are asked for them once."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from glados_bots.wire.client import InferenceClient
from glados_bots.wire.model_list import ModelInfo
from tests.servers import running

OLLAMA = [
    {"name": "llava:7b", "model": "llava:7b", "capabilities": ["completion", "vision"], "details": {"family": "llama"}},
    {"name": "qwen3:8b", "model": "qwen3:8b", "capabilities": ["completion", "tools", "thinking"]},
    {"name": "all-minilm", "model": "all-minilm", "capabilities": ["embedding"]},
]
LM_STUDIO = [
    {"id": "qwen2-vl", "type": "vlm", "compatibility_type": "mlx", "state": "not-loaded", "max_context_length": 32768},
    {"id": "llama-3.1", "type": "llm", "compatibility_type": "gguf", "loaded_context_length": 4096,
     "max_context_length": 131072},
    {"id": "nomic", "type": "embeddings", "compatibility_type": "gguf"},
]  # fmt: skip


class Server:
    """Names only at /v1/models, and whatever `pages` hold elsewhere: an object, a status or bytes."""

    def __init__(self, pages: dict[str, Any], *names: str, **told: Any) -> None:
        self.pages = pages
        self.models = [{"id": name, "object": "model", "owned_by": "library", **told} for name in names]
        self.asked: Counter[str] = Counter()

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/{path:path}")
        async def page(path: str, request: Request) -> Response:
            self.asked[path] += 1
            if path == "v1/models":
                return JSONResponse({"object": "list", "data": self.models})
            found = self.pages.get(path, 404)
            if isinstance(found, int):
                return JSONResponse({"error": "no"}, found, headers={"Location": str(request.url)})
            return Response(found) if isinstance(found, bytes) else JSONResponse(found)

        return app

    @asynccontextmanager
    async def client(self, base: str = "/v1") -> AsyncIterator[InferenceClient]:
        async with running(self.app()) as url:
            client = InferenceClient(url + base)
            try:
                yield client
            finally:
                await client.aclose()


async def test_ollama_tells_what_its_models_can() -> None:
    server = Server({"api/tags": {"models": OLLAMA}}, "qwen3:8b", "all-minilm", "llava:7b")
    async with server.client() as client:
        found = [ModelInfo("qwen3:8b", None, sees=False), ModelInfo("llava:7b", None, sees=True)]
        assert await client.models() == found
        assert await client.models() == found
    assert server.asked == {"v1/models": 2, "api/tags": 2}


async def test_lm_studio_tells_what_its_models_can() -> None:
    server = Server({"api/v0/models": {"object": "list", "data": LM_STUDIO}}, "llama-3.1", "nomic", "qwen2-vl")
    async with server.client() as client:
        found = [ModelInfo("llama-3.1", 4096, sees=False), ModelInfo("qwen2-vl", None, sees=True)]
        assert await client.models() == found
        assert await client.models() == found
    assert server.asked == {"v1/models": 2, "api/tags": 1, "api/v0/models": 2}


@pytest.mark.parametrize(
    "page", [404, 401, 302, {"models": []}, {"models": "none"}, [], b"<html>", b"[" * 100_000, {"models": [{"x": 1}]}]
)
async def test_a_server_without_such_lists_is_asked_once(page: Any) -> None:
    server = Server({"api/tags": page, "api/v0/models": page}, "a")
    async with server.client() as client:
        for _ in range(3):
            assert await client.models() == [ModelInfo("a", None)]
    assert server.asked == {"v1/models": 3, "api/tags": 1, "api/v0/models": 1}


async def test_a_server_that_fails_is_asked_again() -> None:
    server = Server({"api/tags": 503}, "llava:7b")
    async with server.client() as client:
        assert await client.models() == [ModelInfo("llava:7b", None)]
        server.pages["api/tags"] = {"models": OLLAMA}
        assert await client.models() == [ModelInfo("llava:7b", None, sees=True)]
    assert server.asked["api/v0/models"] == 0


async def test_a_list_that_is_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glados_bots.wire.bodies.LONGEST_BODY", 1_000)
    server = Server({"api/tags": {"models": OLLAMA * 5_000}}, "llava:7b")
    async with server.client() as client:
        assert await client.models() == [ModelInfo("llava:7b", None)]


@pytest.mark.parametrize("told", [{"capabilities": {"vision": False}}, {"thinking_levels": []}])
async def test_a_list_that_describes_its_models_needs_no_other(told: dict[str, Any]) -> None:
    """Our own service always describes its models."""
    server = Server({"api/tags": {"models": OLLAMA}}, "llava:7b", **told)
    async with server.client() as client:
        assert len(await client.models()) == 1
    assert server.asked == {"v1/models": 1}


async def test_whether_a_server_is_ready_is_asked_of_one_list_only() -> None:
    server = Server({"api/tags": {"models": OLLAMA}}, "llava:7b")
    async with server.client() as client:
        assert await client.ready()
    assert server.asked == {"v1/models": 1}


async def test_an_address_without_v1_has_no_lists_beside_it() -> None:
    server = Server({}, "a")
    async with server.client("/other") as client:
        assert await client.ready() is False
        assert await client._own_lists.ask() == {}
    assert set(server.asked) == {"other/models"}
