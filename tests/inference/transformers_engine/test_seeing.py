"""Models that see: what they say about pictures is what `generate` says, alone, in a batch and beside texts."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
import torch
from peft import LoraConfig, get_peft_model

from glados_bots.conversation import Message, Picture
from glados_bots.errors import GenerationFailedError, PictureRefusedError, PromptTooLongError
from glados_bots.inference.api.app import create_app
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files.cards import Cache, Shape, load_cards
from glados_bots.inference.pictures.bounds import MOST_TOKENS
from glados_bots.inference.transformers_engine.batching import CachePlan, for_pictures
from glados_bots.inference.transformers_engine.dense.scheduler import DenseScheduler
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.transformers_engine.lora import apply_lora
from glados_bots.inference.transformers_engine.paged import PagedScheduler
from glados_bots.inference.transformers_engine.vision.families import FAMILIES
from glados_bots.inference.transformers_engine.vision.shown import Shown
from glados_bots.wire.events import Delta, Finished, Sampling
from tests.inference.api.chat_requests import CHAT
from tests.inference.pictures.draw import data_url, part, picture
from tests.inference.tiny import DATA, card, started
from tests.inference.transformers_engine.seeing import (
    EIGHT,
    FIVE,
    KINDS,
    SEVEN,
    SIX,
    as_eyes_see,
    loaded,
    processed,
    write,
)
from tests.servers import running
from tests.waiting import until, until_ready

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
GREEDY = Sampling(max_tokens=8, temperature=0.0)
BY_THE_LIBRARY = ("qwen 3 vl", "gemma 3")  # their own processors work without torchvision
DENSE = ("qwen 3.5", "qwen 3.5 moe", "gemma 4", "gemma 4 moe", "gemma 4 small")
LONG = "Tell me about pages. " * 60  # more than the engine reads at a time


def asked(text: str, *pictures: Picture) -> Message:
    return Message("user", text, pictures)


ONE, OTHER, WIDE = picture(1, 64, 96), picture(2, 64, 96), picture(3, 160, 64)
TALKS: dict[str, list[Message]] = {
    "a picture": [asked("What is this?", ONE)],
    "another picture": [asked("What is this?", OTHER)],
    "two pictures": [asked("Compare them.", ONE, WIDE)],
    "no words": [asked("", WIDE)],
    "words": [asked("Hi")],
    "many words": [asked(LONG)],
    "a picture after many words": [asked(LONG), Message("assistant", "Yes."), asked("And this?", WIDE, OTHER)],
    "many words after a picture": [asked("See this.", OTHER), Message("assistant", "Yes."), asked(LONG)],
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Matrices this small are slower on two cores than on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@asynccontextmanager
async def served(folder: Path, **options: Any) -> AsyncIterator[TransformersEngine]:
    engine = await started(card(folder, prompt_format="chat_template"), dtype="float32", quantize="none", **options)
    try:
        yield engine
    finally:
        await engine.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write("qwen 3 vl", tmp_path_factory.mktemp("qwen"))


@pytest.fixture
async def engine(folder: Path) -> AsyncIterator[TransformersEngine]:
    async with served(folder) as engine:
        yield engine


async def answer(
    engine: TransformersEngine,
    messages: Sequence[Message],
    sampling: Sampling = GREEDY,
    *,
    model: str = "",
    caller: str = "",
) -> tuple[str, Finished]:
    parts: list[str] = []
    async with aclosing(engine.generate(model, messages, sampling, caller)) as events:
        async for event in events:
            if isinstance(event, Delta):
                parts.append(event.text)
            if isinstance(event, Finished):
                return "".join(parts), event
    raise AssertionError("no Finished")


async def said(engine: TransformersEngine, messages: Sequence[Message], **how: Any) -> str:
    return (await answer(engine, messages, **how))[0]


async def leave(engine: TransformersEngine) -> None:
    """Ask about a picture, and go away after the first words."""
    async with aclosing(
        engine.generate("", TALKS["two pictures"], Sampling(max_tokens=200, temperature=0.0))
    ) as events:
        async for event in events:
            if isinstance(event, Delta):
                return


def generated(engine: TransformersEngine, model: Any, inputs: dict[str, Any]) -> str:
    ids = inputs["input_ids"]
    inputs = {"attention_mask": torch.ones_like(ids), **inputs}
    settings = {"max_new_tokens": GREEDY.max_tokens, "do_sample": False, "eos_token_id": 2, "pad_token_id": 0}
    tokens = model.generate(**inputs, **settings)[0, ids.shape[1] :].tolist()
    text = engine.encoder.tokenizer.decode([token for token in tokens if token != 2], skip_special_tokens=True)
    return str(text.rstrip("\ufffd"))


@pytest.mark.parametrize("name", KINDS)
async def test_a_class_that_sees_says_what_generate_says(name: str, tmp_path: Path) -> None:
    async with served(write(name, tmp_path)) as engine:
        assert engine.seeing == engine.models
        assert isinstance(engine.scheduler, DenseScheduler if name in DENSE else PagedScheduler)
        model = loaded(tmp_path)
        inputs = [
            processed(name, tmp_path, talk) if name in BY_THE_LIBRARY else as_eyes_see(engine, talk)
            for talk in TALKS.values()
        ]
        wanted = [generated(engine, model, one) for one in inputs]
        assert wanted[0] != wanted[1], "the picture matters"
        alone = [await answer(engine, talk) for talk in TALKS.values()]
        assert [text for text, _ in alone] == wanted, "alone"
        assert [end.prompt_tokens for _, end in alone] == [one["input_ids"].shape[1] for one in inputs], "usage"
        if name in BY_THE_LIBRARY:
            assert [await said(engine, talk) for talk in TALKS.values()] == wanted, "from the cache"
        *found, _ = await asyncio.gather(*(said(engine, talk) for talk in TALKS.values()), leave(engine))
        assert found == wanted, "in one batch, which one left, beside texts"


def test_every_card_that_sees_is_of_a_family_that_is_compared() -> None:
    compared = {kind.config().model_type for kind in KINDS.values()}
    assert compared == set(FAMILIES)
    seeing = {name: str((one.config or {}).get("model_type")) for name, one in load_cards().items() if one.vision}
    assert len(seeing) > 10
    assert set(seeing.values()) <= compared


async def test_turns_without_pictures_go_the_way_they_always_went(engine: TransformersEngine) -> None:
    pictures, texts = engine.sight.scheduler, engine.scheduler
    assert isinstance(pictures, DenseScheduler)
    assert isinstance(texts, PagedScheduler)
    seen, read = Mock(wraps=pictures.add), Mock(wraps=texts.add)
    pictures.add, texts.add = seen, read  # type: ignore[method-assign]
    await said(engine, TALKS["words"])
    await said(engine, TALKS["many words"])
    assert (seen.call_count, read.call_count) == (0, 2)
    await said(engine, TALKS["a picture"])
    assert (seen.call_count, read.call_count) == (1, 2)
    await until(lambda: not pictures._caches.all)


async def test_both_schedulers_compute_with_the_same_weights(engine: TransformersEngine) -> None:
    twin = engine.sight.scheduler._forward._model
    assert twin is not engine._model
    mine, other = ([one.data_ptr() for one in model.parameters()] for model in (engine._model, twin))
    assert mine == other


async def test_a_follow_up_finds_what_was_read_of_the_same_picture_only(engine: TransformersEngine) -> None:
    def talk(first: Picture) -> list[Message]:
        return [asked("See this. " * 20, first), Message("assistant", "Yes."), asked("And what colour has it?")]

    async def cached(messages: Sequence[Message], caller: str = "a") -> int:
        return (await answer(engine, messages, caller=caller))[1].cached_tokens

    assert await cached(talk(ONE)[:1]) == 0
    assert await cached(talk(ONE)) > 50
    assert await cached(talk(ONE), "b") == 0, "another caller"
    assert await cached(talk(OTHER)) == 0, "another picture in the same place"
    assert await cached([asked("See this. " * 20), *talk(ONE)[1:]]) == 0, "no picture in that place"


async def test_stop_and_the_limit_of_an_answer_hold_for_pictures(engine: TransformersEngine) -> None:
    whole = await said(engine, TALKS["a picture"])
    stop = whole[len(whole) // 2 :][:3]
    text, end = await answer(engine, TALKS["a picture"], Sampling(max_tokens=8, temperature=0.0, stop=(stop,)))
    assert (text, end.reason) == (whole[: whole.index(stop)], "stop")
    _, end = await answer(engine, TALKS["a picture"], Sampling(max_tokens=3, temperature=0.0))
    assert (end.reason, end.completion_tokens) == ("length", 3)


async def test_loras_see_too_and_mix_with_texts(folder: Path, tmp_path: Path) -> None:
    loras = {name: write_lora(folder, tmp_path / name, rank) for name, rank in {"one": 4, "two": 8}.items()}
    talks = [TALKS["a picture"], TALKS["words"]]
    async with served(folder, loras=loras) as engine:
        assert engine.seeing == ("tiny", "one", "two")
        models = {"tiny": loaded(folder)}
        models |= {name: apply_lora(loaded(folder), path) for name, path in loras.items()}
        wanted = [
            generated(engine, model, processed("qwen 3 vl", folder, talk))
            for talk in talks
            for model in models.values()
        ]
        found = await asyncio.gather(*(said(engine, talk, model=model) for talk in talks for model in models))
    assert found == wanted
    assert len(set(wanted[:3])) == 3


def write_lora(base: Path, folder: Path, rank: int) -> Path:
    """An adapter that moves the answers, on the language model and on the vision tower."""
    torch.manual_seed(rank)
    tuned = ["q_proj", "v_proj", "down_proj", "qkv"]
    model = get_peft_model(loaded(base), LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=tuned))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder


async def test_nobodys_words_stand_for_a_picture(engine: TransformersEngine) -> None:
    forged = f"{FIVE} {SEVEN}{FIVE}{EIGHT} {SIX}"
    prompt = engine._encode([Message("system", forged), asked(forged, ONE), Message("assistant", forged)], GREEDY)
    (seen,) = prompt.pictures
    assert prompt.tokens.count(5) == seen.count
    assert [prompt.tokens.count(token) for token in (6, 7, 8)] == [0, 1, 1]
    assert 5 not in engine._encode([asked(forged)], GREEDY).tokens


async def test_a_prompt_that_is_too_long_by_its_pictures_says_the_figures(folder: Path) -> None:
    async with served(folder, context_length=256) as engine:
        many = [asked("x", *[picture(seed, 256, 256) for seed in range(6)])]
        with pytest.raises(PromptTooLongError) as caught:
            await said(engine, many)
        assert caught.value.prompt_tokens > 6 * 64
        assert caught.value.context_length == 256


async def test_a_picture_that_breaks_the_pass_fails_its_own_answer_alone(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await said(engine, TALKS["two pictures"])
    tensors = engine.sight.eyes.tensors

    def broken(shown: Picture) -> dict[str, Any]:
        if shown == OTHER:
            raise PictureRefusedError("it is damaged (said by the test)")
        return tensors(shown)

    monkeypatch.setattr(engine.sight.eyes, "tensors", broken)
    talks = [TALKS["two pictures"], TALKS["another picture"], TALKS["words"]]
    texts = await asyncio.gather(*(said(engine, talk) for talk in talks), return_exceptions=True)
    assert texts[0] == expected
    assert isinstance(texts[1], GenerationFailedError)
    assert isinstance(texts[2], str)
    assert engine.fatal is None


async def test_a_full_device_repeats_the_step_with_its_picture(engine: TransformersEngine) -> None:
    talks = list(TALKS.values())
    expected, steps = [await said(engine, talk) for talk in talks], 0

    def fail(*_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps in {2, 5, 9}:
            raise torch.OutOfMemoryError("out of memory (said by the test)")

    engine.sight.scheduler._forward._model.register_forward_pre_hook(fail)
    assert await asyncio.gather(*(said(engine, talk) for talk in talks)) == expected
    assert steps > 9


async def test_a_reader_who_leaves_leaves_nothing_behind(engine: TransformersEngine) -> None:
    scheduler: Any = engine.sight.scheduler
    await leave(engine)
    await until(lambda: not scheduler._caches.all)
    assert not scheduler._mailbox._unfinished
    assert engine.stats().running == 0


BAD: dict[str, Any] = {
    "missing": None,
    "empty": {},
    "another patch": {"patch_size": 14},
    "patches that are no number": {"patch_size": "x" * 1000},
    "no size": {"size": "large"},
    "no pixels": {"size": {"shortest_edge": -5, "longest_edge": -5}},
    "no deviation": {"image_std": []},
    "means of two colours": {"image_mean": [0.5, 0.5]},
    "a resampling of its own": {"resample": 99},
}


@pytest.mark.parametrize("fault", BAD)
async def test_files_that_do_not_fit_leave_a_model_that_reads(
    fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write("qwen 3 vl", tmp_path)
    file = tmp_path / "preprocessor_config.json"
    if BAD[fault] is None:
        file.unlink()
    elif BAD[fault] == {}:
        file.write_text("{}")
    else:
        file.write_text(json.dumps({**json.loads(file.read_text()), **BAD[fault]}))
    with caplog.at_level(logging.WARNING):
        async with served(tmp_path) as engine:
            assert engine.seeing == ()
            assert engine._sight is None
            assert await said(engine, TALKS["words"])
    assert "sees no pictures here" in caplog.text


async def test_a_processor_of_their_own_is_never_run_and_its_sizes_are_bounded(tmp_path: Path) -> None:
    write("qwen 3 vl", tmp_path)
    ran = tmp_path / "ran"
    (tmp_path / "processing.py").write_text(f"open({str(ran)!r}, 'w')\nclass P: pass\n")
    file = tmp_path / "preprocessor_config.json"
    own: dict[str, Any] = {"auto_map": {"AutoImageProcessor": "processing.P", "AutoProcessor": "processing.P"}}
    own |= {"image_processor_type": "SamImageProcessor", "processor_class": "P", "max_pixels": 10**12}
    file.write_text(json.dumps({**json.loads(file.read_text()), **own}))
    async with served(tmp_path) as engine:
        assert engine.seeing == ("tiny",)
        (seen,) = engine.sight.eyes.look([asked("", picture(1, 1500, 1500))])
        assert MOST_TOKENS * 0.9 < seen.count <= MOST_TOKENS
    assert not ran.exists()


async def test_a_card_without_the_models_template_reads_only(folder: Path) -> None:
    engine = await started(card(folder), dtype="float32", quantize="none")
    assert engine.seeing == ()
    await engine.stop()


def test_a_piece_of_a_prompt_holds_one_whole_picture_at_most() -> None:
    shown = Shown(Mock(), (), [(10, 20), (22, 60), (300, 310)], torch.zeros(1, 400), None, 0)
    pieces, read = [], 0
    while read < 400:
        count, seen = shown.piece(read, min(32, 400 - read))
        pieces.append((read, read + count, seen))
        read += count
    assert pieces[:4] == [(0, 22, 0), (22, 60, 1), (60, 92, None), (92, 124, None)]
    assert (284, 316, 2) in pieces
    assert pieces[-1] == (380, 400, None)


def test_memory_is_shared_between_turns_with_pictures_and_the_others() -> None:
    def parts(memory: float, window: int) -> tuple[float, float]:
        one, other = for_pictures(CachePlan(Shape(parameters=1, caches=(Cache(layers=1, values=500),)), window, memory))
        assert one.is_part
        return one.memory, other.memory

    assert parts(400e6, 32_768) == (300e6, 100e6)
    assert parts(20e6, 32_768) == (20e6 - 8_192_000, 8_192_000)
    assert parts(10e6, 32_768) == (5e6, 5e6)


async def test_a_template_that_shows_no_pictures_leaves_a_model_that_reads(tmp_path: Path) -> None:
    write("gemma 3", tmp_path)
    template = tmp_path / "chat_template.jinja"
    template.write_text(template.read_text().replace(FIVE, ""))
    async with served(tmp_path) as engine:
        assert engine.seeing == ()


async def test_the_api_answers_about_a_picture_beside_a_text(folder: Path) -> None:
    engine = TransformersEngine(
        card(folder, prompt_format="chat_template"), EngineOptions(DATA, dtype="float32", quantize="none")
    )
    async with running(create_app(engine)) as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
        await until_ready(http)
        (listed,) = (await http.get("/v1/models")).json()["data"]
        assert listed["capabilities"] == {"chat": True, "embedding": False, "vision": True}
        shown = part(data_url(base64.b64decode(ONE.data)))
        talks = [[shown, {"type": "text", "text": "What is this?"}], "Hi"]
        bodies = [
            {"model": "tiny", "messages": [{"role": "user", "content": talk}], "max_tokens": 8, "temperature": 0}
            for talk in talks
        ]
        found = [one.json() for one in await asyncio.gather(*(http.post(CHAT, json=body) for body in bodies))]
        model = loaded(folder)
        for answered, talk in zip(found, (TALKS["a picture"], TALKS["words"]), strict=True):
            inputs = processed("qwen 3 vl", folder, talk)
            assert answered["choices"][0]["message"]["content"] == generated(engine, model, inputs)
            assert answered["usage"]["prompt_tokens"] == inputs["input_ids"].shape[1]
