"""One overview for people: what runs, what waits, which model. It contains no names, and nothing that people wrote."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from glados_bots.errors import InferenceError, StoreUnavailableError
from glados_bots.store.connection import Client
from glados_bots.store.work import Work, work
from glados_bots.wire.client import InferenceClient
from glados_bots.wire.model_list import ModelInfo

Health = Literal["well", "waiting", "away"]
PATIENCE_S = 3.0  # a page that shows what is wrong must not hang because of it
FRESH_S = 1.0  # an overview costs requests to the service and to Redis, so callers within this time share one


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of everything at one moment."""

    store: str  # why Redis does not answer; empty if it does
    model: str  # why the model does not answer; empty if it does
    models: tuple[ModelInfo, ...]  # the served models, the default first
    lines: tuple[Work, ...]  # platforms that have workers or work
    took_s: float  # how long the inference service took to answer, in seconds

    @property
    def health(self) -> Health:
        """`well`; `waiting` if the model does not answer: answers are late; `away` without Redis: questions fail."""
        return "away" if self.store else "waiting" if self.model else "well"


class Glance:
    """At most one overview per FRESH_S, however many callers ask. After a failed one, the next call tries again."""

    def __init__(self, client: Client, model: InferenceClient, platforms: Iterable[str]) -> None:
        self._look = partial(look, client, model, platforms)
        self._last: asyncio.Task[Overview] | None = None
        self._began = 0.0

    async def overview(self) -> Overview:
        now = time.monotonic()
        if self._last is None or now - self._began >= FRESH_S or _has_failed(self._last):
            self._last, self._began = asyncio.create_task(self._look()), now
        return await asyncio.shield(self._last)


def _has_failed(look: asyncio.Task[Overview]) -> bool:
    return look.done() and (look.cancelled() or look.exception() is not None)


async def look(client: Client, model: InferenceClient, platforms: Iterable[str]) -> Overview:
    """Ask Redis and the inference service for their state, for PATIENCE_S seconds at most."""
    (lines, store), (models, why, took_s) = await asyncio.gather(_lines(client, platforms), _models(model))
    return Overview(store, why, models, lines, took_s)


async def _models(model: InferenceClient) -> tuple[tuple[ModelInfo, ...], str, float]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            return tuple(await model.models()), "", time.monotonic() - began
    except (InferenceError, TimeoutError) as error:
        return (), str(error) or "the inference service takes too long to answer", time.monotonic() - began


async def _lines(client: Client, platforms: Iterable[str]) -> tuple[tuple[Work, ...], str]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = [await work(client, name) for name in platforms]
    except (StoreUnavailableError, TimeoutError) as error:
        return (), str(error) or "the conversation store takes too long to answer"
    return tuple(line for line in found if line.is_used), ""
