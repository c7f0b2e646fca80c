"""Runs the service in uvicorn: shuts down in order on SIGTERM, and ends the process if the engine is dead."""

import asyncio
import logging
import os
import socket
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI

from glados_bots.errors import ConfigError, EngineDeadError
from glados_bots.http_server.listening import listen
from glados_bots.http_server.protocol import BoundedProtocol, raise_file_limit
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.keys import KeyBook
from glados_bots.inference.api.service import Service
from glados_bots.inference.embeddings.embedder import Embedder
from glados_bots.inference.engine import Engine
from glados_bots.inference.model_files.auto.choice import Useful
from glados_bots.inference.pictures.fetching import PictureFetcher
from glados_bots.inference.settings import ServeSettings
from glados_bots.settings import words

log = logging.getLogger(__name__)

FLUSH_S = 2  # for the last bytes of aborted streams
LAST_RESORT_S = 4.0  # after the drain: an engine thread that hangs must not keep the process alive
EXIT_DEAD = 1


class Server(uvicorn.Server):
    """uvicorn that keeps answering (new requests get 503) while it drains, and then exits with status 0.

    Plain uvicorn closes its port first and raises the signal again at the end, so the status would be -15.
    """

    def __init__(self, config: uvicorn.Config, service: Service, grace_s: float) -> None:
        super().__init__(config)
        self._service = service
        self._grace_s = grace_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._endings: list[asyncio.Task[None]] = []

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle SIGTERM or SIGINT; the second signal does not wait for running answers."""
        del sig, frame
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.end, 0.0 if self._endings else self._grace_s)

    def end(self, grace_s: float, exit_code: int = 0) -> None:
        """Drain for at most `grace_s` seconds, then end. Call this in the event loop."""
        self._endings.append(asyncio.create_task(self._drain(grace_s, exit_code)))

    async def _drain(self, grace_s: float, exit_code: int) -> None:
        await self._service.drain(grace_s)
        last_resort = threading.Timer(LAST_RESORT_S, os._exit, [exit_code])
        last_resort.daemon = True
        last_resort.start()
        self.should_exit = True


def serve(
    engine: Engine,
    settings: ServeSettings,
    keys: KeyBook | None = None,
    useful: Useful | None = None,
    embedder: Embedder | None = None,
) -> None:
    """Serve the engine until SIGTERM or SIGINT. Running answers then get the settings' grace time to finish.

    Raises:
        ConfigError: the process cannot listen on the port, or the model cannot be loaded.
        EngineDeadError: the engine failed for good; a new process must replace this one.
    """
    listener = listen(settings.host, settings.serve_port, "GLADOS_SERVE_PORT")
    deaths: list[Exception] = []

    def on_death(error: Exception) -> None:
        log.critical("this process must end: %s", error)
        deaths.append(error)
        server.end(0.0, EXIT_DEAD)

    origins = words(settings.cors_origins)
    app = create_app(
        engine,
        embedder=embedder,
        api_key=settings.key,
        keys=keys,
        on_death=on_death,
        cors_origins=origins,
        useful=useful,
        fetcher=PictureFetcher() if settings.fetch_pictures else None,
    )
    raise_file_limit()
    server = Server(_config(app, settings.log_level), app.state.service, settings.grace)
    log.info("listening on %s port %d", *listener.getsockname()[:2])
    server.run(sockets=[listener])
    if deaths:
        error = deaths[0]
        raise error if isinstance(error, ConfigError) else EngineDeadError(f"the engine failed: {error}") from error


def _config(app: FastAPI, log_level: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,  # glados_bots/logs.py configures the whole process
        log_level="warning" if log_level == "info" else log_level,  # our own lines tell readers enough
        access_log=False,
        server_header=False,
        http=BoundedProtocol,
        ws="none",
        timeout_keep_alive=75,  # longer than clients keep idle connections: they never write to a closed one
        timeout_graceful_shutdown=FLUSH_S,
    )
