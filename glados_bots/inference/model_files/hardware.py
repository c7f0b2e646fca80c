"""What this machine computes with: its GPUs that torch can use, and its memory. Quick, because it does not load torch.

The driver says which GPUs there are: nvidia-smi for NVIDIA, sysfs for AMD. The installed build of torch decides which
of them count. Everything else is a remark of one line, for `doctor`, `models list` and the log.
"""

import importlib.util
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from glados_bots.errors import ConfigError, first_line

HEADROOM = 0.9  # share of a GPU's memory for a model; the driver and the desktop use the rest
SMALLEST_GPU = 2 * 2**30  # bytes; graphics inside a processor have less memory of their own
SIZES = re.compile(r"(\d{1,4}(?:\.\d+)?)(?:x([1-9]\d?))?")
NVIDIA_SMI = ["nvidia-smi", "--query-gpu=memory.total,compute_cap,uuid", "--format=csv,noheader,nounits"]
MOST_S = 10  # seconds that nvidia-smi may take


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU."""

    memory: float  # bytes
    capability: float | None = None  # NVIDIA's compute capability, such as 8.6; None if unknown

    @property
    def size(self) -> str:
        """The memory as makers count it: 24 GB are 24 * 2**30 bytes."""
        return f"{self.memory / 2**30:.0f} GB"


@dataclass(frozen=True, slots=True)
class Machine:
    """What a model may use."""

    gpus: tuple[Gpu, ...] = ()  # in the order of the driver
    memory: float = 0.0  # main memory in bytes
    remarks: tuple[str, ...] = ()  # GPUs that are here and cannot be used, each with its remedy

    def memory_for(self, weights: float, *, multi_gpu: bool, share: float = 1.0) -> float:
        """Bytes of one GPU that would leave as much room for the cache as these do: the first GPU, or all together.

        Args:
            weights: their bytes, of which each GPU of several carries an equal part.
            multi_gpu: use all. Each GPU then has room for the whole cache, see transformers_engine/cache_spread.py.
            share: share of each GPU's memory that a model gets.
        """
        if not multi_gpu:
            return self.gpus[0].memory * share
        smallest = min(gpu.memory for gpu in self.gpus)
        return smallest * share + weights * (1 - 1 / len(self.gpus))

    @property
    def spread(self) -> str:
        """What several GPUs of different size come to, in one line; empty if they are alike."""
        sizes = [gpu.size for gpu in self.gpus]
        if len(set(sizes)) < 2:  # noqa: PLR2004 - one size
            return ""
        smallest = min(self.gpus, key=lambda gpu: gpu.memory).size
        return (
            f"the GPUs differ in size ({', '.join(sizes)}): a model on all of them uses {len(sizes)} x {smallest}, "
            "because each GPU carries an equal part of the weights and room for the cache"
        )

    def __str__(self) -> str:
        if not self.gpus:
            return "a machine without a GPU"
        if len(self.gpus) == 1:
            return f"a GPU of {self.gpus[0].size}"
        return f"GPUs of {' + '.join(gpu.size for gpu in self.gpus)}"


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """The installed torch, by its version file."""

    version: str
    kind: str  # cuda, rocm or cpu


def machine_of(sizes: str) -> Machine:
    """A machine with other GPUs: `24` is one GPU of 24 GB, `80x2` two of 80 GB. Raises ConfigError."""
    found = SIZES.fullmatch(sizes.strip().lower())
    if found is None or float(found[1]) == 0:
        raise ConfigError(f"--gpu {sizes}: not a size of GPUs; give GB, such as 24, or 80x2 for two GPUs of 80 GB")
    return Machine(gpus=(Gpu(float(found[1]) * 2**30),) * int(found[2] or 1), memory=memory_gb() * 1e9)


@cache
def this_machine(engine: str = "transformers") -> Machine:
    """This machine as the engine can use it. vLLM has a torch of its own, so our build does not matter there."""
    return find_machine(None if engine == "vllm" else torch_build())


def find_machine(build: TorchBuild | None, root: Path = Path("/")) -> Machine:
    """Look at the hardware.

    Args:
        build: the torch that must be able to use a GPU; None if any can.
        root: where sysfs is mounted; tests give a folder of their own.
    """
    nvidia, remarks = _nvidia()
    amd = _amd(root)
    remarks += [*_unusable("NVIDIA", nvidia, build, "cuda"), *_unusable("AMD", amd, build, "rocm"), *_apple()]
    usable = [gpus for gpus, kind in ((nvidia, "cuda"), (amd, "rocm")) if build is None or build.kind == kind]
    return Machine(tuple(next(filter(None, usable), ())), memory_gb() * 1e9, tuple(remarks))


def torch_build(folder: Path | None = None) -> TorchBuild | None:
    """What torch was built for, from its version file. None without torch."""
    spec = None if folder else importlib.util.find_spec("torch")
    home = folder or (Path(spec.origin).parent if spec and spec.origin else None)
    file = (home / "version").with_suffix(".py") if home else None
    if file is None or not file.is_file():
        return None
    text = file.read_text(encoding="utf-8")
    values = dict(re.findall(r"^(\w+)(?::[^=]*)? = '([^']*)'", text, re.MULTILINE))
    kind = "rocm" if "hip" in values else "cuda" if "cuda" in values else "cpu"
    return TorchBuild(values.get("__version__", "?"), kind)


def gpu_memories_gb() -> list[float]:
    """Memory of each usable GPU in 10^9 bytes."""
    return [gpu.memory / 1e9 for gpu in this_machine().gpus]


def gpu_memory_gb() -> float | None:
    """Total memory of all usable GPUs in 10^9 bytes; None without a GPU."""
    return sum(gpu_memories_gb()) or None


def memory_gb() -> float:
    """This machine's memory in 10^9 bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _nvidia() -> tuple[list[Gpu], list[str]]:
    """NVIDIA's GPUs that CUDA_VISIBLE_DEVICES allows, and what is wrong with the driver."""
    try:
        output = subprocess.run(NVIDIA_SMI, capture_output=True, text=True, timeout=MOST_S, check=True).stdout
    except FileNotFoundError:
        return [], []
    except subprocess.CalledProcessError as error:
        said = first_line(ValueError(error.stdout or error.stderr))
        return [], [f"nvidia-smi fails ({said}), so its GPUs are not used; repair the NVIDIA driver"]
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], [f"nvidia-smi fails ({first_line(error)}), so its GPUs are not used; repair the NVIDIA driver"]
    gpus: dict[str, Gpu | None] = {}
    for line in output.splitlines():
        memory, capability, uuid = ([cell.strip() for cell in line.split(",")] + ["", "", ""])[:3]
        gpus[uuid] = Gpu(float(memory) * 2**20, _number(capability)) if _number(memory) else None
    unknown = "nvidia-smi does not tell the memory of a GPU, so the GPU is not used; name a model with GLADOS_MODEL"
    found = [gpus[uuid] for uuid in _visible(list(gpus), "CUDA_VISIBLE_DEVICES")]
    return [gpu for gpu in found if gpu], [unknown] if None in found else []


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def _visible(names: Sequence[str], *variables: str) -> list[str]:
    """The GPUs that the first of these variables allows, by number or by the beginning of the UUID."""
    given = next((os.environ[variable] for variable in variables if variable in os.environ), None)
    if given is None:
        return list(names)
    found: list[str] = []
    for word in (part.strip() for part in given.split(",")):
        name = names[int(word)] if word.isdecimal() and int(word) < len(names) else None
        name = name or next((name for name in names if word and name.startswith(word)), None)
        if name is None:
            break  # the driver ignores everything after a wrong entry
        found.append(name)
    return found


def _amd(root: Path) -> list[Gpu]:
    """AMD's GPUs, by the files of their driver."""
    files = sorted((root / "sys/class/drm").glob("card*/device/mem_info_vram_total"), key=_card_number)
    sizes = {path.parent.parent.name: int(path.read_text(encoding="ascii")) for path in files}
    names = [name for name, size in sizes.items() if size >= SMALLEST_GPU]
    return [Gpu(sizes[name]) for name in _visible(names, "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")]


def _card_number(path: Path) -> int:
    return int("".join(filter(str.isdecimal, path.parent.parent.name)) or 0)


def _unusable(maker: str, gpus: Sequence[Gpu], build: TorchBuild | None, needed: str) -> Iterator[str]:
    """The remark about GPUs that this torch cannot use."""
    if not gpus or build is None or build.kind == needed:
        return
    version = build.version.partition("+")[0]
    remedies = {
        "cuda": f"install the CUDA build: `pip install --force-reinstall torch=={version}`",
        "rocm": "install the ROCm build, as https://pytorch.org/get-started says",
    }
    yield (
        f"{Machine(tuple(gpus))} by {maker} is here, but torch {build.version} cannot use it, so the CPU computes; "
        f"{remedies[needed]}"
    )


def _apple() -> Iterator[str]:
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        yield "Apple's GPU is not used: the CPU computes; use an NVIDIA or AMD GPU for a larger model"
