"""The HTTP API: OpenAI's chat completions over any `Engine`.

    GET  /v1/models, /v1/models/{id}    served models; `max_model_len` is the context length in tokens,
                                        `capabilities` tells whether the model sees pictures, and `useful` is a
                                        better model for this machine, where there is one
    POST /v1/chat/completions           an answer, whole or streamed as server-sent events
    GET  /health, /ready, /metrics      alive; model loaded and accepting requests; Prometheus

A waiting client learns its place from a comment in the stream and from the header X-Glados-Queue-Position. If a client
leaves, its generation is cancelled.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from starlette.middleware.cors import CORSMiddleware

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineDeadError
from glados_bots.http_server.head_requests import HeadAsGet
from glados_bots.inference.api import answers, schemas
from glados_bots.inference.api.access import Caller, KeyGate, authorise
from glados_bots.inference.api.errors import ApiError, cannot_see, not_ready, shape_errors
from glados_bots.inference.api.generation import Generation
from glados_bots.inference.api.guard import Guard
from glados_bots.inference.api.keys import KeyBook
from glados_bots.inference.api.metrics import Metrics
from glados_bots.inference.api.picture_parts import PictureReader
from glados_bots.inference.api.schemas import ChatRequest
from glados_bots.inference.engine import Engine
from glados_bots.inference.model_files.auto.choice import Useful
from glados_bots.inference.pictures.fetching import PictureFetcher
from glados_bots.processes.watchdog import watched_loop
from glados_bots.wire.credentials import checked

log = logging.getLogger(__name__)

PULSE_S = 1.0  # how often to check whether the engine is alive
STOPPING = "the service is shutting down; ask again in a moment"


class Service:
    """The engine's state as clients see it: loading, ready, draining or dead."""

    def __init__(
        self, engine: Engine, gate: KeyGate, reader: PictureReader, on_death: Callable[[Exception], None]
    ) -> None:
        self.engine = engine
        self.gate = gate
        self._reader = reader
        self.metrics = Metrics(self)
        self.loaded = False
        self._draining = False
        self._death: Exception | None = None
        self._on_death = on_death
        self._live: set[Generation] = set()

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        del app
        caring = asyncio.create_task(self.load_and_watch())
        yield
        caring.cancel()
        await asyncio.gather(caring, return_exceptions=True)
        await self.engine.stop()

    async def load_and_watch(self) -> None:
        """Start the engine, then watch it. The process is useless without an engine, so a failure ends it."""
        try:
            await self.engine.start()
        except ConfigError as error:
            self._die(error)
            return
        except Exception as error:
            log.exception("the engine cannot start")
            self._die(error)
            return
        self.loaded = True
        log.info("ready: %s", ", ".join(self.engine.models))
        async with watched_loop(self.metrics.loop_lag.observe):
            while not self.engine.fatal:  # noqa: ASYNC110 - an engine may die in a thread that can set no event
                await asyncio.sleep(PULSE_S)
        self._die(EngineDeadError(self.engine.fatal))

    def why_not_ready(self) -> str | None:
        """A sentence with the reason while the service refuses requests, else None."""
        if self._death or self.engine.fatal:
            return f"the engine failed: {self._death or self.engine.fatal}"
        if self._draining:
            return STOPPING
        return None if self.loaded else "the model is loading"

    def require_ready(self) -> None:
        """Raise ApiError (503) while the service refuses requests."""
        reason = self.why_not_ready()
        if reason:
            raise not_ready(reason)

    async def messages(self, body: ChatRequest) -> list[Message]:
        """What the request says and shows. Raises ApiError (400) if the model sees none of it, or a picture is bad."""
        messages = [message.plain() for message in body.messages]
        if not body.pictures:
            return messages
        if body.model not in self.engine.seeing:
            raise cannot_see(body.model, self.engine.seeing)
        return await self._reader.read(messages, [message.pictures for message in body.messages])

    def begin(self, body: ChatRequest, messages: Sequence[Message], request: Request) -> Generation:
        """Give a request to the engine. Raises ApiError (429) if running answers may use up its key's daily tokens."""
        caller: Caller = request.state.caller
        most = body.most_tokens(self.engine.context_length, self.engine.thinking_tokens)
        self.gate.reserve(caller, most)
        events = self.engine.generate(body.model, messages, body.sampling(), caller.name)
        generation = Generation(events, request.receive, self.metrics, self._heed)
        self._live.add(generation)

        def ended(_: object) -> None:
            self._live.discard(generation)
            self.gate.settle(caller, most, generation.cost(body.least_tokens))

        generation.task.add_done_callback(ended)
        return generation

    async def drain(self, grace_s: float) -> None:
        """Refuse new requests, let running ones finish within the grace time, then abort the rest with an error."""
        self._draining = True
        if self._live and grace_s > 0:
            await asyncio.wait({generation.task for generation in self._live}, timeout=grace_s)
        for generation in tuple(self._live):
            generation.abort(not_ready(STOPPING))

    def _heed(self, error: Exception) -> None:
        if isinstance(error, EngineDeadError):
            self._die(error)

    def _die(self, error: Exception) -> None:
        if self._death is None:
            self._death = error
            self._on_death(error)


def create_app(
    engine: Engine,
    *,
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
    service = Service(engine, gate, PictureReader(fetcher), on_death or (lambda _: None))

    app = FastAPI(
        title="GLaDOS inference service",
        lifespan=service.lifespan,
        dependencies=[Depends(authorise)],
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
        expose_headers=[answers.PLACE, "Retry-After", "X-Request-Id"],
    )


def _add_probes(app: FastAPI, service: Service) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        service.require_ready()
        return {"status": "ready"}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


def _add_api(app: FastAPI, service: Service, useful: Useful | None) -> None:
    engine = service.engine

    def describe(name: str) -> dict[str, Any]:
        if name not in engine.models:
            served = ", ".join(engine.models)
            raise ApiError(404, "model_not_found", f"model {name[:100]!r} is not served here; served: {served}")
        return schemas.model(name, engine.context_length, engine.thinking_levels, useful, sees=name in engine.seeing)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        service.require_ready()
        return {"object": "list", "data": [describe(name) for name in engine.models]}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        service.require_ready()
        return describe(name)

    @app.post("/v1/chat/completions")
    async def chat(body: ChatRequest, request: Request) -> Response:
        service.require_ready()
        describe(body.model)
        generation = service.begin(body, await service.messages(body), request)
        request_id = f"chatcmpl-{request.state.request_id}"
        if body.stream:
            return await answers.streamed(generation, body, request_id, service.metrics)
        return await answers.whole(generation, body, request_id)
