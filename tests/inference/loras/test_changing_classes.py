"""LoRAs that are loaded at run time say, for each kind of class, what they say merged: experts and MLA, too."""

import asyncio
from pathlib import Path

import pytest

from glados_bots.errors import LoraRefusedError
from glados_bots.inference.transformers_engine.lora import apply_lora
from tests.inference.transformers_engine import test_classes as classes

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
_one_thread = classes._one_thread
KINDS = ["deepseek 3", "llama 4"]


@pytest.mark.parametrize("name", KINDS)
async def test_a_lora_that_came_later_says_what_it_says_merged(name: str, tmp_path: Path) -> None:
    base = classes.write(name, tmp_path / "base")
    for lora, rank in {"one": 4, "two": 8}.items():
        classes.write_lora(base, tmp_path / "loras" / lora, rank, classes.TUNED[name])
    async with classes.served(base, max_loras=2, max_lora_rank=8, loras_dir=tmp_path / "loras") as engine:
        await engine.load_lora("one", "one")
        await engine.load_lora("two", "two")
        models = {"tiny": classes.loaded(base)}
        models |= {lora: apply_lora(classes.loaded(base), tmp_path / "loras" / lora) for lora in ("one", "two")}
        asked = [(lora, question) for question in classes.QUESTIONS[:3] for lora in models]
        wanted = [classes.generated(engine, models[lora], question) for lora, question in asked]
        assert len(set(wanted)) > len(classes.QUESTIONS[:3])
        found = await asyncio.gather(*(classes.said(engine, question, lora) for lora, question in asked))
        assert found == wanted


async def test_a_lora_of_the_eyes_is_refused_by_its_layer(tmp_path: Path) -> None:
    base = classes.write("gemma 3 with vision", tmp_path / "base")
    classes.write_lora(base, tmp_path / "loras" / "one", 4, "all-linear")
    async with classes.served(base, max_loras=1, max_lora_rank=8, loras_dir=tmp_path / "loras") as engine:
        with pytest.raises(LoraRefusedError, match=r"vision_tower.*layers that read text"):
            await engine.load_lora("one", "one")
        assert engine.models == ("tiny",)
