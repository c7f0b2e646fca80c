"""LoRAs of models that see: what they say about a picture is what peft's own model says, whichever part they tune."""

import asyncio
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from glados_bots.errors import LoraRefusedError
from tests.inference.tiny import card, started
from tests.inference.transformers_engine import test_seeing as seeing
from tests.inference.transformers_engine.seeing import as_eyes_see, loaded, write

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
_one_thread = seeing._one_thread
Part = Literal["words", "eyes"]
PARTS: tuple[Part, ...] = ("words", "eyes")
TALKS = [seeing.TALKS[name] for name in ("a picture", "another picture", "two pictures", "words")]
KINDS = ("qwen 3 vl", "mistral 3", "qwen 3.5", "gemma 4")  # the first two with a twin for pictures


def write_lora(base: Path, folder: Path, part: Part) -> Path:
    """An adapter on each linear layer of one part: the language model, or the vision tower and the projector."""
    torch.manual_seed(3)
    model = loaded(base)
    words = {id(module) for module in (*model.get_decoder().modules(), model.get_output_embeddings())}
    linear = ((name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear))
    tuned = [name for name, module in linear if (id(module) in words) is (part == "words") and name != "lm_head"]
    fitted = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules=tuned))
    for name, parameter in fitted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    fitted.save_pretrained(folder)
    return folder


def of_peft(base: Path, lora: Path) -> Any:
    return PeftModel.from_pretrained(loaded(base), lora).eval()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lora_of_either_part_says_what_pefts_model_says(kind: str, tmp_path: Path) -> None:
    base = write(kind, tmp_path / "base")
    loras = {part: write_lora(base, tmp_path / part, part) for part in PARTS}
    async with seeing.served(base, loras=loras) as engine:
        assert engine.seeing == ("tiny", *PARTS)
        models: dict[str, Any] = {name: of_peft(base, lora) for name, lora in loras.items()}
        models = {"tiny": loaded(base), **models}
        asked = [(name, talk) for name in models for talk in TALKS]
        wanted = [seeing.generated(engine, models[name], as_eyes_see(engine, talk)) for name, talk in asked]
        assert await asyncio.gather(*(seeing.said(engine, talk, model=name) for name, talk in asked)) == wanted
    plain, words, eyes = (wanted[begin : begin + len(TALKS)] for begin in range(0, len(wanted), len(TALKS)))
    assert all(one != other for one, other in zip(plain, words, strict=True))
    assert plain[:-1] != eyes[:-1]  # the pictures look different,
    assert plain[-1] == eyes[-1]  # and a text reads the same


@pytest.mark.parametrize("part", PARTS)
async def test_the_cards_own_lora_sees_as_pefts_model(part: Part, tmp_path: Path) -> None:
    base = write("qwen 3 vl", tmp_path / "base")
    lora = write_lora(base, tmp_path / part, part)
    own = card(base, prompt_format="chat_template", lora=lora)
    engine = await started(own, dtype="float32", quantize="none")
    try:
        model = of_peft(base, lora)
        wanted = [seeing.generated(engine, model, as_eyes_see(engine, talk)) for talk in TALKS]
        assert await asyncio.gather(*(seeing.said(engine, talk) for talk in TALKS)) == wanted
    finally:
        await engine.stop()


async def test_a_lora_that_comes_later_may_tune_words_and_is_refused_for_eyes(tmp_path: Path) -> None:
    base = write("qwen 3 vl", tmp_path / "base")
    for part in PARTS:
        write_lora(base, tmp_path / "loras" / part, part)
    async with seeing.served(base, max_loras=2, max_lora_rank=8, loras_dir=tmp_path / "loras") as engine:
        with pytest.raises(LoraRefusedError, match=r"model\.visual\..*layers that read text.*use another LoRA"):
            await engine.load_lora("eyes", "eyes")
        await engine.load_lora("words", "words")
        assert engine.seeing == ("tiny", "words")
        model = of_peft(base, tmp_path / "loras" / "words")
        wanted = [seeing.generated(engine, model, as_eyes_see(engine, talk)) for talk in TALKS]
        assert await asyncio.gather(*(seeing.said(engine, talk, model="words") for talk in TALKS)) == wanted
