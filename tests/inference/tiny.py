"""Tiny random models of the real classes, with a real tokenizer, and random LoRAs on them."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, GPTBigCodeConfig, GPTNeoXConfig, LlamaConfig

from glados_bots.conversation import Message
from glados_bots.inference.engine import Engine, EngineOptions
from glados_bots.inference.model_files import weights
from glados_bots.inference.model_files.cards import Base, Card, SamplingDefaults
from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.transformers_engine import assembling
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.transformers_engine.paged import PagedScheduler
from glados_bots.wire.events import Delta, Finished, Sampling

DATA = Path(__file__).parents[2] / "data"
VOCABULARY = 49152  # of the embedded model, whose tokenizer the tiny ones use
TARGETS = {
    "neox": ["query_key_value", "dense"],
    "bigcode": ["c_attn", "c_proj"],
    "llama": ["q_proj", "v_proj", "down_proj"],
}
GREEDY = Sampling(max_tokens=16, temperature=0.0)


def config(kind: str, **more: Any) -> Any:
    """Of the class of the GLaDOS models' bases, or Llama's."""
    if kind == "bigcode":
        return GPTBigCodeConfig(vocab_size=VOCABULARY, n_embd=64, n_layer=2, n_head=4, n_inner=128, n_positions=512)
    size = {"vocab_size": VOCABULARY, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    size |= {"intermediate_size": 128, "max_position_embeddings": 512, **more}
    return GPTNeoXConfig(**size) if kind == "neox" else LlamaConfig(**size, num_key_value_heads=2)


def write_base(kind: str, folder: Path, **more: Any) -> Path:
    """A base with a tokenizer. Its weights are drawn wide, so that greedy answers differ from one another."""
    torch.manual_seed(7)
    model: Any = AutoModelForCausalLM.from_config(config(kind, **more))
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return write_model(model, folder)


def write_model(model: Any, folder: Path) -> Path:
    """A model with a tokenizer; its answers end with the token 2."""
    model.generation_config.eos_token_id = model.config.get_text_config().eos_token_id = 2
    model.save_pretrained(folder)
    for path in _tokenizer():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@cache
def _tokenizer() -> list[Path]:
    """The files of the embedded model's."""
    return list(weights.fetch(resolve("smollm2_135m")[0], DATA, None).glob("*token*"))


def write_lora(kind: str, base: Path, folder: Path, seed: int, rank: int = 4) -> Path:
    """An adapter that moves the answers."""
    torch.manual_seed(seed)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base),
        LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=TARGETS[kind]),
    )
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder


def card(folder: Path, **changes: Any) -> Card:
    """A card whose answers are greedy."""
    values = {"name": "tiny", "base": Base(folder=folder), "prompt_format": "glados"}
    return Card(**{**values, "sampling": SamplingDefaults(temperature=0), **changes})


def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load models in float32, so that greedy answers do not depend on how a batch rounds."""
    load = AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(
        AutoModelForCausalLM, "from_pretrained", lambda *a, **k: load(*a, **{**k, "dtype": torch.float32})
    )


async def started(card: Card, **options: Any) -> TransformersEngine:
    """A running engine; stop it."""
    engine = TransformersEngine(card, EngineOptions(DATA, **options))
    await engine.start()
    return engine


def dense_only(patch: pytest.MonkeyPatch) -> None:
    """Let the dense scheduler serve every model."""
    make = assembling.schedulers
    patch.setattr(assembling, "schedulers", lambda _way, *rest: make("dense", *rest))


def manager_of(engine: TransformersEngine) -> Any:
    """The library's manager in an engine on the paged path."""
    assert isinstance(engine.scheduler, PagedScheduler)
    return engine.scheduler._manager


async def answer(engine: Engine, text: str, sampling: Sampling = GREEDY, model: str = "") -> tuple[str, Finished]:
    """One answer, whole."""
    parts: list[str] = []
    async for event in engine.generate(model, [Message("user", text)], sampling):
        if isinstance(event, Delta):
            parts.append(event.text)
        if isinstance(event, Finished):
            return "".join(parts), event
    raise AssertionError("no Finished")
