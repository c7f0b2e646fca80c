"""An embedder whose vectors are known from the texts, and which computes when the test says so."""

import asyncio
from collections.abc import AsyncGenerator

import numpy as np

from glados_bots.inference.embeddings.embedder import Job
from glados_bots.wire.events import Begun, Event, Finished


class ScriptedEmbedder:
    """A vector holds the place of its text, the text's length, 0 and 0. A letter or an id is a token.

    Attributes:
        asked: the jobs it got, with their callers.
        failure: raised in place of the first event.
        gate: with one, waits before the vectors until the test opens it.
        begun, finished, closed: numbers of jobs; a closed one may have finished or not.
    """

    model = "vectors"
    context_length = 100
    dimensions = 4
    least_dimensions = 2
    waiting = 3
    running = 1

    def __init__(self) -> None:
        self.asked: list[tuple[Job, str]] = []
        self.failure: Exception | None = None
        self.load_error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.begun = self.finished = self.closed = 0
        self.fatal: str | None = None
        self.stopped = False

    async def start(self) -> None:
        """Load, as the test says."""
        if self.load_error:
            raise self.load_error

    async def stop(self) -> None:
        """Note it."""
        self.stopped = True

    async def embed(self, job: Job, caller: str = "") -> AsyncGenerator[Event]:
        """Play the script."""
        self.asked.append((job, caller))
        if self.failure:
            raise self.failure
        sizes = [len(text) for text in job.inputs]
        try:
            self.begun += 1
            yield Begun(sum(sizes))
            if self.gate:
                await self.gate.wait()
            rows = [[place, size, 0, 0] for place, size in enumerate(sizes)]
            job.vectors = np.array(rows, dtype=np.float32)[:, : job.dimensions]
            self.finished += 1
            yield Finished("stop", sum(sizes), 0, 0)
        finally:
            self.closed += 1
