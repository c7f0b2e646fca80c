"""The engine as the endpoints see it: whether it is ready, what it serves, and how a request begins and is paid."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI, Request

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineDeadError
from glados_bots.inference.api.access import Caller, KeyGate
from glados_bots.inference.api.choices import answers, seeded
from glados_bots.inference.api.costs import Costs, costs
from glados_bots.inference.api.errors import ApiError, cannot_see, not_ready
from glados_bots.inference.api.generation import Generation
from glados_bots.inference.api.metrics import Metrics
from glados_bots.inference.api.picture_parts import PicturePart, PictureReader
from glados_bots.inference.embeddings.embedder import Embedder
from glados_bots.inference.engine import Engine
from glados_bots.processes.watchdog import watched_loop
from glados_bots.wire.events import Event, Sampling

log = logging.getLogger(__name__)

PULSE_S = 1.0  # how often to check whether the engine is alive
STOPPING = "the service is shutting down; ask again in a moment"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the engine gets it, whatever its endpoint."""

    model: str
    messages: Sequence[Message]
    sampling: Sampling
    choices: int = 1


class Service:
    """The engine's state as clients see it: loading, ready, draining or dead. The embedder shares it."""

    def __init__(
        self,
        engine: Engine,
        embedder: Embedder | None,
        gate: KeyGate,
        reader: PictureReader,
        on_death: Callable[[Exception], None],
    ) -> None:
        self.engine = engine
        self.embedder = embedder
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
        if self.embedder:
            await self.embedder.stop()

    async def load_and_watch(self) -> None:
        """Start the engine, then watch it. The process is useless without an engine, so a failure ends it."""
        try:
            if self.embedder:
                await self.embedder.start()  # first: the engine's cache takes what is left of a GPU's memory
            await self.engine.start()
            self._require_two_names()
        except ConfigError as error:
            self._die(error)
            return
        except Exception as error:
            log.exception("the engine cannot start")
            self._die(error)
            return
        self.loaded = True
        log.info("ready: %s", self._served)
        async with watched_loop(self.metrics.loop_lag.observe):
            while not self._fatal:  # noqa: ASYNC110 - an engine may die in a thread that can set no event
                await asyncio.sleep(PULSE_S)
        self._die(EngineDeadError(self._fatal))

    @property
    def _fatal(self) -> str:
        """Why the engine or the embedder is dead; empty while both live."""
        return self.engine.fatal or (self.embedder.fatal if self.embedder else None) or ""

    @property
    def _served(self) -> str:
        return ", ".join([*self.engine.models, *([self.embedder.model] if self.embedder else [])])

    def _require_two_names(self) -> None:
        if self.embedder and self.embedder.model in self.engine.models:
            raise ConfigError(
                f"GLADOS_EMBEDDING_MODEL: the chat model is named {self.embedder.model}, too; rename one of the folders"
            )

    def why_not_ready(self) -> str | None:
        """A sentence with the reason while the service refuses requests, else None."""
        if self._death or self._fatal:
            return f"the engine failed: {self._death or self._fatal}"
        if self._draining:
            return STOPPING
        return None if self.loaded else "the model is loading"

    def require_ready(self) -> None:
        """Raise ApiError (503) while the service refuses requests."""
        reason = self.why_not_ready()
        if reason:
            raise not_ready(reason)

    def require_model(self, name: str) -> None:
        """Raise ApiError: the service refuses requests (503), has no such model (404), or it does not chat (400)."""
        self.require_ready()
        if self.embedder is not None and name == self.embedder.model:
            remedy = f"ask {' or '.join(self.engine.models)}, or send texts to /v1/embeddings"
            raise ApiError(400, "cannot_chat", f"the model {name} embeds, and does not chat; {remedy}", param="model")
        if name not in self.engine.models:
            raise self.unknown(name)

    def unknown(self, name: str) -> ApiError:
        """The error of a model that is not served here."""
        return ApiError(404, "model_not_found", f"model {name[:100]!r} is not served here; served: {self._served}")

    async def shown(self, model: str, messages: list[Message], parts: Sequence[PicturePart]) -> list[Message]:
        """The messages with their pictures, see `PictureReader.read`.

        Raises:
            ApiError: (400) the model sees none, or a picture is bad.
        """
        if not parts:
            return messages
        if model not in self.engine.seeing:
            raise cannot_see(model, self.engine.seeing)
        return await self._reader.read(messages, parts)

    def begin(self, asked: Asked, request: Request) -> Generation:
        """Give a request to the engine. Raises ApiError (429) like `follow`."""
        bounds = costs(asked.messages, asked.sampling, self.engine).times(asked.choices)
        caller = request.state.caller.name
        wishes = seeded(asked.sampling, asked.choices)
        starts = [partial(self.engine.generate, asked.model, asked.messages, wish, caller) for wish in wishes]
        return self.follow(answers([starts]), bounds, request)

    def follow(self, events: AsyncGenerator[Event], bounds: Costs, request: Request) -> Generation:
        """Read the events of an accepted request, and count what it costs.

        Raises:
            ApiError: (429) running answers may use up the key's daily tokens.
        """
        caller: Caller = request.state.caller
        self.gate.reserve(caller, bounds.most)
        generation = Generation(events, request.receive, self.metrics, self._heed)
        self._live.add(generation)

        def ended(_: object) -> None:
            self._live.discard(generation)
            self.gate.settle(caller, bounds.most, generation.cost(bounds.least))

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
