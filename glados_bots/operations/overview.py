"""What runs, what waits, which model: one look at everything, for people. No word and no name of anybody is in it."""

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
PATIENCE_S = 3.0  # a page about what is wrong must not hang on it
FRESH_S = 1.0  # a look costs a question to the service and some to Redis, so it is shared by those who ask meanwhile


@dataclass(frozen=True, slots=True)
class Overview:
    """One look."""

    store: str  # why Redis does not answer; empty when it does
    model: str  # why the model does not answer; empty when it does
    models: tuple[ModelInfo, ...]  # what is served, the default first
    lines: tuple[Work, ...]  # platforms that run or have something to do
    took_s: float  # how long the model's service took to answer

    @property
    def health(self) -> Health:
        """`well`; `waiting` for the model, which delays answers; `away` without Redis, which refuses questions."""
        return "away" if self.store else "waiting" if self.model else "well"


class Glance:
    """One look a second at most, however many ask. A look that fails is nobody's: the next one asks anew."""

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
    """Look at everything, for a few seconds at most."""
    (lines, store), (models, why, took_s) = await asyncio.gather(_lines(client, platforms), _models(model))
    return Overview(store, why, models, lines, took_s)


async def _models(model: InferenceClient) -> tuple[tuple[ModelInfo, ...], str, float]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            return tuple(await model.models()), "", time.monotonic() - began
    except (InferenceError, TimeoutError) as error:
        return (), str(error) or "the inference service takes long to answer", time.monotonic() - began


async def _lines(client: Client, platforms: Iterable[str]) -> tuple[tuple[Work, ...], str]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = [await work(client, name) for name in platforms]
    except (StoreUnavailableError, TimeoutError) as error:
        return (), str(error) or "the conversation store takes long to answer"
    return tuple(line for line in found if line.is_used), ""
