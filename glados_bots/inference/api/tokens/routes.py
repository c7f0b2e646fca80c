"""The routes POST /tokenize, POST /detokenize and GET /tokenizer_info."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from glados_bots.inference.api.chat.calls import conversation
from glados_bots.inference.api.costs import tools_as_texts
from glados_bots.inference.api.errors import from_engine
from glados_bots.inference.api.service import Service
from glados_bots.inference.api.tokens.requests import DetokenizeRequest, TokenizeRequest
from glados_bots.inference.engine import Engine


def add(app: FastAPI, service: Service) -> None:
    @app.post("/tokenize")
    @app.post("/v1/tokenize", include_in_schema=False)
    async def tokenize(body: TokenizeRequest) -> dict[str, Any]:
        _require(service, body.model)
        tools_as_texts(body.sampling())
        try:
            return await _tokens(service, body)
        except Exception as error:
            raise from_engine(error) from error

    @app.post("/detokenize")
    @app.post("/v1/detokenize", include_in_schema=False)
    async def detokenize(body: DetokenizeRequest) -> dict[str, Any]:
        _require(service, body.model)
        try:
            return {"prompt": await service.engine.detokenize(body.tokens)}
        except Exception as error:
            raise from_engine(error) from error

    @app.get("/tokenizer_info")
    async def tokenizer_info() -> dict[str, str | None]:
        service.require_ready()
        try:
            return service.engine.tokenizer_info()
        except Exception as error:
            raise from_engine(error) from error


def _require(service: Service, model: str | None) -> None:
    if model is None:
        service.require_ready()
    else:
        service.require_model(model)


async def _tokens(service: Service, body: TokenizeRequest) -> dict[str, Any]:
    engine = service.engine
    prompt = body.prompt if body.messages is None else conversation(body.messages)
    special = body.add_special_tokens is not False
    tokens = await engine.tokenize(prompt or "", body.sampling(), special=special)
    strings = None
    if body.return_token_strings:
        strings = await asyncio.to_thread(_strings, engine, tokens)
    return {"count": len(tokens), "max_model_len": engine.context_length, "tokens": tokens, "token_strings": strings}


def _strings(engine: Engine, tokens: Sequence[int]) -> list[str]:
    """Each token as text. Millions of tokens of a text are thousands of different ones."""
    different = list(set(tokens))
    texts = (text.decode("utf-8", "replace") for text in engine.token_bytes(different))
    known = dict(zip(different, texts, strict=True))
    return [known[token] for token in tokens]
