"""The dense scheduler: what it does when memory is short, when readers leave, and who finds whose cache."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3NextConfig

from glados_bots.conversation import Message
from glados_bots.errors import EngineDeadError, GenerationFailedError
from glados_bots.inference.transformers_engine.dense import batch, states
from glados_bots.inference.transformers_engine.dense.batch import Request
from glados_bots.inference.transformers_engine.dense.kept import SHORTEST, Kept
from glados_bots.inference.transformers_engine.dense.scheduler import DenseScheduler
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.wire.events import Delta, Finished, Sampling
from tests.inference import tiny
from tests.inference.tiny import GREEDY, answer, card, started
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
QUESTIONS = ("Hi", "What is the sum of two and three? " * 6, "Tell me about pages. " * 20, "word " * 150)
SIZE = {
    "vocab_size": tiny.VOCABULARY, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 128, "max_position_embeddings": 1024,
}  # fmt: skip
LINEAR = {f"linear_{name}": 16 for name in ("key_head_dim", "value_head_dim")} | {
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "num_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32,
    "layer_types": ["linear_attention", "full_attention"] * 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with linear attention, whose weights are drawn wide."""
    place = tmp_path_factory.mktemp("linear")
    patched = pytest.MonkeyPatch()
    patched.setattr(tiny, "config", lambda _kind, **_more: Qwen3NextConfig(**SIZE, **LINEAR))
    tiny.write_base("linear", place)
    patched.undo()
    return place


@pytest.fixture
async def engine(folder: Path) -> AsyncIterator[TransformersEngine]:
    engine = await started(card(folder), dtype="float32")
    assert isinstance(engine.scheduler, DenseScheduler)
    yield engine
    await engine.stop()


def scheduler_of(engine: TransformersEngine) -> Any:
    return engine.scheduler


async def together(engine: TransformersEngine) -> list[str]:
    return [text for text, _ in await asyncio.gather(*(answer(engine, question) for question in QUESTIONS))]


async def alone(engine: TransformersEngine) -> list[str]:
    return [(await answer(engine, question))[0] for question in QUESTIONS]


async def test_an_answer_is_the_same_as_by_generate(engine: TransformersEngine, folder: Path) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for question, text in zip(QUESTIONS, await alone(engine), strict=True):
        prompt = engine._encode([Message("user", question)], GREEDY).tokens
        said = model.generate(torch.tensor([prompt]), max_new_tokens=16, do_sample=False)[0, len(prompt) :]
        assert text == engine.encoder.tokenizer.decode(said, skip_special_tokens=True)
    assert await together(engine) == await alone(engine)


async def test_short_memory_puts_requests_back_and_changes_no_answer(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await alone(engine)
    scheduler, put_back = scheduler_of(engine), Mock()
    caches = scheduler._caches
    put_back.side_effect = caches._put_back_newest
    caches._put_back_newest = put_back
    caches.budget = 200_000
    monkeypatch.setattr(caches, "expected", lambda _: 0)  # so that all are let in
    with scheduler.paused():
        while caches.kept.drop_oldest():
            continue
        answers = []
        for question in QUESTIONS:  # in this order, because how much memory they take together depends on it
            answers.append(asyncio.create_task(answer(engine, question)))
            await until(lambda: len(scheduler._mailbox._new) == len(answers))
    assert [text for text, _ in await asyncio.gather(*answers)] == expected
    assert put_back.called
    assert caches.used <= 200_000


async def test_a_full_device_repeats_the_step_and_nobody_notices(engine: TransformersEngine) -> None:
    expected, steps = await alone(engine), 0

    def fail(*_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps in {2, 5, 9}:
            raise torch.OutOfMemoryError("out of memory (said by the test)")

    engine._model.register_forward_pre_hook(fail)
    assert await together(engine) == expected
    assert steps > 9
    assert engine.fatal is None


async def test_a_device_that_fills_up_within_a_step_spoils_no_cache(engine: TransformersEngine) -> None:
    """Some layers have read the tokens by then, and the others have not."""
    expected, passes = await alone(engine), 0

    def fail(*_: Any) -> None:
        nonlocal passes
        passes += 1
        if passes in {2, 6, 11, 30}:
            raise torch.OutOfMemoryError("out of memory (said by the test)")

    engine._model.model.layers[1].register_forward_hook(fail)
    assert await together(engine) == expected
    assert passes > 30
    assert engine.fatal is None


async def test_a_device_that_fills_up_beside_a_step_loses_no_request(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, scheduler = await alone(engine), scheduler_of(engine)
    places = [(scheduler, "_choose"), (batch, "joined"), (batch, "selected"), (scheduler._caches.kept, "add")]
    for owner, name in [*places, (scheduler._caches.kept, "find")]:
        calls, whole = 0, getattr(owner, name)

        def failing(*args: Any, whole: Any = whole) -> Any:
            nonlocal calls
            calls += 1
            if calls in {1, 3}:
                raise torch.OutOfMemoryError("out of memory (said by the test)")
            return whole(*args)

        with monkeypatch.context() as patched:
            patched.setattr(owner, name, failing)
            assert await together(engine) == expected, name
            await until(lambda: not scheduler._caches.all)
        assert calls >= 3, name
        assert engine.fatal is None
        assert not scheduler._mailbox._unfinished


async def test_a_reader_who_leaves_a_full_device_is_forgotten(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler, whole, left = scheduler_of(engine), states.selected, asyncio.Event()

    def failing(*args: Any) -> Any:
        if left.is_set():
            left.clear()
            raise torch.OutOfMemoryError("out of memory (said by the test)")
        return whole(*args)

    monkeypatch.setattr(batch, "selected", failing)
    expected = (await answer(engine, QUESTIONS[1]))[0]
    long = Sampling(max_tokens=300, temperature=0.0)
    async with aclosing(engine.generate("", [Message("user", QUESTIONS[2])], long)) as events:
        staying = asyncio.create_task(answer(engine, QUESTIONS[1]))
        async for event in events:
            if isinstance(event, Delta):
                break
        left.set()
    assert (await staying)[0] == expected
    await until(lambda: not scheduler._caches.all)


async def test_after_a_short_prompt_a_long_one_is_not_expected_to_take_more_than_it_does(
    engine: TransformersEngine,
) -> None:
    """The states of a linear layer have one size, whatever the prompt's length."""
    scheduler = scheduler_of(engine)
    await answer(engine, QUESTIONS[0])
    await answer(engine, QUESTIONS[3])
    while scheduler._caches.kept.drop_oldest():
        continue
    prompt = engine._encode([Message("user", QUESTIONS[2])], GREEDY).tokens
    expected, taken = scheduler._caches.expected(Request("", prompt, 1, Mock())), 0.0

    def measure(*_: Any) -> None:
        nonlocal taken
        taken = max(taken, scheduler._caches.used - scheduler._caches.kept.bytes)

    engine._model.register_forward_hook(measure)
    await answer(engine, QUESTIONS[2])
    assert taken / 2 < expected < 2 * taken


async def test_a_request_that_never_fits_fails_alone(engine: TransformersEngine) -> None:
    def fail(model: Any, args: Any, told: dict[str, Any]) -> None:
        del model, args
        if told["attention_mask"].shape[1] > 120:
            raise torch.OutOfMemoryError("out of memory (said by the test)")

    engine._model.register_forward_pre_hook(fail, with_kwargs=True)
    results = await asyncio.gather(*(answer(engine, question) for question in QUESTIONS), return_exceptions=True)
    assert isinstance(results[0], tuple)
    assert "has too little memory" in str(results[3])
    assert (await answer(engine, "Hi"))[0]
    await until(lambda: not scheduler_of(engine)._caches.all)


async def test_a_reader_who_leaves_changes_nobody_elses_answer(engine: TransformersEngine) -> None:
    expected = await alone(engine)
    leaving = engine.generate("", [Message("user", QUESTIONS[2])], Sampling(max_tokens=200, temperature=0.0))

    async def leave() -> None:
        async with aclosing(leaving) as events:
            async for event in events:
                if isinstance(event, Delta):
                    return

    texts, _ = await asyncio.gather(together(engine), leave())
    assert texts == expected
    scheduler = scheduler_of(engine)
    await until(lambda: not scheduler._caches.all)
    assert not scheduler._mailbox._unfinished
    assert not scheduler._mailbox._found


async def test_only_the_same_caller_finds_a_cache(engine: TransformersEngine) -> None:
    async def cached(caller: str) -> int:
        messages = [Message("user", QUESTIONS[3])]
        async with aclosing(engine.generate("", messages, GREEDY, caller)) as events:
            return sum([event.cached_tokens async for event in events if isinstance(event, Finished)])

    assert await cached("a") == 0
    assert await cached("a") > 100
    assert await cached("b") == 0


async def test_stopping_fails_what_runs_and_ends_the_thread(engine: TransformersEngine) -> None:
    running = asyncio.create_task(answer(engine, QUESTIONS[3], Sampling(max_tokens=500, temperature=0.0)))
    await until(lambda: scheduler_of(engine)._caches.all)
    await engine.stop()
    with pytest.raises((GenerationFailedError, EngineDeadError)):
        await running
    assert not scheduler_of(engine)._thread.is_alive()


async def test_a_broken_step_is_fatal_and_told(engine: TransformersEngine) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the device is lost (said by the test)")

    engine._model.register_forward_pre_hook(fail)
    with pytest.raises(EngineDeadError, match="the device is lost"):
        await answer(engine, "Hi")
    assert engine.fatal is not None


def test_kept_caches_stay_within_their_budget_and_the_oldest_go_first() -> None:
    class Layer:
        def __init__(self) -> None:
            self.keys = self.values = torch.zeros(1, 1, SHORTEST, 4)

    class Held:
        layers = (Layer(),)

    one = 2 * SHORTEST * 4 * 4
    kept = Kept(2 * one)
    for first in range(3):
        kept.add("", [first] * SHORTEST, Held())
    assert kept.bytes == 2 * one
    assert [kept.find("", [first] * (SHORTEST + 1))[0] for first in range(3)] == [0, SHORTEST, SHORTEST]
    assert kept.find("", [2] * SHORTEST) == (0, None)
    assert kept.find("other", [2] * (SHORTEST + 1)) == (0, None)
