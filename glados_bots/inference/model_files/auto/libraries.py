"""Which libraries a precision needs on a GPU, and whether they are here. Looks, without importing them."""

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hardware import Gpu

MXFP4 = "mxfp4"
MXFP4_CAPABILITY = 7.5  # of NVIDIA; transformers unpacks the weights to bfloat16 on older GPUs
# What transformers asks for, by method: package -> (from this version on, before this one). Without them it refuses
# bitsandbytes, and unpacks mxfp4 to four times its size.
NEEDED: dict[str, dict[str, tuple[str, str]]] = {
    "bitsandbytes": {"bitsandbytes": ("0.46.1", "1")},
    "compressed-tensors": {"compressed-tensors": ("0.9", "1")},
    MXFP4: {"kernels": ("0.18.2", "0.19.0"), "triton": ("3.4.0", "4")},
}


def own_quantisation(card: Card) -> str | None:
    """The method by which the card's checkpoint is quantised on the hub, else None."""
    return (card.config.get("quantization_config") or {}).get("quant_method")


def can_compute(card: Card, gpus: Iterable[Gpu]) -> bool:
    """Whether these GPUs compute with the checkpoint's own quantisation. GPUs of unknown capability do."""
    if own_quantisation(card) != MXFP4:
        return True
    return all(gpu.capability is None or gpu.capability >= MXFP4_CAPABILITY for gpu in gpus)


def missing(card: Card, precision: str) -> str:
    """What pip must install before a GPU can hold this card in this precision; empty if nothing."""
    method = own_quantisation(card) if precision == "none" else "bitsandbytes"
    wanted = NEEDED.get(method, {}) if method else {}
    lacking = [f"{name}>={low},<{high}" for name, (low, high) in wanted.items() if not _is_here(name, low, high)]
    return " ".join(f"'{one}'" for one in lacking)


def _is_here(package: str, low: str, high: str) -> bool:
    try:
        found = version(package)
    except PackageNotFoundError:
        return False
    return _numbers(low) <= _numbers(found) < _numbers(high)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text.partition("+")[0])[:3])
