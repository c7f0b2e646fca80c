"""One LoRA merged, and several beside the weights."""

from benchmarks.on_gpu.measuring import engine_case
from benchmarks.on_gpu.report import Measured
from benchmarks.on_gpu.setup import Setup
from benchmarks.random_loras import write_loras


def merged(setup: Setup) -> Measured:
    """One LoRA, which is the card's own."""
    folder = write_loras(setup.folder, setup.scratch, 1)["lora0"]
    return engine_case(setup, card=setup.card.model_copy(update={"lora": folder, "loras": {}}))


def beside(setup: Setup, count: int) -> Measured:
    """Several LoRAs in one batch."""
    folders = write_loras(setup.folder, setup.scratch, count)
    card = setup.card.model_copy(update={"lora": None, "loras": {}})
    return engine_case(setup, card=card, loras=folders, models=tuple(folders))
