"""How much memory this machine has for a model. Quick, because it asks the driver and not torch."""

import os
import subprocess

HEADROOM = 0.9  # share of a GPU's memory for a model; the driver and the desktop use the rest


def gpu_memories_gb() -> list[float]:
    """Memory of each NVIDIA GPU in 10^9 bytes, from nvidia-smi; importing torch would be slow."""
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        return [float(line) * 2**20 / 1e9 for line in output.split()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def gpu_memory_gb() -> float | None:
    """Total memory of all NVIDIA GPUs in 10^9 bytes; None without a GPU."""
    return sum(gpu_memories_gb()) or None


def memory_gb() -> float:
    """This machine's memory in 10^9 bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
