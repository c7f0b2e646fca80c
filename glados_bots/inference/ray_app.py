"""The inference service as a Ray Serve application: replicas on many machines behind one address.

    serve run glados_bots.inference.ray_app:application replicas=2

Each replica is the whole service of api/app.py with its own engine. All replicas use the same GLADOS_* variables
and API key. Our client derives X-Session-Id from the conversation. Requests with the same id go to the same replica,
whose cache holds the beginning of the conversation. If that replica is full or gone, they go to its neighbour on the
hash ring. See deploy/ray/README.md.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ray import serve
from ray.serve.config import RequestRouterConfig
from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glados_bots import logs, tracing
from glados_bots.errors import ConfigError, EngineDeadError
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.keys import KeyBook
from glados_bots.inference.api.service import Service
from glados_bots.inference.pictures.fetching import PictureFetcher
from glados_bots.inference.run import build_embedder, build_engine
from glados_bots.inference.settings import ServeSettings
from glados_bots.settings import load, words

log = logging.getLogger(__name__)

REPLICA = "X-Glados-Replica"
POLL_S = 0.1


class Options(BaseModel):
    """The options of `serve run ... name=value`, and of `args` in a config file."""

    model_config = ConfigDict(extra="forbid")

    replicas: int = Field(1, ge=1, le=1000, description="Least replicas")
    max_replicas: int | None = Field(None, ge=1, le=1000, description="Most replicas; empty: no scaling")
    requests_per_replica: int = Field(8, ge=1, le=1000, description="Requests at once at which another one is started")
    upscale_after_s: float = Field(30, ge=0, le=3600, description="Seconds of too many requests before one is started")
    downscale_after_s: float = Field(600, ge=0, le=86400, description="Seconds of too few before one is ended")
    gpus: float = Field(0, ge=0, le=16, description="GPUs of each replica")
    cpus: float = Field(1, ge=0, le=1024, description="Processors of each replica")


class Tagged:
    """ASGI middleware: adds a header that names the replica which answered."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REPLICA] = self._name
            await send(message)

        await self._app(scope, receive, tagged)


class Replica:
    """One replica. Ray restarts it when `check_health` raises."""

    def __init__(self) -> None:
        settings = load(ServeSettings)
        logs.configure(settings)
        tracing.configure(settings, "serve")
        self._grace_s = settings.grace
        self._deaths: list[Exception] = []
        self._app: FastAPI = create_app(
            build_engine(settings),
            embedder=build_embedder(settings),
            api_key=settings.key,
            keys=KeyBook(settings.data_dir),
            on_death=self._deaths.append,
            cors_origins=words(settings.cors_origins),
            fetcher=PictureFetcher() if settings.fetch_pictures else None,
        )
        self._service: Service = self._app.state.service
        self._app.add_middleware(Tagged, name=serve.get_replica_context().replica_tag)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The service. Ray sends requests once the lifespan has started, so the lifespan waits for the model."""
        load_and_watch = self._app.router.lifespan_context

        @asynccontextmanager
        async def until_loaded(app: FastAPI) -> AsyncIterator[None]:
            async with load_and_watch(app):
                while not self._service.loaded:
                    await self.check_health()
                    await asyncio.sleep(POLL_S)
                yield

        self._app.router.lifespan_context = until_loaded
        return self._app

    async def check_health(self) -> None:
        """Raise EngineDeadError if the engine has failed for good; an engine that still loads is healthy."""
        if self._deaths:
            raise EngineDeadError(f"the engine failed: {self._deaths[0]}")

    async def __del__(self) -> None:
        """Ray calls this before a replica ends: no new requests arrive, and running ones may finish."""
        await self._service.drain(self._grace_s)


def application(args: dict[str, Any]) -> serve.Application:
    """The application for `serve run` and config files. Raises ConfigError if an option is wrong."""
    try:
        options = Options(**args)
    except ValidationError as error:
        detail = error.errors()[0]
        raise ConfigError(f"{'.'.join(map(str, detail['loc']))}={detail['input']!r}: {detail['msg']}") from None
    if options.max_replicas is None:
        scale: dict[str, Any] = {"num_replicas": options.replicas}
    else:
        limits = {"min_replicas": options.replicas, "max_replicas": max(options.replicas, options.max_replicas)}
        delays = {"upscale_delay_s": options.upscale_after_s, "downscale_delay_s": options.downscale_after_s}
        target = {"target_ongoing_requests": options.requests_per_replica}
        scale = {"autoscaling_config": {**limits, **delays, **target}}
    settings = load(ServeSettings)
    deployment = serve.deployment(
        name="glados",
        max_ongoing_requests=settings.max_waiting + options.requests_per_replica,  # our service answers 429 first
        ray_actor_options={"num_cpus": options.cpus, "num_gpus": options.gpus},
        request_router_config=RequestRouterConfig(request_router_class=ConsistentHashRouter),
        graceful_shutdown_timeout_s=settings.grace + 10,
        health_check_period_s=5,
        **scale,
    )(serve.ingress()(Replica))
    return deployment.bind()
