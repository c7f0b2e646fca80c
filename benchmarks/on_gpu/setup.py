"""What all cases of a run share, and what the machine is."""

from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Literal

from benchmarks.on_gpu.isolated import in_own_process
from glados_bots.inference.model_files.cards import Card

Device = Literal["cuda", "cpu"]
PACKAGES = (
    "torch", "transformers", "peft", "accelerate", "bitsandbytes", "torchao", "flash-attn", "flash-attn-3", "kernels",
    "triton", "vllm",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Machine:
    """The GPUs by name, their memory in bytes, and versions of packages."""

    gpus: tuple[str, ...]
    memories: tuple[int, ...]
    versions: dict[str, str]

    def lines(self) -> list[str]:
        """A list in markdown."""
        gpus = zip(self.gpus, self.memories, strict=True)
        shown = [f"- GPU: {name}, {memory / 1e9:.1f} GB" for name, memory in gpus] or ["- GPU: none"]
        return [*shown, "- " + ", ".join(f"{name} {version}" for name, version in self.versions.items()), ""]


@dataclass(frozen=True, slots=True)
class Setup:
    """One model on one machine, and how much to measure."""

    card: Card
    device: Device
    machine: Machine
    data: Path
    scratch: Path  # empty folder of this model
    streams: tuple[int, ...]  # of the section that compares servers
    some: tuple[int, ...]  # of all other sections
    tokens: int
    rounds: int
    token: str | None = None  # of the hub
    folder: Path = Path()  # the weights, once they are here


def this_machine() -> Machine:
    """Ask torch, in another process: one that has used CUDA cannot be forked."""
    return in_own_process(_machine, 300)


def fetched(card: Card, data: Path, token: str | None, patience_s: float) -> Path:
    """The folder of the card's weights. Raises CaseError in one line if they cannot be had."""
    return in_own_process(partial(_fetch, card, data, token), patience_s)


def _fetch(card: Card, data: Path, token: str | None) -> Path:
    from glados_bots.inference.model_files import weights  # noqa: PLC0415 - may import torch

    return weights.fetch(card, data, token).resolve()


def _machine() -> Machine:
    import torch  # noqa: PLC0415 - not in the process that forks

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    properties = [torch.cuda.get_device_properties(device) for device in range(count)]
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return Machine(tuple(p.name for p in properties), tuple(p.total_memory for p in properties), versions)
