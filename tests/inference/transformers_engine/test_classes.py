"""Each model class, tiny and random: the engine says what transformers' own `generate` says, token for token."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig

from glados_bots.conversation import Message
from glados_bots.inference.model_files.classes import model_class
from glados_bots.inference.transformers_engine.dense.scheduler import DenseScheduler
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.transformers_engine.lora import apply_lora
from glados_bots.wire.events import Delta, Sampling, ScoredPrompt
from tests.inference.tiny import answer, card, started, write_model
from tests.inference.transformers_engine.classes import DENSE, PAGED, WINDOW
from tests.inference.transformers_engine.sampling.asking import CLOSE, logprobs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
CLASSES = {**PAGED, **DENSE}
# From a few tokens to more than the engine reads at a time.
QUESTIONS = ["Hi", "What is the sum of two and three? " * 3, "Tell me about pages. " * 12, "word " * 280]
LEFT = "Who was that? " * 9
GREEDY = Sampling(max_tokens=8, temperature=0.0)
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
TUNED: dict[str, Any] = {  # modules of a LoRA; of DeepSeek's and Llama 4's experts peft makes LoRAs of another kind
    **dict.fromkeys(("qwen 3", "gemma 3 with vision", "gpt-oss", "phi 3", "granite"), "all-linear"),
    **dict.fromkeys(("qwen 3.5", "gemma 4", "granite 4", "lfm 2", "bloom"), "all-linear"),
    "llama 4": ATTENTION,
    "deepseek 3": ["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"],
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Matrices this small are slower on two cores than on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", CLASSES)
async def test_a_class_says_what_generate_says(name: str, tmp_path: Path) -> None:
    async with served(write(name, tmp_path)) as engine:
        assert isinstance(engine.scheduler, DenseScheduler) == (name in DENSE)
        model = loaded(tmp_path)
        wanted = [generated(engine, model, question) for question in QUESTIONS]
        assert len(set(wanted)) > 1
        assert [await said(engine, question) for question in QUESTIONS] == wanted, "alone"
        assert [await said(engine, question) for question in QUESTIONS] == wanted, "from the cache"
        *found, _ = await asyncio.gather(*(said(engine, question) for question in QUESTIONS), leave(engine))
        assert found == wanted, "in one batch, from which one left"


@pytest.mark.parametrize("name", ["mistral, window", "gpt-oss", "qwen 3.5", "jamba"])
async def test_the_scores_of_a_prompt_are_those_of_a_plain_pass(name: str, tmp_path: Path) -> None:
    async with served(write(name, tmp_path)) as engine:
        prompt = engine.encoder.raw(QUESTIONS[-1])
        wish = Sampling(max_tokens=0, prompt_logprobs=1)
        (scored,) = [event async for event in engine.complete("", prompt, wish) if isinstance(event, ScoredPrompt)]
        rows = logprobs(loaded(tmp_path), prompt)
        wanted = [float(row[token]) for row, token in zip(rows, prompt[1:], strict=False)]
        assert [one.logprob for one in scored.tokens] == pytest.approx(wanted, abs=CLOSE)


@pytest.mark.parametrize("name", TUNED)
async def test_loras_in_one_batch_say_what_each_says_merged(name: str, tmp_path: Path) -> None:
    base = write(name, tmp_path / "base")
    loras = {lora: write_lora(base, tmp_path / lora, rank, TUNED[name]) for lora, rank in {"one": 4, "two": 8}.items()}
    async with served(base, loras=loras) as engine:
        models = {"tiny": loaded(base)}
        models |= {lora: apply_lora(loaded(base), folder) for lora, folder in loras.items()}
        asked = [(question, model) for question in QUESTIONS[:2] for model in models]
        wanted = [generated(engine, models[model], question) for question, model in asked]
        assert await asyncio.gather(*(said(engine, question, model) for question, model in asked)) == wanted
        assert len(set(wanted[-3:])) == 3


def no_sinks(model: Any) -> None:
    for layer in model.model.layers:
        layer.self_attn.sinks.data.fill_(-1e4)


WITHOUT: dict[str, tuple[str, dict[str, Any], Callable[[Any], None]]] = {
    "window": ("mistral, window", {"sliding_window": None}, lambda _: None),
    "some windows": ("gemma 3", {"sliding_window": 1024}, lambda _: None),
    "chunks": ("llama 4", {"attention_chunk_size": 1024}, lambda _: None),
    "softcap": ("gemma 2", {"attn_logit_softcapping": None}, lambda _: None),
    "alibi": ("falcon, alibi", {"alibi": False}, lambda _: None),
    "sinks": ("gpt-oss", {}, no_sinks),
    "attention scale": ("granite", {"attention_multiplier": 1.0}, lambda _: None),
    "residual scale": ("granite", {"residual_multiplier": 1.0}, lambda _: None),
    "attention temperature": ("llama 4", {"attn_temperature_tuning": False}, lambda _: None),
}


@pytest.mark.parametrize("feature", WITHOUT)
async def test_each_feature_changes_the_answer(feature: str, tmp_path: Path) -> None:
    """Else the tests above could not see that the engine loses it."""
    name, changes, change = WITHOUT[feature]
    folder = write(name, tmp_path)
    model, changed = loaded(folder), loaded(folder, **changes)
    change(changed)
    prompt = torch.arange(100, 100 + 3 * WINDOW)[None]
    assert not torch.equal(greedy(model, prompt), greedy(changed, prompt))


def write(name: str, folder: Path) -> Path:
    """All weights are drawn wide, those of norms, biases and sinks too."""
    torch.manual_seed(7)
    config = CLASSES[name]()
    model = model_class(config).from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
            else:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return write_model(model, folder)


def write_lora(base: Path, folder: Path, rank: int, modules: Any) -> Path:
    """An adapter that moves the answers."""
    torch.manual_seed(rank)
    model = get_peft_model(loaded(base), LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=modules))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder


@asynccontextmanager
async def served(base: Path, **options: Any) -> AsyncIterator[TransformersEngine]:
    engine = await started(card(base), dtype="float32", quantize="none", **options)
    try:
        yield engine
    finally:
        await engine.stop()


def loaded(folder: Path, **changes: Any) -> Any:
    """The plain model, in float32, with a changed config."""
    config = AutoConfig.from_pretrained(folder, **changes)
    return model_class(config).from_pretrained(folder, config=config).eval()


def greedy(model: Any, prompt: torch.Tensor) -> torch.Tensor:
    """The answer's tokens, at most as many as the engine is asked for; shape (tokens,)."""
    mask = torch.ones_like(prompt)
    settings = {"max_new_tokens": GREEDY.max_tokens, "do_sample": False, "eos_token_id": 2, "pad_token_id": 0}
    return model.generate(prompt, attention_mask=mask, **settings)[0, prompt.shape[1] :]


def generated(engine: TransformersEngine, model: Any, question: str) -> str:
    tokens = greedy(model, torch.tensor([engine.encoder.encode([Message("user", question)])])).tolist()
    text = engine.encoder.tokenizer.decode([token for token in tokens if token != 2], skip_special_tokens=True)
    return str(text.rstrip("\ufffd"))


async def said(engine: TransformersEngine, question: str, model: str = "") -> str:
    return (await answer(engine, question, GREEDY, model))[0]


async def leave(engine: TransformersEngine) -> None:
    """Ask, and go away after the first words."""
    async with aclosing(engine.generate("", [Message("user", LEFT)], GREEDY)) as events:
        async for event in events:
            if isinstance(event, Delta):
                return
