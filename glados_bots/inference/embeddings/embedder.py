"""The interface between the HTTP service and what makes vectors of texts. Without torch."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from glados_bots.inference.embeddings.recipe import InputType
from glados_bots.wire.events import Event

Vectors = NDArray[np.float32]


@dataclass(slots=True)
class Job:
    """The texts of one request, and their vectors once the job has finished."""

    inputs: Sequence[str | Sequence[int]]  # texts, or token ids as the model's own tokenizer makes them
    input_type: InputType | None = None  # which prefix stands before the texts
    dimensions: int | None = None  # numbers of a vector; None: all
    # Tokens that are left of a longer text, from its beginning; -1: the window. None: a longer text is refused
    truncate: int | None = None
    vectors: Vectors | None = None  # one row per input


class Embedder(Protocol):
    """One loaded model that makes vectors for many requests at the same time."""

    async def start(self) -> None:
        """Load the weights and embed one text. Raises ConfigError if the model cannot be loaded."""

    async def stop(self) -> None:
        """End the thread that computes, and free the model."""

    def embed(self, job: Job, caller: str = "") -> AsyncGenerator[Event]:
        """Fill in the job's vectors: any number of `Queued`, then `Begun`, then exactly one `Finished`.

        `caller` names the sender: callers take turns batch by batch. Closing the iterator ends the job after the
        batch that is being computed.

        Raises (from the first `__anext__` on):
            InputRefusedError: a text does not fit the window, or the model cannot do what the job asks for.
            QueueFullError: too many requests wait already.
            GenerationFailedError: this request failed; others continue.
            EngineDeadError: the embedder cannot continue.
        """

    @property
    def model(self) -> str:
        """The name of the model."""

    @property
    def context_length(self) -> int:
        """Most tokens of a text."""

    @property
    def dimensions(self) -> int:
        """Numbers of a vector."""

    @property
    def least_dimensions(self) -> int:
        """The shortest vector that a request may ask for."""

    @property
    def fatal(self) -> str | None:
        """Why the embedder is dead, or None while it lives."""

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""

    @property
    def running(self) -> int:
        """Requests whose batch is being computed."""
