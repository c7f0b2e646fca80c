"""Several LoRAs on one base in one batch: each answers as it does merged and alone, and none sees another."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from transformers import AutoModelForCausalLM

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.loras import loras_of
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.transformers_engine.lora import apply_lora
from glados_bots.inference.transformers_engine.multi_lora import slot_of, tag
from glados_bots.wire.events import Sampling, ScoredPrompt
from tests.inference.tiny import answer, card, in_float32, started, write_base, write_lora
from tests.inference.transformers_engine.sampling.asking import CLOSE, logprobs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
QUESTIONS = ["Hello there", "Count from one to five and then go on until somebody stops you, please.", "x"]


class Tiny(NamedTuple):
    """A served base with two LoRAs."""

    kind: str
    base: Path
    loras: dict[str, Path]
    engine: TransformersEngine


@pytest.fixture(params=["neox", "bigcode", "llama"])
async def tiny(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tiny]:
    in_float32(monkeypatch)
    base = write_base(request.param, tmp_path / "base")
    loras = {
        "one": write_lora(request.param, base, tmp_path / "one", seed=1),
        "two": write_lora(request.param, base, tmp_path / "two", seed=2, rank=8),
    }
    engine = await started(card(base), loras=loras, quantize="none")
    yield Tiny(request.param, base, loras, engine)
    await engine.stop()


def merged(tiny: Tiny, name: str) -> Any:
    """The base, or a LoRA merged with it by peft."""
    model: Any = AutoModelForCausalLM.from_pretrained(tiny.base).eval()
    return apply_lora(model, tiny.loras[name]) if name in tiny.loras else model


def expected(tiny: Tiny, name: str, question: str) -> str:
    """What transformers' own `generate` says with the LoRA merged by peft."""
    model = merged(tiny, name)
    prompt = torch.tensor([tiny.engine.encoder.encode([Message("user", question)])])
    tokens = model.generate(prompt, max_new_tokens=16, do_sample=False, pad_token_id=0)[0, prompt.shape[1] :]
    text = tiny.engine.encoder.tokenizer.decode([token for token in tokens if token != 2], skip_special_tokens=True)
    return str(text.rstrip("\ufffd"))


async def test_mixed_requests_say_what_each_says_alone_and_merged(tiny: Tiny) -> None:
    names = list(tiny.engine.models)
    assert names == ["tiny", "one", "two"]
    asked = [(name, question) for question in QUESTIONS for name in names] * 2
    together = await asyncio.gather(*(answer(tiny.engine, question, model=name) for name, question in asked))
    for (name, question), (text, _) in zip(asked, together, strict=True):
        assert text == expected(tiny, name, question), (name, question)
    assert len({text for text, _ in together}) == 9  # all nine differ: the LoRAs do something


async def test_a_prompt_is_scored_by_its_own_lora(tiny: Tiny) -> None:
    prompt = tiny.engine.encoder.raw(QUESTIONS[1] * 6)

    async def scores(model: str) -> list[float]:
        wish = Sampling(max_tokens=0, prompt_logprobs=0)
        events = [event async for event in tiny.engine.complete(model, prompt, wish)]
        return [one.logprob for event in events if isinstance(event, ScoredPrompt) for one in event.tokens]

    names = list(tiny.engine.models)
    others = asyncio.gather(*(answer(tiny.engine, question, model=names[1]) for question in QUESTIONS))
    found = await asyncio.gather(*map(scores, names))
    await others
    for name, given in zip(names, found, strict=True):
        rows = logprobs(merged(tiny, name), prompt)
        wanted = [float(row[token]) for row, token in zip(rows, prompt[1:], strict=False)]
        assert given == pytest.approx(wanted, abs=CLOSE)


async def test_pages_of_the_cache_are_shared_within_a_lora_only(tiny: Tiny) -> None:
    story = "The cat sat on the mat. " * 12
    firsts = [(await answer(tiny.engine, story, model=name))[1].cached_tokens for name in tiny.engine.models]
    again = [(await answer(tiny.engine, story, model=name))[1].cached_tokens for name in tiny.engine.models]
    assert firsts == [0, 0, 0]
    assert min(again) >= 32
    texts = [(await answer(tiny.engine, story, model=name))[0] for name in tiny.engine.models]
    assert texts == [expected(tiny, name, story) for name in tiny.engine.models]


async def test_one_lora_alone_is_merged_and_base_only_leaves_it_out(tmp_path: Path) -> None:
    base = write_base("neox", tmp_path / "base")
    lora = write_lora("neox", base, tmp_path / "lora", seed=1)
    with_lora, without = card(base, lora=lora), card(base, lora=tmp_path / "missing")
    texts = []
    for given, options in ((with_lora, {}), (without, {"base_only": True})):
        engine = await started(given, **options)
        texts.append((await answer(engine, "Hello there"))[0])
        assert engine.models == ("tiny",)
        assert engine.shelf._loras is None
        await engine.stop()
    assert texts[0] != texts[1]
    with pytest.raises(ConfigError, match="glados models import"):
        await started(without)
    both = await started(with_lora, loras={"more": write_lora("neox", base, tmp_path / "more", seed=2)})
    try:
        assert both.models == ("tiny", "more", "base")
        assert (await answer(both, "Hello there", model="base"))[0][:8] == texts[1][:8]
    finally:
        await both.stop()


def test_names_are_used_once() -> None:
    with pytest.raises(ConfigError, match="the name tiny is taken"):
        loras_of(card(Path("x")), {"tiny": Path("y")}, base_only=False)
    table = loras_of(card(Path("x"), loras={"one": Path("a")}), {"two": Path("b")}, base_only=False)
    assert list(table) == ["one", "two"]


def test_a_request_id_says_its_lora() -> None:
    assert slot_of(tag("abc", 3)) == 3
    assert [slot_of(name) for name in ("abc", "warmup_1", ":lora", "x:lorax")] == [0, 0, 0, 0]
