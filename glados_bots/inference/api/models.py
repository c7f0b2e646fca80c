"""The endpoints /v1/models and /v1/models/{name}: what is served, and what it can do."""

from typing import Any

from fastapi import FastAPI

from glados_bots.inference.api.service import Service
from glados_bots.inference.embeddings.embedder import Embedder
from glados_bots.inference.model_files.auto.choice import Useful


def add(app: FastAPI, service: Service, useful: Useful | None) -> None:
    """Add the routes. Args: useful: what this machine could serve instead of the small model."""

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        service.require_ready()
        found = [described(service, name, useful) for name in service.engine.models]
        if service.embedder:
            found.append(embedding(service.embedder))
        return {"object": "list", "data": found}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        service.require_ready()
        if service.embedder and name == service.embedder.model:
            return embedding(service.embedder)
        service.require_model(name)
        return described(service, name, useful)


def described(service: Service, name: str, useful: Useful | None) -> dict[str, Any]:
    """One served model; `max_model_len`, `root` and `parent` are vLLM's names: context length in tokens, LoRA, base."""
    engine = service.engine
    told: dict[str, Any] = {"max_model_len": engine.context_length, "thinking_levels": list(engine.thinking_levels)}
    told["capabilities"] = {"chat": True, "embedding": False, "vision": name in engine.seeing}
    if useful is not None:
        told["useful"] = {"command": useful.command, "tokens_per_second": round(useful.speed) if useful.speed else None}
    lora = engine.loras.get(name)
    told |= {"root": lora.root, "parent": lora.parent} if lora else {"root": name, "parent": None}
    return _entry(name, told)


def embedding(embedder: Embedder) -> dict[str, Any]:
    """The embedding model: the length of its vectors, and the shortest that a request may ask for."""
    told = {
        "max_model_len": embedder.context_length,
        "capabilities": {"chat": False, "embedding": True, "vision": False},
        "dimensions": embedder.dimensions,
        "least_dimensions": embedder.least_dimensions,
    }
    return _entry(embedder.model, told)


def _entry(name: str, told: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "glados", **told}
