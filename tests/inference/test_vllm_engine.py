"""The engine on vLLM: the contract of all engines, against vLLM itself where it is installed, and its process's life.

TEST_VLLM names the `vllm` program, which lives in an environment of its own.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineDeadError, GenerationFailedError, PromptTooLongError
from glados_bots.inference.card_engine import CardEngine
from glados_bots.inference.engine import Engine, EngineOptions
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.vllm_engine.engine import VllmEngine
from glados_bots.wire.events import Delta, Finished, Sampling, ScoredPrompt
from tests.fakes import vllm as fake
from tests.inference.tiny import DATA, card, write_base, write_lora
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
of_the_module = pytest.mark.asyncio(loop_scope="module")
GREEDY = Sampling(max_tokens=12, temperature=0.0)


def installed_vllm() -> str:
    program = os.environ.get("TEST_VLLM") or shutil.which("vllm")
    if program is None:
        pytest.skip("vLLM is not installed; name its program in TEST_VLLM")
    return program


async def answer(engine: Engine, text: str, sampling: Sampling = GREEDY, model: str = "") -> tuple[str, Finished]:
    parts: list[str] = []
    async with aclosing(engine.generate(model, [Message("user", text)], sampling)) as events:
        async for event in events:
            if isinstance(event, Delta):
                parts.append(event.text)
            if isinstance(event, Finished):
                return "".join(parts), event
    raise AssertionError("no Finished")


# --- the contract, over both engines ---------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["transformers", "vllm"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    small = resolve("smollm2_135m")[0]
    engine: Engine
    if request.param == "vllm":
        options = {"vllm_command": installed_vllm(), "vllm_arguments": ("--enforce-eager",), "cache_gb": 1.0}
        engine = VllmEngine(small, EngineOptions(DATA, max_running=4, **options))  # type: ignore[arg-type]
    else:
        engine = TransformersEngine(small, EngineOptions(DATA, max_running=4, quantize="none"))
    await engine.start()
    yield engine
    await engine.stop()


@of_the_module
async def test_an_answer_streams_and_is_counted(engine: Engine) -> None:
    text, finished = await answer(engine, "What is the capital of France?")
    assert "Paris" in text
    assert isinstance(engine, CardEngine)
    prompt = engine.encoder.encode([Message("user", "What is the capital of France?")])
    assert finished.prompt_tokens == len(prompt)
    assert 0 < finished.completion_tokens <= 12


@of_the_module
async def test_stop_strings_never_show(engine: Engine) -> None:
    text, finished = await answer(engine, "What is the capital of France?", Sampling(12, 0.0, stop=("Paris",)))
    assert "Par" not in text
    assert finished.reason == "stop"


@of_the_module
async def test_an_answer_may_be_left_and_others_go_on(engine: Engine) -> None:
    async with aclosing(engine.generate("", [Message("user", "Count to 900")], Sampling(400, 0.0))) as events:
        async for event in events:
            if isinstance(event, Delta):
                break
    text, _ = await answer(engine, "What is the capital of France?")
    assert "Paris" in text
    await until(lambda: engine.stats().running == 0)


@of_the_module
async def test_tokens_and_prompts_are_scored(engine: Engine) -> None:
    wish = Sampling(1, 0.0, logprobs=2, prompt_logprobs=1)
    events = [event async for event in engine.complete("", "The capital of France is", wish)]
    (prompt,) = [event for event in events if isinstance(event, ScoredPrompt)]
    assert prompt.first + b"".join(one.text for one in prompt.tokens) == b"The capital of France is"
    assert all(one.logprob < 0 and len(one.top) == 1 for one in prompt.tokens)
    (said,) = [one for event in events if isinstance(event, Delta) for one in event.logprobs]
    assert said.text == b" Paris"
    assert (len(said.top), said.top[0].token) == (2, said.token)


@of_the_module
async def test_too_long_a_prompt_is_refused_with_the_figures(engine: Engine) -> None:
    with pytest.raises(PromptTooLongError) as error:
        await answer(engine, "word " * 20_000)
    assert error.value.prompt_tokens > error.value.max_tokens


async def test_vllm_serves_loras_by_name(tmp_path: Path) -> None:
    base = write_base("llama", tmp_path / "base", head_dim=32)  # vLLM's CPU attention knows no smaller one
    lora = write_lora("llama", base, tmp_path / "one", seed=1)
    options = EngineOptions(
        DATA, vllm_command=installed_vllm(), vllm_arguments=("--enforce-eager",), cache_gb=1.0, loras={"one": lora}
    )
    engine = VllmEngine(card(base), options)
    await engine.start()
    try:
        assert engine.models == ("tiny", "one")
        assert (await answer(engine, "Hello", model="tiny"))[0] != (await answer(engine, "Hello", model="one"))[0]
    finally:
        await engine.stop()


# --- the life of the process, with a stand-in for the program ---------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "vllm"
    path.write_text(f"#!{sys.executable}\n{Path(fake.__file__).read_text()}")
    path.chmod(0o755)
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> Card:
    return card(write_base("llama", tmp_path / "base"))


async def test_prompts_are_sent_as_tokens_with_the_cards_settings(
    program: Path, tiny: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLADOS_DISCORD_TOKEN", "none of its business")
    engine = VllmEngine(tiny, EngineOptions(DATA, vllm_command=str(program), vllm_arguments=("--enforce-eager",)))
    await engine.start()
    try:
        text, finished = await answer(engine, "Hello there")
        tokens = engine.encoder.encode([Message("user", "Hello there")])
        assert text == engine.encoder.tokenizer.decode(tokens[:12])
        assert finished == Finished("length", len(tokens), 3, min(12, len(tokens)))
        asked = json.loads((program.parent / "asked.json").read_text())
        assert asked["prompt"] == tokens
        assert asked["stop"] == list(tiny.stop) + list(tiny.bad_words)
        assert asked["bad_words"] == list(tiny.bad_words)
        arguments, no_reports, ours = json.loads((program.parent / "started.json").read_text())
        assert arguments[:2] == ["serve", str(tiny.base.folder)]
        assert "--enforce-eager" in arguments
        assert (no_reports, ours) == ("1", [])
        await until(lambda: engine.stats().kv_pages_total)
        assert engine.stats().kv_pages_used == 100
    finally:
        await engine.stop()


async def test_vllm_scores_tokens_and_prompts(program: Path, tiny: Card) -> None:
    engine = VllmEngine(tiny, EngineOptions(DATA, vllm_command=str(program)))
    await engine.start()
    try:
        wish = Sampling(2, 0.0, logprobs=1, prompt_logprobs=2, min_p=0.1, logit_bias={5: 1.0}, stop_tokens=(7,))
        events = [event async for event in engine.complete("", [40, 41, 42], replace(wish, repetition_penalty=1.3))]
        asked = json.loads((program.parent / "asked.json").read_text())
        wanted = {"min_p": 0.1, "logit_bias": {"5": 1.0}, "repetition_penalty": 1.3, "logprobs": 1, "max_tokens": 2}
        assert {name: asked[name] for name in wanted} == wanted
        assert 7 in asked["stop_token_ids"]
        (prompt,) = [event for event in events if isinstance(event, ScoredPrompt)]
        assert [(one.token, one.logprob) for one in prompt.tokens] == [(41, -2.0), (42, -2.0)]
        assert [top.token for top in prompt.tokens[0].top] == [0, 41]
        scores = [one for event in events if isinstance(event, Delta) for one in event.logprobs]
        assert [(one.token, one.logprob) for one in scores] == [(40, -1.5), (41, -1.5)]
        assert [top.token for top in scores[0].top] == [0]
    finally:
        await engine.stop()


async def test_requests_without_wishes_ask_vllm_for_none(program: Path, tiny: Card) -> None:
    engine = VllmEngine(tiny, EngineOptions(DATA, vllm_command=str(program)))
    await engine.start()
    try:
        await answer(engine, "Hello there")
        asked = json.loads((program.parent / "asked.json").read_text())
        assert not {"logprobs", "prompt_logprobs", "min_p", "min_tokens", "logit_bias"} & set(asked)
    finally:
        await engine.stop()


async def test_no_line_is_too_long_and_no_character_cuts_one(
    program: Path, tiny: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_FAKE", "odd")
    engine = VllmEngine(tiny, EngineOptions(DATA, vllm_command=str(program)))
    await engine.start()
    try:
        for _ in range(2):
            text, _ = await answer(engine, "Hello")
            assert text.startswith(engine.encoder.tokenizer.decode([9906]))
    finally:
        await engine.stop()


async def test_leaving_an_answer_leaves_vllms_too(program: Path, tiny: Card) -> None:
    engine = VllmEngine(tiny, EngineOptions(DATA, vllm_command=str(program)))
    await engine.start()
    try:
        async with aclosing(engine.generate("", [Message("user", "go on " * 100)], Sampling(200, 0.0))) as events:
            async for event in events:
                if isinstance(event, Delta):
                    break
        await until((program.parent / "left").exists)
    finally:
        await engine.stop()


async def test_a_killed_vllm_is_fatal_and_fails_what_runs(program: Path, tiny: Card) -> None:
    engine = VllmEngine(tiny, EngineOptions(DATA, vllm_command=str(program)))
    await engine.start()
    try:
        running = asyncio.create_task(answer(engine, "go on " * 100, Sampling(200, 0.0)))
        await until((program.parent / "asked.json").exists)
        os.kill(int((program.parent / "pid").read_text()), signal.SIGKILL)
        with pytest.raises((EngineDeadError, GenerationFailedError)):
            await running
        await until(lambda: engine.fatal)
        assert engine.fatal == "vLLM ended with code -9"
        with pytest.raises(EngineDeadError):
            await answer(engine, "Hello")
    finally:
        await engine.stop()


async def test_a_vllm_that_cannot_start_says_why(program: Path, tiny: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_FAKE", "crash")
    engine = VllmEngine(tiny, EngineOptions(DATA, vllm_command=str(program)))
    with pytest.raises(ConfigError, match="no kernel for this device"):
        await engine.start()


async def test_what_vllm_refuses_fails_that_request(program: Path, tiny: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_FAKE", "refuse")
    engine = VllmEngine(tiny, EngineOptions(DATA, vllm_command=str(program)))
    await engine.start()
    try:
        with pytest.raises(GenerationFailedError, match="too many stop strings"):
            await answer(engine, "Hello")
        assert engine.fatal is None
    finally:
        await engine.stop()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vllm_command": "/no/such/vllm"}, "GLADOS_VLLM_COMMAND=/no/such/vllm"),
        ({"quantize": "4bit"}, "GLADOS_QUANTIZE"),
    ],
)
async def test_what_cannot_be_had_is_named(tiny: Card, options: dict[str, str], said: str) -> None:
    engine = VllmEngine(tiny, EngineOptions(DATA, **options))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=said):
        await engine.start()


async def test_files_that_cannot_be_read_are_a_wrong_setting(tmp_path: Path) -> None:
    """Whatever transformers raises for them: any other error would have the model loaded again for ever."""
    folder = write_base("llama", tmp_path)
    for path in folder.glob("*token*"):
        path.write_text("{}")
    with pytest.raises(ConfigError, match="cannot read its files"):
        await VllmEngine(card(folder), EngineOptions(DATA)).start()


async def test_a_lora_of_a_huge_rank_is_refused(tmp_path: Path) -> None:
    folder = write_base("llama", tmp_path / "base")
    lora = write_lora("llama", folder, tmp_path / "lora", seed=1)
    config = json.loads((lora / "adapter_config.json").read_text())
    (lora / "adapter_config.json").write_text(json.dumps(config | {"r": 10**9}))
    with pytest.raises(ConfigError, match="r must be a whole number from 1 to 1024"):
        await VllmEngine(card(folder), EngineOptions(DATA, loras={"huge": lora})).start()
