"""Whether a machine holds a card, by model_files/shapes.py alone: from the card, without its files."""

from collections.abc import Iterator

from glados_bots.inference.model_files.auto.choice import size
from glados_bots.inference.model_files.auto.ranking import Precision
from glados_bots.inference.model_files.before_loading.checkpoint import as_loaded, method_of
from glados_bots.inference.model_files.cards import Card, Shape
from glados_bots.inference.model_files.hardware import HEADROOM, Machine
from glados_bots.inference.model_files.presence import Finding
from glados_bots.inference.model_files.shapes import (
    CHECKPOINT,
    OVERHEAD,
    SHORTEST_WINDOW,
    Need,
    cache_on_cpu,
    in_dtype,
    weight_bytes,
)

CPU_SHARE = 0.75  # share of a machine's memory for a model without a GPU; other programs need the rest
PRECISIONS: tuple[Precision, ...] = ("none", "8bit", "4bit")


def precisions(shape: Shape) -> tuple[Precision, ...]:
    """The values of GLADOS_QUANTIZE that change something; the best first."""
    return PRECISIONS[:1] if shape.checkpoint_bytes else PRECISIONS


def holds(
    card: Card,
    precision: Precision,
    machine: Machine,
    *,
    multi_gpu: bool,
    window: int,
    conversations: int,
    dtype: str = "bfloat16",
) -> bool:
    """Whether the first GPU, or all of them, hold so many conversations. False for a card without a shape."""
    if card.shape is None or not machine.gpus:
        return False
    need = in_dtype(_need(card, card.shape, precision, window), dtype)
    memory = machine.memory_for(need.weights, multi_gpu=multi_gpu, share=HEADROOM)
    return need.conversations(memory) >= conversations


def on_cpu(card: Card, machine: Machine) -> bool:
    """Whether main memory holds the weights, as they are loaded, and the cache."""
    if card.shape is None:
        return False
    return _least_on_cpu(card.shape, machine) <= machine.memory * CPU_SHARE


def verdict(card: Card, machine: Machine) -> Finding:
    """Whether this card fits in some precision, as our libraries load it, for one short conversation; for lists."""
    if card.shape is None:
        return Finding(yes=True, reason="unknown need")
    shape, _ = as_loaded(card.shape, method_of(card.config))
    loaded = card.model_copy(update={"shape": shape})
    if not machine.gpus:
        needs = f"needs {size(_least_on_cpu(shape, machine))}"
        if on_cpu(loaded, machine):
            return Finding(yes=True, reason=f"yes: {needs}")
        return Finding(yes=False, reason=f"no: {needs} of {size(machine.memory * CPU_SHARE)}")
    found = next(_places(loaded, shape, machine), None)
    if found is not None:
        return Finding(yes=True, reason=f"yes{found}")
    smallest = precisions(shape)[-1]
    name = "" if smallest == "none" else f" in {smallest}"
    return Finding(yes=False, reason=f"no: needs {size(_need(card, shape, smallest, SHORTEST_WINDOW).least)}{name}")


def _places(card: Card, shape: Shape, machine: Machine) -> Iterator[str]:
    """How the card fits: the best precision first, one GPU before several."""
    for precision in precisions(shape):
        for multi_gpu in (False, True)[: len(machine.gpus)]:
            if holds(card, precision, machine, multi_gpu=multi_gpu, window=SHORTEST_WINDOW, conversations=1):
                yield ("" if precision == "none" else f", in {precision}") + (", with --multi-gpu" if multi_gpu else "")


def _least_on_cpu(shape: Shape, machine: Machine) -> float:
    """Bytes of main memory for the weights, the cache that the service takes without a GPU, and the rest."""
    return weight_bytes(shape, "bfloat16") + cache_on_cpu(machine.memory) + OVERHEAD


def _need(card: Card, shape: Shape, precision: Precision, window: int) -> Need:
    name = CHECKPOINT if shape.checkpoint_bytes else "bfloat16" if precision == "none" else precision
    return Need(name, weight_bytes(shape, name), shape.cache_bytes(min(window, card.context_length or window)))
