"""LoRAs that are loaded and unloaded while others are answered: what both sides of such a test need."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from glados_bots.errors import LoraRefusedError
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.wire.events import Sampling
from tests.inference.tiny import answer, card, started, write_base, write_lora

NAMES = ("one", "two", "three")
STREAMS = 16
LONG = Sampling(max_tokens=60, temperature=0.0)
SHORT = Sampling(max_tokens=4, temperature=0.0)


class Served(NamedTuple):
    """An engine with room for two LoRAs, and the folder of those that it may load."""

    engine: TransformersEngine
    root: Path
    base: Path


async def serve(home: Path, dtype: str = "float32") -> Served:
    """An engine with the LoRA `one`, beside which `two` and `three` may come and go. Stop it."""
    base, root = write_base("llama", home / "base"), home / "loras"
    for seed, name in enumerate(NAMES, start=1):
        write_lora("llama", base, root / name, seed=seed)
    options = {"max_loras": 2, "max_lora_rank": 8, "loras_dir": root, "quantize": "none", "dtype": dtype}
    engine = await started(card(base), max_running=STREAMS + 4, **options)
    await engine.load_lora("one", "one")
    return Served(engine, root, base)


async def streams(engine: TransformersEngine) -> list[str]:
    """Long answers at the same time, most of the base, some of a LoRA."""
    models = ["tiny", "tiny", "tiny", "one"] * (STREAMS // 4)
    asked = (answer(engine, f"Tell me of {number}", LONG, model) for number, model in enumerate(models))
    return [text for text, _ in await asyncio.gather(*asked)]


async def come_and_go(engine: TransformersEngine, names: Sequence[str], *, ask: bool) -> list[str]:
    """Load, ask and unload LoRAs, one after the other. Returns the answers."""
    texts = []
    for name in names:
        await load(engine, name)
        if ask:
            texts.append((await answer(engine, "Hello there", SHORT, name))[0])
        await engine.unload_lora(name)
    return texts


async def load(engine: TransformersEngine, name: str) -> None:
    """Load a LoRA; wait for a place, as the error says."""
    while True:
        try:
            await engine.load_lora(name, name)
        except LoraRefusedError as error:
            if error.retry_after is None:
                raise
            await asyncio.sleep(0.01)
        else:
            return
