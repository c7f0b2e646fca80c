"""The engine of embeddings: vectors equal to sentence-transformers', in batches, in turns, and through faults."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glados_bots.errors import (
    ConfigError,
    EngineDeadError,
    GenerationFailedError,
    InputRefusedError,
    QueueFullError,
)
from glados_bots.inference.embeddings.embedder import Job
from glados_bots.inference.embeddings.engine import TextEmbedder, device_of, shortened
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files.cards import Base, Card, Embedding
from glados_bots.wire.events import Begun, Finished, Queued
from tests.inference.embeddings.reference import SAVED, TEXTS, reference
from tests.waiting import until

CLOSE = 1e-5

pytestmark = pytest.mark.slow


def made(folder: Path, data: Path, *, max_waiting: int = 64, **embedding: Any) -> TextEmbedder:
    """An embedder of the folder's model."""
    told = Embedding(**embedding) if embedding else None
    card = Card(name=folder.name, base=Base(folder=folder), embedding=told)
    return TextEmbedder(card, EngineOptions(data, max_waiting=max_waiting), "cpu")


@pytest.fixture
async def embedder(tmp_path: Path) -> AsyncIterator[TextEmbedder]:
    made_here = made(SAVED / "dense", tmp_path, max_waiting=2)
    await made_here.start()
    yield made_here
    await made_here.stop()


async def run(embedder: TextEmbedder, job: Job, caller: str = "") -> Any:
    """The vectors of a job."""
    events = [event async for event in embedder.embed(job, caller)]
    assert isinstance(events[-1], Finished)
    return job.vectors


@pytest.mark.parametrize("name", ["cls", "dense", "lasttoken"])
async def test_the_vectors_are_those_of_sentence_transformers(name: str, tmp_path: Path) -> None:
    embedder = made(SAVED / name, tmp_path)
    await embedder.start()
    vectors = await run(embedder, Job(TEXTS))
    await embedder.stop()
    assert vectors.shape == reference(name).shape
    assert np.abs(vectors - reference(name)).max() < CLOSE


async def test_a_query_has_the_prefix_of_the_files(embedder: TextEmbedder) -> None:
    queries = await run(embedder, Job(TEXTS, "query"))
    assert np.abs(queries - reference("dense query")).max() < CLOSE
    assert np.abs(queries - reference("dense")).max() > 0.01


async def test_the_cards_prefixes_win_over_those_of_the_files(tmp_path: Path) -> None:
    embedder = made(SAVED / "dense", tmp_path, dimensions=12, query_prefix="", document_prefix="red ")
    await embedder.start()
    plain, query = await run(embedder, Job(["cat"])), await run(embedder, Job(["cat"], "query"))
    document, red = await run(embedder, Job(["cat"], "document")), await run(embedder, Job(["red cat"]))
    await embedder.stop()
    assert np.array_equal(plain, query)
    assert np.array_equal(document, red)


async def test_token_ids_mean_what_the_tokenizer_makes_of_the_text(embedder: TextEmbedder) -> None:
    assert embedder._loaded is not None
    ids = embedder._loaded.tokenizer(TEXTS)["input_ids"]
    assert np.abs(await run(embedder, Job(ids)) - reference("dense")).max() < CLOSE


async def test_thousands_of_texts_keep_their_order(embedder: TextEmbedder) -> None:
    assert embedder._loaded is not None
    embedder._loaded.batch_tokens = 64
    texts = [TEXTS[place % len(TEXTS)] for place in range(500)]
    vectors = await run(embedder, Job(texts))
    expected = reference("dense")[[place % len(TEXTS) for place in range(500)]]
    assert np.abs(vectors - expected).max() < CLOSE


async def test_what_is_counted_is_known_from_the_first_batch_on(embedder: TextEmbedder) -> None:
    events = [event async for event in embedder.embed(Job(["the cat", "a dog sat"]))]
    assert events == [Begun(9), Finished("stop", 9, 0, 0)]


@pytest.mark.parametrize(
    ("job", "field", "said"),
    [
        (Job(["a", "the " * 119]), "input", "the text at input[1] has 121 tokens"),
        (Job([[5], [5] * 121]), "input", "the text at input[1] has 121 tokens"),
        (Job([[5], [32]]), "input", "input[1]: this model has token ids 0 to 31"),
        (Job([[5]], "query"), "input_type", "token ids get no prefix"),
        (Job(["a"], truncate=2), "truncate_prompt_tokens", "this model reads 3 to 120 tokens"),
        (Job(["a"], truncate=121), "truncate_prompt_tokens", "this model reads 3 to 120 tokens"),
    ],
)
async def test_a_job_that_cannot_be_done_is_refused_with_its_place(
    embedder: TextEmbedder, job: Job, field: str, said: str
) -> None:
    with pytest.raises(InputRefusedError) as caught:
        await run(embedder, job)
    assert caught.value.name == field
    assert said in str(caught.value)
    assert (embedder.waiting, embedder.running) == (0, 0)


async def test_a_longer_text_is_cut_at_its_end_where_the_client_wants_it(embedder: TextEmbedder) -> None:
    cut = await run(embedder, Job(["red cat " + "dog " * 500], truncate=4))
    assert np.array_equal(cut, await run(embedder, Job(["red cat"])))
    whole = await run(embedder, Job(["dog " * 500], truncate=-1))
    assert np.array_equal(whole, await run(embedder, Job(["dog " * 118])))
    assert np.array_equal(await run(embedder, Job([[5, 6, 7]], truncate=2 + 1)), await run(embedder, Job([[5, 6, 7]])))


async def test_the_window_leaves_out_the_positions_of_padding(tmp_path: Path) -> None:
    folder = tmp_path / "dense"
    shutil.copytree(SAVED / "dense", folder)
    told = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**told, "model_max_length": 10**30}))
    embedder = made(folder, tmp_path)
    await embedder.start()
    assert embedder.context_length == 129  # of 130 positions, XLM-RoBERTa leaves the first to padding
    assert np.isfinite(await run(embedder, Job(["dog " * 127]))).all()
    await embedder.stop()


def test_a_shortened_vector_has_length_one_again() -> None:
    vectors = np.array([[3.0, 4.0, 12.0], [0.0, 0.0, 1.0]], dtype=np.float32)
    assert shortened(vectors, None) is vectors
    assert shortened(vectors, 3) is vectors
    assert np.allclose(shortened(vectors, 2), [[0.6, 0.8], [0.0, 0.0]])


class Gate:
    """Holds back the computing of batches, and notes whose batches were computed.

    Token 5 to 9 in front of a text says whose it is.
    """

    def __init__(self, embedder: TextEmbedder, *, size: int) -> None:
        assert embedder._loaded is not None
        self._loaded = embedder._loaded
        self._loaded.batch_tokens = size
        self._compute = self._loaded.vectors
        self.begun = 0
        self.order: list[int] = []
        self.errors: list[Exception] = []
        self._open = asyncio.Semaphore(0)
        self._loop = asyncio.get_running_loop()
        setattr(self._loaded, "vectors", self.vectors)  # noqa: B010 - mypy knows methods as constant

    def vectors(self, texts: Sequence[Sequence[int]]) -> Any:
        self.begun += 1
        asyncio.run_coroutine_threadsafe(self._open.acquire(), self._loop).result(30)
        self.order.append(texts[0][0])
        if self.errors:
            raise self.errors.pop()
        return self._compute(texts)

    def let(self, count: int) -> None:
        """Let this many batches through."""
        for _ in range(count):
            self._open.release()


async def test_callers_take_turns_batch_by_batch(embedder: TextEmbedder) -> None:
    gate = Gate(embedder, size=2)
    long = asyncio.create_task(run(embedder, Job([[5, 5]] * 6), "long"))
    await until(lambda: embedder.running == 1)
    short = asyncio.create_task(run(embedder, Job([[6, 6]] * 2), "short"))
    await until(lambda: embedder.waiting == 1)
    gate.let(8)
    await asyncio.gather(long, short)
    assert gate.order == [5, 6, 5, 6, 5, 5, 5, 5]


async def test_one_caller_with_many_requests_holds_up_another_by_one_batch(embedder: TextEmbedder) -> None:
    gate = Gate(embedder, size=2)
    many = [asyncio.create_task(run(embedder, Job([[5, 5]] * 3), "many")) for _ in range(2)]
    await until(lambda: (embedder.running, embedder.waiting) == (1, 1))
    other = asyncio.create_task(run(embedder, Job([[6, 6]]), "other"))
    await until(lambda: embedder.waiting == 2)
    gate.let(7)
    await asyncio.gather(*many, other)
    assert gate.order.index(6) <= 2


async def test_who_has_begun_is_never_refused_and_makes_way_last(embedder: TextEmbedder) -> None:
    gate = Gate(embedder, size=2)
    begun = [asyncio.create_task(run(embedder, Job([[5, 5]] * 2), "greedy"))]
    await until(lambda: gate.begun == 1)
    waiting = [asyncio.create_task(run(embedder, Job([[6, 6]] * 2), "greedy")) for _ in range(2)]
    await until(lambda: embedder.waiting == 2)
    gate.let(1)
    await until(lambda: embedder.waiting == 3 or gate.begun == 2)  # the first is back in a line that was full
    others = [asyncio.create_task(run(embedder, Job([[7, 7]]), f"other {place}")) for place in range(2)]
    await until(lambda: any(one.done() for one in [*waiting, *others]))
    gate.let(9)
    ended = await asyncio.gather(*begun, *waiting, *others, return_exceptions=True)
    assert isinstance(ended[0], np.ndarray)
    assert sum(isinstance(one, QueueFullError) for one in ended) >= 1


async def test_a_full_line_refuses_the_greediest(embedder: TextEmbedder) -> None:
    gate = Gate(embedder, size=2)
    jobs = [asyncio.create_task(run(embedder, Job([[5, 5]]), "greedy")) for _ in range(4)]
    done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    assert [type(one.exception()) for one in done] == [QueueFullError]
    gate.let(3)
    await asyncio.gather(*jobs, return_exceptions=True)
    assert (embedder.waiting, embedder.running) == (0, 0)


async def test_a_client_that_leaves_computes_no_further_batch(embedder: TextEmbedder) -> None:
    gate = Gate(embedder, size=2)
    async with aclosing(embedder.embed(Job([[5, 5]] * 50), "left")) as events:
        assert isinstance(await anext(events), Begun)
        reading = asyncio.create_task(anext(events))
        await until(lambda: gate.begun == 1)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    gate.let(2)
    await run(embedder, Job([[6, 6]]), "stays")
    assert gate.order == [5, 6]


async def test_a_request_that_waits_learns_its_place(embedder: TextEmbedder) -> None:
    gate = Gate(embedder, size=2)
    first = asyncio.create_task(run(embedder, Job([[5, 5]]), "first"))
    await until(lambda: embedder.running == 1)
    async with aclosing(embedder.embed(Job([[6, 6]]), "second")) as events:
        assert await anext(events) == Queued(0, None)
        gate.let(2)
        assert [type(event) async for event in events] == [Begun, Finished]
    await first


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (RuntimeError("bang"), "the service's log has the details"),
        (torch.OutOfMemoryError("CUDA out of memory"), "too little memory"),
    ],
)
async def test_a_batch_that_fails_ends_its_request_only(embedder: TextEmbedder, fault: Exception, said: str) -> None:
    gate = Gate(embedder, size=64)
    gate.errors.append(fault)
    gate.let(2)
    with pytest.raises(GenerationFailedError, match=said):
        await run(embedder, Job(["cat"]))
    assert await run(embedder, Job(["cat"])) is not None
    assert embedder.fatal is None


async def test_after_a_fault_of_the_gpu_the_embedder_is_dead(embedder: TextEmbedder) -> None:
    gate = Gate(embedder, size=64)
    gate.errors.append(torch.AcceleratorError("CUDA error: device-side assert triggered"))
    gate.let(1)
    with pytest.raises(EngineDeadError):
        await run(embedder, Job(["cat"]))
    assert "device-side assert" in str(embedder.fatal)
    with pytest.raises(EngineDeadError):
        await run(embedder, Job(["cat"]))


async def test_a_vector_that_is_no_number_is_an_error(embedder: TextEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert embedder._loaded is not None
    monkeypatch.setattr(embedder._loaded, "vectors", lambda texts: np.full((len(texts), 12), np.nan))
    with pytest.raises(GenerationFailedError, match="not a number"):
        await run(embedder, Job(["cat"]))


async def test_a_stopped_embedder_refuses(tmp_path: Path) -> None:
    embedder = made(SAVED / "cls", tmp_path)
    with pytest.raises(EngineDeadError):
        await run(embedder, Job(["cat"]))
    await embedder.start()
    await embedder.stop()
    with pytest.raises(GenerationFailedError, match="shutting down"):
        await run(embedder, Job(["cat"]))


async def test_a_model_that_does_not_heed_padding_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_tokens(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
        del mask, pooling
        return states.sum(1) * states.shape[1] - 1

    monkeypatch.setattr("glados_bots.inference.embeddings.model.pooled", all_tokens)
    with pytest.raises(ConfigError, match="a longer text changes"):
        await made(SAVED / "cls", tmp_path).start()


async def test_the_threads_to_come_have_all_processors(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    embedder = made(SAVED / "cls", tmp_path)
    await embedder.start()
    assert await asyncio.to_thread(torch.get_num_threads) == before
    await embedder.stop()


def test_the_device() -> None:
    assert device_of("cpu", beside_vllm=False) == "cpu"
    if torch.cuda.is_available():
        assert device_of("auto", beside_vllm=False) == "cuda:0"
        assert device_of("auto", beside_vllm=True) == "cpu"
    else:
        with pytest.raises(ConfigError, match="GLADOS_EMBEDDING_DEVICE"):
            device_of("cuda", beside_vllm=False)
