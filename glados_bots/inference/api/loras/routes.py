"""The routes POST /v1/load_lora_adapter and POST /v1/unload_lora_adapter."""

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from glados_bots.inference.api.errors import ApiError, from_engine
from glados_bots.inference.api.loras.requests import LoadRequest, UnloadRequest
from glados_bots.inference.api.service import Service


def add(app: FastAPI, service: Service) -> None:
    """They answer with vLLM's sentences."""

    @app.post("/v1/load_lora_adapter", response_class=PlainTextResponse)
    async def load(body: LoadRequest) -> str:
        service.require_ready()
        _require_free(body.lora_name, service)
        try:
            await service.engine.load_lora(body.lora_name, body.lora_path, in_place=body.load_inplace)
        except Exception as error:
            raise from_engine(error) from error
        return f"Success: LoRA adapter '{body.lora_name}' added successfully."

    @app.post("/v1/unload_lora_adapter", response_class=PlainTextResponse)
    async def unload(body: UnloadRequest) -> str:
        service.require_ready()
        try:
            await service.engine.unload_lora(body.lora_name)
        except Exception as error:
            raise from_engine(error) from error
        return f"Success: LoRA adapter '{body.lora_name}' removed successfully."


def _require_free(name: str, service: Service) -> None:
    """Raise ApiError (400) for the name of the embedding model, which the engine does not know."""
    if service.embedder is not None and name == service.embedder.model:
        text = f"lora_name {name!r} is the name of a served base model; choose another name"
        raise ApiError(400, "invalid_lora", text, param="lora_name")
