"""Out of memory in a step: answers go on where they were, the one that is too large fails, and the service lives."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from glados_bots.errors import GenerationFailedError
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.transformers_engine.out_of_memory import rewind_starved
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.wire.events import Grammar, Sampling
from tests.inference.tiny import answer, card, manager_of, started, write_base
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
QUESTIONS = ["Hello there", "What is water?", "Name three colours."]
LONG = "word " * 300
FEW_PAGES = 264e-6  # GB: 33 pages, with 1,056 tokens in float32


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[TransformersEngine]:
    engine = await started(card(write_base("neox", tmp_path)), quantize="none")
    yield engine
    await engine.stop()


class Memory:
    """Stands between the engine and its model: raises torch's own error when the test says so."""

    def __init__(self, engine: TransformersEngine) -> None:
        self.steps = 0
        self.fails_at: set[int] = set()
        self.most_tokens = 10**9
        engine._model.register_forward_pre_hook(self._before, with_kwargs=True)

    def _before(self, model: Any, args: Any, kwargs: dict[str, Any]) -> None:
        del model, args
        self.steps += 1
        if self.steps in self.fails_at or kwargs["cu_seq_lens_k"]["full_attention"][-1] > self.most_tokens:
            raise torch.OutOfMemoryError("CUDA out of memory (said by the test)")


async def test_a_step_without_memory_is_taken_again_and_nobody_notices(engine: TransformersEngine) -> None:
    expected = [(await answer(engine, question))[0] for question in QUESTIONS]
    memory = Memory(engine)
    for step in (1, 4, 9):
        memory.steps, memory.fails_at = 0, {step}
        together = await asyncio.gather(*(answer(engine, question) for question in QUESTIONS))
        assert [text[:8] for text, _ in together] == [text[:8] for text in expected]
        assert memory.steps > step
    assert engine.fatal is None


async def test_the_request_that_never_fits_fails_alone_and_the_service_lives(engine: TransformersEngine) -> None:
    memory = Memory(engine)
    memory.most_tokens = 250
    results = await asyncio.gather(
        answer(engine, QUESTIONS[0]), answer(engine, LONG), answer(engine, QUESTIONS[1]), return_exceptions=True
    )
    assert isinstance(results[1], GenerationFailedError)
    assert "has too little memory" in str(results[1])
    assert isinstance(results[0], tuple)
    assert isinstance(results[2], tuple)
    assert engine.fatal is None
    assert engine.stats().running == 0
    cache = manager_of(engine).batch_processor.cache
    await until(lambda: not any(allocator.block_table for allocator in cache.cache_allocators.values()))  # no page held
    assert (await answer(engine, QUESTIONS[2], Sampling(max_tokens=4, temperature=0.0)))[0]


async def test_answers_with_a_form_survive_a_cache_of_few_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request fits alone, but not all of them together: the library takes pages away and reads them again."""
    reset: list[str] = []
    rewind = Sampler.rewind

    def spied(sampler: Sampler, request_id: str, length: int) -> None:
        reset.append(request_id)
        rewind(sampler, request_id, length)

    monkeypatch.setattr(Sampler, "rewind", spied)
    engine = await started(card(write_base("llama", tmp_path)), quantize="none", dtype="float32", cache_gb=FEW_PAGES)
    questions = [f"Question {number}" for number in range(6)]
    letters = Sampling(300, 0.0, grammar=Grammar("regex", "([a-z]{3} ){500}"))
    try:
        alone = [(await answer(engine, question, letters))[0] for question in questions]
        assert not reset
        together = await asyncio.gather(*(answer(engine, question, letters) for question in questions))
        assert [text for text, _ in together] == alone
        assert all(re.fullmatch("([a-z]{3} )*[a-z]{0,3}", text) for text in alone)
        assert reset
    finally:
        await engine.stop()


def test_the_token_of_a_step_that_the_library_drops_is_taken_back() -> None:
    active = {name: SimpleNamespace(request_id=name, initial_tokens=[1, 2], generated_tokens=[5]) for name in "ab"}
    manager = SimpleNamespace(offload_requests=lambda: bool(active.pop("b")))
    told: list[tuple[str, int]] = []
    processor = SimpleNamespace(scheduler=SimpleNamespace(active_requests=active), offloading_manager=manager)
    rewind_starved(processor, lambda name, length: told.append((name, length)))
    assert processor.offloading_manager.offload_requests()
    assert told == [("b", 3)]
