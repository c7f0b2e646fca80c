"""What memory this machine has for a model. Quick: the driver is asked, not torch."""

import os
import subprocess

HEADROOM = 0.9  # of a GPU's memory: the driver and the desktop keep the rest


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
