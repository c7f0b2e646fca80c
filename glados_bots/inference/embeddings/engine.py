"""Serves one embedding model beside the chat model: in batches, which callers compute in turns.

One thread computes, with the help of half the processors. It gives way to the threads of the chat model, so chats
continue while thousands of texts are embedded.
"""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any

import numpy as np
import torch

from glados_bots.errors import ConfigError, EngineDeadError, GenerationFailedError, first_line
from glados_bots.inference.embeddings.batches import batches
from glados_bots.inference.embeddings.embedder import Job, Vectors
from glados_bots.inference.embeddings.model import EmbeddingModel
from glados_bots.inference.embeddings.tokens import tokens_of
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files import weights
from glados_bots.inference.model_files.before_loading.texts import require_whole
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.waiting_line import WaitingLine
from glados_bots.wire.events import Begun, Event, Finished

log = logging.getLogger(__name__)

NICENESS = 10  # of the thread that computes, where the system knows threads' priorities
PROBES = ("Hi", "A text of some more words, which is read together with the short one.")
ALIKE = 0.999  # least cosine of a text's vectors, alone and beside a longer text; bfloat16 reaches 0.9999


class TextEmbedder:
    """See `Embedder` for the contract."""

    def __init__(self, card: Card, options: EngineOptions, device: str) -> None:
        self._card = card
        self._options = options
        self._device = device
        self._line = WaitingLine(1, options.max_waiting)
        self._thread = ThreadPoolExecutor(1, "embeddings", initializer=_give_way, initargs=(device,))
        self._loaded: EmbeddingModel | None = None
        self._stopping = False
        self.fatal: str | None = None

    async def start(self) -> None:
        threads = torch.get_num_threads()
        try:
            self._loaded = await asyncio.get_running_loop().run_in_executor(self._thread, self._load)
        except Exception as error:
            await self.stop()
            if isinstance(error, ConfigError):
                raise
            log.exception("the embedding model cannot be loaded")
            reason = f"{self._card.name}: this embedding model cannot be loaded ({first_line(error)})"
            raise ConfigError(f"{reason}; choose another model, see docs/api/embeddings.md") from error
        finally:
            torch.set_num_threads(
                threads
            )  # of the threads to come: torch keeps the number of each thread, and the last
        log.info("embeddings: %s, %d numbers, window %d tokens", self.model, self.dimensions, self.context_length)

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    def _load(self) -> EmbeddingModel:
        folder = weights.fetch(self._card, self._options.data_dir, self._options.hf_token)
        require_whole(folder)
        exact = self._device == "cpu"  # on a CPU, half precision is no faster
        dtype = torch.float32 if exact else getattr(torch, self._options.dtype)
        model = EmbeddingModel(self._card, folder, self._device, dtype)
        self._require_length(model.dimensions)
        probes = tokens_of(model, Job(PROBES))
        alone, beside = model.vectors(probes[:1])[0], model.vectors(probes)[0]
        cosine = float(alone @ beside / (np.linalg.norm(alone) * np.linalg.norm(beside)))
        if not cosine > ALIKE:
            raise ConfigError(f"{self._card.name}: a longer text changes its vector of another; choose another model")
        return model

    def _require_length(self, found: int) -> None:
        """Raise ConfigError if vectors have another length than the card says: those who keep vectors rely on it."""
        told = self._card.embedding.dimensions if self._card.embedding else found
        if told != found:
            raise ConfigError(
                f"{self._card.name}: its vectors have {found} numbers, and its card says {told}; correct dimensions in "
                "[embedding] of its card, or choose another revision or model"
            )

    async def embed(self, job: Job, caller: str = "") -> AsyncGenerator[Event]:
        loaded = self._alive()
        tokens = await asyncio.to_thread(tokens_of, loaded, job)
        total, begun = sum(map(len, tokens)), False
        vectors: Vectors = np.empty((len(tokens), loaded.dimensions), dtype=np.float32)
        for batch in batches([len(text) for text in tokens], loaded.batch_tokens):
            async with aclosing(self._line.enter(caller, again=begun)) as places:
                async for queued in places:
                    if not begun:
                        yield queued
            try:
                if not begun:
                    begun = True
                    yield Begun(total)
                vectors[batch] = await self._computed([tokens[index] for index in batch])
            finally:
                self._line.leave(caller)
        job.vectors = shortened(vectors, job.dimensions)
        yield Finished("stop", total, 0, 0)

    async def _computed(self, texts: list[Sequence[int]]) -> Vectors:
        """The vectors of one batch. Raises GenerationFailedError or EngineDeadError."""
        loaded = self._alive()
        try:
            vectors: Vectors = await asyncio.get_running_loop().run_in_executor(self._thread, loaded.vectors, texts)
        except RuntimeError as error:
            raise self._told(error) from error
        if not np.isfinite(vectors).all():
            log.error("the embedding model %s computed a vector that is no number", self.model)
            raise GenerationFailedError("a vector is not a number; the model cannot embed one of these texts")
        return vectors

    def _told(self, error: RuntimeError) -> Exception:
        """What the client learns. After a fault of the GPU, every further batch would fail."""
        error.__traceback__ = None  # it holds the tensors of the failed batch
        log.error("embedding failed: %s", first_line(error))
        if isinstance(error, torch.OutOfMemoryError):
            torch.cuda.empty_cache()
            return GenerationFailedError("the GPU has too little memory for these texts; send shorter ones")
        if isinstance(error, torch.AcceleratorError):
            self.fatal = f"the GPU failed while embedding ({first_line(error)})"
            return EngineDeadError(self.fatal)
        return GenerationFailedError("the embedding model failed; the service's log has the details")

    def _alive(self) -> EmbeddingModel:
        if self._stopping:
            raise GenerationFailedError("the service is shutting down; ask again in a moment")
        if self.fatal or self._loaded is None:
            raise EngineDeadError(self.fatal or "the embedder has not been started")
        return self._loaded

    @property
    def model(self) -> str:
        return self._card.name

    @property
    def context_length(self) -> int:
        return self._loaded.window if self._loaded else 0

    @property
    def dimensions(self) -> int:
        return self._loaded.dimensions if self._loaded else 0

    @property
    def least_dimensions(self) -> int:
        told = self._card.embedding.least_dimensions if self._card.embedding else None
        return told or self.dimensions

    @property
    def waiting(self) -> int:
        return self._line.waiting

    @property
    def running(self) -> int:
        return self._line.running


def device_of(wanted: str, *, beside_vllm: bool) -> str:
    """Where torch computes embeddings: `cpu`, or the first GPU. Raises ConfigError if torch finds no GPU for `cuda`."""
    found = torch.cuda.is_available()
    if wanted == "cuda" and not found:
        raise ConfigError("GLADOS_EMBEDDING_DEVICE=cuda: torch finds no GPU here; choose cpu, or see `glados doctor`")
    return "cuda:0" if wanted == "cuda" or (wanted == "auto" and found and not beside_vllm) else "cpu"


def shortened(vectors: Vectors, dimensions: int | None) -> Vectors:
    """The first numbers of each vector, with length 1 again. Args: dimensions: how many; None: all, as they are."""
    if dimensions is None or dimensions == vectors.shape[1]:
        return vectors
    found: Any = vectors[:, :dimensions]
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    return np.ascontiguousarray(found / np.maximum(norms, np.finfo(np.float32).tiny), dtype=np.float32)


def _give_way(device: str) -> None:
    """Lower the priority of this thread, and of the threads that torch will start for it.

    With more threads than processors, those that wait for each other would spin, and take the chat model's time.
    """
    if device == "cpu":
        torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    except (AttributeError, OSError):
        log.info("the system does not lower the priority of a thread; chats may be slower while texts are embedded")
