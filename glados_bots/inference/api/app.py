"""The HTTP API: OpenAI's chat completions over any `Engine`.

    GET  /v1/models, /v1/models/{id}    served models; `max_model_len` is the context length in tokens,
                                        `capabilities` tells whether the model chats, embeds or sees pictures, and
                                        `useful` is a better model for this machine, where there is one
    POST /v1/chat/completions           an answer, whole or streamed as server-sent events
    POST /v1/load_lora_adapter, /v1/unload_lora_adapter    LoRAs that come and go, for keys with the scope `admin`
    POST /v1/responses                  the same in OpenAI's newer form; nothing is stored
    POST /v1/completions                raw prompts continued, and the scores of their tokens
    POST /tokenize, /detokenize         from text to token ids and back, as vLLM has them
    POST /v1/embeddings                 vectors of texts, if the service has an embedding model
    GET  /health, /ready, /metrics      alive; model loaded and accepting requests; Prometheus

A waiting client learns its place from a comment in the stream and from the header X-Glados-Queue-Position. If a client
leaves, its generation is cancelled.
"""

from collections.abc import Callable, Sequence

from fastapi import Depends, FastAPI, Response
from fastapi.responses import PlainTextResponse
from starlette.middleware.cors import CORSMiddleware

from glados_bots.http_server.head_requests import HeadAsGet
from glados_bots.inference.api import models, streaming
from glados_bots.inference.api.access import KeyGate, authorise
from glados_bots.inference.api.chat import routes as chat
from glados_bots.inference.api.completions import routes as completions
from glados_bots.inference.api.embeddings import routes as embeddings
from glados_bots.inference.api.errors import REFUSALS, shape_errors
from glados_bots.inference.api.guard import Guard
from glados_bots.inference.api.keys import KeyBook
from glados_bots.inference.api.loras import routes as loras
from glados_bots.inference.api.picture_parts import PictureReader
from glados_bots.inference.api.responses import routes as responses
from glados_bots.inference.api.service import Service
from glados_bots.inference.api.tokens import routes as tokens
from glados_bots.inference.embeddings.embedder import Embedder
from glados_bots.inference.engine import Engine
from glados_bots.inference.model_files.auto.choice import Useful
from glados_bots.inference.pictures.fetching import PictureFetcher
from glados_bots.wire.credentials import checked


def create_app(
    engine: Engine,
    *,
    embedder: Embedder | None = None,
    api_key: str | None = None,
    keys: KeyBook | None = None,
    on_death: Callable[[Exception], None] | None = None,
    cors_origins: Sequence[str] = (),
    useful: Useful | None = None,
    fetcher: PictureFetcher | None = None,
) -> FastAPI:
    """The ASGI app; its `Service` is `app.state.service`.

    Args:
        engine: not started yet; it loads in the background while the app answers 503.
        embedder: the embedding model beside it, not started yet either.
        api_key: the operator's own key, which may do all; without it and without `keys`, everybody is let in.
        keys: additional keys, with scopes and limits.
        on_death: called once with the error after which the service is useless, so that the process can end.
        cors_origins: web pages whose scripts may send requests, or `*`; browsers first ask without a key.
        useful: what this machine could serve instead of the small model; pages tell people.
        fetcher: fetches pictures from http(s) addresses; without it, only data URLs are read.

    Raises:
        ConfigError: the key cannot be sent in a header.
    """
    gate = KeyGate(checked(api_key), keys)
    service = Service(engine, embedder, gate, PictureReader(fetcher), on_death or (lambda _: None))

    app = FastAPI(
        title="GLaDOS inference service",
        lifespan=service.lifespan,
        dependencies=[Depends(authorise)],
        responses=REFUSALS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.add_middleware(HeadAsGet)
    app.add_middleware(Guard, gate=gate, metrics=service.metrics)
    if cors_origins:
        _let_pages_ask(app, cors_origins)
    shape_errors(app, service.metrics)
    _add_probes(app, service)
    _add_api(app, service, useful)
    return app


def _let_pages_ask(app: FastAPI, origins: Sequence[str]) -> None:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=[streaming.PLACE, "Retry-After", "X-Request-Id"],
    )


def _add_probes(app: FastAPI, service: Service) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        service.require_ready()
        return {"status": "ready"}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


def _add_api(app: FastAPI, service: Service, useful: Useful | None) -> None:
    models.add(app, service, useful)
    chat.add(app, service)
    completions.add(app, service)
    tokens.add(app, service)
    loras.add(app, service)
    responses.add(app, service)
    embeddings.add(app, service)
