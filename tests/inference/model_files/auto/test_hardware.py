"""Which GPUs count: those of the driver that the installed build of torch can use."""

import platform
from pathlib import Path

import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.hardware import Gpu, Machine, TorchBuild, find_machine, machine_of, torch_build

CUDA = TorchBuild("2.13.0", "cuda")
CPU = TorchBuild("2.13.0+cpu", "cpu")
ROCM = TorchBuild("2.13.0+rocm7.1", "rocm")


@pytest.fixture
def nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program nvidia-smi; a test writes what it says."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return program


def says(program: Path, *lines: str, code: int = 0) -> None:
    program.write_text("#!/bin/sh\n" + "".join(f'echo "{line}"\n' for line in lines) + f"exit {code}\n")
    program.chmod(0o755)


def sysfs(root: Path, **cards: int) -> Path:
    for card, size in cards.items():
        folder = root / "sys/class/drm" / card / "device"
        folder.mkdir(parents=True)
        (folder / "mem_info_vram_total").write_text(f"{size}\n")
    return root


def test_nvidia_gpus_count_with_a_cuda_build(nvidia: Path, tmp_path: Path) -> None:
    says(nvidia, "24564, 8.9, GPU-aaa", "81559, 9.0, GPU-bbb")
    found = find_machine(CUDA, tmp_path)
    assert found.gpus == (Gpu(24564 * 2**20, 8.9), Gpu(81559 * 2**20, 9.0))
    assert [gpu.size for gpu in found.gpus] == ["24 GB", "80 GB"]
    assert found.remarks == ()


def test_nvidia_gpus_do_not_count_with_a_cpu_build_and_one_line_says_the_remedy(nvidia: Path, tmp_path: Path) -> None:
    says(nvidia, "24564, 8.9, GPU-aaa")
    found = find_machine(CPU, tmp_path)
    assert found.gpus == ()
    (remark,) = found.remarks
    assert "a GPU of 24 GB by NVIDIA" in remark
    assert "torch 2.13.0+cpu cannot use it" in remark
    assert "pip install --force-reinstall torch==2.13.0" in remark


def test_amd_gpus_count_with_a_rocm_build_alone(nvidia: Path, tmp_path: Path) -> None:
    assert not nvidia.exists()
    root = sysfs(tmp_path, card0=2**29, card1=24 * 2**30, card10=24 * 2**30)
    assert find_machine(ROCM, root).gpus == (Gpu(24 * 2**30),) * 2  # card0 is graphics inside the processor
    assert find_machine(ROCM, root).remarks == ()
    refused = find_machine(CUDA, root)
    assert refused.gpus == ()
    assert "AMD" in refused.remarks[0]
    assert "ROCm build" in refused.remarks[0]


def test_any_gpu_counts_for_an_engine_with_its_own_torch(nvidia: Path, tmp_path: Path) -> None:
    says(nvidia, "24564, 8.9, GPU-aaa")
    assert len(find_machine(None, tmp_path).gpus) == 1


def test_hidden_gpus_do_not_count(nvidia: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(nvidia, "24564, 8.9, GPU-aaa", "81559, 9.0, GPU-bbb")
    for given, sizes in {"1": ["80 GB"], "GPU-a": ["24 GB"], "": [], "-1": [], "1,7,0": ["80 GB"]}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert [gpu.size for gpu in find_machine(CUDA, tmp_path).gpus] == sizes, given


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (["NVIDIA-SMI has failed because it could not communicate"], 9, "could not communicate"),
        (["[N/A], 12.1, GPU-aaa"], 0, "does not tell the memory"),
    ],
)
def test_a_driver_that_does_not_work_is_named(
    nvidia: Path, tmp_path: Path, lines: list[str], code: int, said: str
) -> None:
    says(nvidia, *lines, code=code)
    found = find_machine(CUDA, tmp_path)
    assert found.gpus == ()
    assert said in found.remarks[0]


def test_apples_gpu_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nvidia: Path) -> None:
    assert not nvidia.exists()
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    (remark,) = find_machine(TorchBuild("2.13.0", "cpu"), tmp_path).remarks
    assert "the CPU computes" in remark


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", "cpu"),
        ("cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", "cuda"),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '7.1.25424'\n", "rocm"),
    ],
)
def test_the_build_of_torch_is_read_without_loading_torch(tmp_path: Path, lines: str, kind: str) -> None:
    (tmp_path / "version.py").write_text(f"__version__ = '2.13.0'\ndebug = False\n{lines}")
    assert torch_build(tmp_path) == TorchBuild("2.13.0", kind)


@pytest.mark.slow
def test_the_installed_torch_says_the_same() -> None:
    import torch  # noqa: PLC0415 - slow

    found = torch_build()
    assert found is not None
    assert found.version == torch.__version__
    assert (found.kind == "cuda", found.kind == "rocm") == (
        torch.version.cuda is not None,
        torch.version.hip is not None,
    )


def test_another_machine_is_named_by_the_size_of_its_gpus() -> None:
    assert machine_of("24").gpus == (Gpu(24 * 2**30),)
    assert machine_of("80x2").gpus == (Gpu(80 * 2**30),) * 2
    assert str(machine_of("80X2")) == "GPUs of 80 GB + 80 GB"


@pytest.mark.parametrize("given", ["", "big", "0", "-1", "24GB", "80x", "80x0", "24,24", "x2", "99999"])
def test_a_wrong_size_is_one_line_with_what_is_allowed(given: str) -> None:
    with pytest.raises(ConfigError, match=r"--gpu .*: not a size of GPUs; give GB, such as 24, or 80x2"):
        machine_of(given)


def test_gpus_of_different_size_count_as_equal_ones() -> None:
    machine = Machine((Gpu(24 * 2**30), Gpu(8 * 2**30)))
    assert machine.memory_for(10e9, multi_gpu=False) == 24 * 2**30
    assert machine.memory_for(10e9, multi_gpu=True) == 8 * 2**30 + 5e9  # the other 5e9 are on the other GPU
    assert "24 GB, 8 GB" in machine.spread
    assert "2 x 8 GB" in machine.spread
    assert machine_of("80x2").spread == ""
