"""What an adapter serves on GLADOS_METRICS_PORT, from within its own event loop.

- `GET /metrics`: Prometheus; see glados_bots/metrics.py. Open to this machine and to clients that send GLADOS_API_KEY.
- `GET /health`: 200 while the event loop runs; a role that hangs does not answer.
- `GET /ready`: 200 while Redis answers, else 503. Once a role is told to end, nothing answers on this port.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from glados_bots.errors import StoreUnavailableError
from glados_bots.http_server.listening import is_loopback, listen
from glados_bots.http_server.protocol import BoundedProtocol
from glados_bots.metrics import DEAD, STORE_UP, WAITING
from glados_bots.settings import Settings
from glados_bots.store.store import Store
from glados_bots.wire.credentials import credential

ASKS_FOR_KEY = "requests for /metrics from other machines need GLADOS_API_KEY: Authorization: Bearer KEY"


def create_app(store: Store, api_key: str = "") -> Starlette:
    async def metrics(request: Request) -> Response:
        if not _may_see(request, api_key):
            return JSONResponse({"status": ASKS_FOR_KEY}, 401, {"WWW-Authenticate": "Bearer"})
        try:
            waiting, dead = await store.load()
        except StoreUnavailableError:
            STORE_UP.labels(store.platform).set(0)
        else:
            STORE_UP.labels(store.platform).set(1)
            WAITING.labels(store.platform).set(waiting)
            DEAD.labels(store.platform).set(dead)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def health(request: Request) -> Response:
        del request
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> Response:
        del request
        try:
            await store.ping()
        except StoreUnavailableError as error:
            return JSONResponse({"status": str(error)}, 503)
        return JSONResponse({"status": "ready"})

    return Starlette(routes=[Route("/metrics", metrics), Route("/health", health), Route("/ready", ready)])


def _may_see(request: Request, api_key: str) -> bool:
    if request.client is not None and is_loopback(request.client.host):
        return True
    given = credential(request.headers) or ""
    return bool(api_key) and hmac.compare_digest(given.encode(), api_key.encode())


@asynccontextmanager
async def exported(settings: Settings, store: Store) -> AsyncIterator[None]:
    """Serve a worker's state while the block runs, if GLADOS_METRICS_PORT is set.

    Raises:
        ConfigError: the process cannot listen on the port.
    """
    if settings.metrics_port is None:
        yield
        return
    listener = listen(settings.host, settings.metrics_port, "GLADOS_METRICS_PORT")
    key = settings.key or ""
    config = uvicorn.Config(
        create_app(store, key), access_log=False, log_config=None, lifespan="off", ws="none",
        server_header=False, http=BoundedProtocol, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]  # the role itself handles signals
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
