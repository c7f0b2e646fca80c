"""Compiles step.cpp once for this processor, with torch's own extension tooling; later starts load the result.

Without a compiler, the engine computes with transformers' own modules: the same answers, but more slowly.
"""

import ctypes
import hashlib
import logging
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from glados_bots.errors import GladosError

log = logging.getLogger(__name__)

SOURCE = Path(__file__).with_name("step.cpp")
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fopenmp", "-Wno-psabi")


class NoCompilerError(GladosError):
    """The step cannot be compiled here. The text gives the reason and the remedy."""


def library(data_dir: Path) -> ctypes.CDLL:
    """The compiled step.

    Args:
        data_dir: holds the compiled step, in a folder whose name is a hash of everything that went into it.

    Raises:
        NoCompilerError: the step is not there yet and cannot be compiled.
    """
    folder = data_dir.resolve() / "cpu" / _made_of()
    made = folder / "glados_step.so"
    if not made.is_file():
        _compile(made)
    return ctypes.CDLL(str(made))


def _compile(made: Path) -> None:
    folder = made.parent
    from torch.utils import cpp_extension  # noqa: PLC0415 - slow to import, and needed once only

    log.info("compiling the CPU step for this processor (once; takes some seconds)")
    os.environ["PATH"] += os.pathsep + str(Path(sys.executable).parent)  # where pip puts ninja
    try:
        cpp_extension.verify_ninja_availability()
        folder.mkdir(parents=True, exist_ok=True)
        # Not in the folder itself: a start that is killed here must leave no lock and no partial file there.
        with tempfile.TemporaryDirectory(dir=folder) as work:
            cpp_extension.load(
                name="glados_step",
                sources=[str(SOURCE)],
                extra_cflags=list(FLAGS),
                extra_ldflags=["-fopenmp"],
                build_directory=work,
                is_python_module=False,
            )
            next(Path(work).glob("*.so")).replace(made)  # a second build in this process has another name
    except (RuntimeError, OSError, ImportError, subprocess.SubprocessError) as error:
        reason = str(error).strip().splitlines()[0]
        raise NoCompilerError(f"{reason}; install g++ and ninja for faster answers without a GPU") from error


def _made_of() -> str:
    """A hash of the sources, the flags, the processor, and the version of torch, whose OpenMP the step uses."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    features = next((line for line in lines if line.lower().startswith(("flags", "features"))), platform.machine())
    sources = [path.read_text(encoding="utf-8") for path in sorted(SOURCE.parent.glob("*.[ch]*"))]
    parts = (sources, FLAGS, features, torch.__version__)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
