"""How `auto` walks the ranked list: what it takes, what it never takes, and what it says about the better one."""

import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from glados_bots.inference.model_files.auto import choose as choosing
from glados_bots.inference.model_files.auto import libraries, reach, speed
from glados_bots.inference.model_files.auto.choice import Choice
from glados_bots.inference.model_files.auto.choose import choose
from glados_bots.inference.model_files.auto.ranking import Entry, Ranking
from glados_bots.inference.model_files.auto.reach import Hub
from glados_bots.inference.model_files.cards import EMBEDDED
from glados_bots.inference.model_files.hardware import Gpu, Machine, machine_of
from glados_bots.inference.settings import ServeSettings

CARD = """{more}
context_length = 32768
[base]
hub = "ORG/{hub}"
[shape]
parameters = {parameters}
caches = [{{ layers = 32, values = 2048 }}]
[config]
{config}
"""
LLAMA = 'model_type = "llama"'
MXFP4 = 'model_type = "llama"\nquantization_config = { quant_method = "mxfp4" }'
RANKING = Ranking(
    gpu=(
        Entry("large", "it is the best"),
        Entry("large", "it is nearly as good", "4bit"),
        Entry("middle", "it is good"),
        Entry("little", "it fits nearly everywhere", "4bit"),
    ),
    cpu=(Entry("middle", "it is good"), Entry("little", "it is quick")),
    sizes={},
)
Write = Callable[..., None]


class Answers(Hub):
    """A hub that says the same of every card."""

    def __init__(self, why_not: str = "") -> None:
        super().__init__()
        self.said = why_not
        self.asked: list[str] = []

    def why_not(self, card: Any) -> str:
        self.asked.append(card.name)
        return self.said


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a card of this many billion weights."""
    monkeypatch.setenv("GLADOS_MODELS_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")

    def card(name: str, billions: float, config: str = LLAMA, more: str = "", **changes: str) -> None:
        folder = tmp_path / "own" / name
        folder.mkdir(parents=True, exist_ok=True)
        values = {"hub": name, "parameters": int(billions * 1e9), "config": config, "more": more, **changes}
        folder.joinpath("model.toml").write_text(CARD.format(**values))

    return card


@pytest.fixture(autouse=True)
def shelf(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of three models, on a machine with all libraries and room on the disk."""
    monkeypatch.setattr(choosing, "ranking", lambda: RANKING)
    monkeypatch.setattr(
        libraries, "version", lambda package: libraries.NEEDED["bitsandbytes"].get(package, ("1", ""))[0]
    )
    monkeypatch.setattr(choosing, "_no_space", lambda *_: "")
    for name, billions in {"large": 30, "middle": 8, "little": 1}.items():
        write(name, billions)


def chosen(gpu: str, hub: Hub | None = None, **given: Any) -> Choice:
    """The choice of a machine with these GPUs that is this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "this_machine", lambda _: machine_of(gpu))
        return choose(ServeSettings(_env_file=None, **given), hub=hub or Answers())


def here(tmp_path: Path, name: str) -> None:
    """Put the card's files into the hub's cache, as the newest commit of its branch."""
    repository, commit = tmp_path / "hf" / "hub" / f"models--ORG--{name}", "0123456789" * 4
    for path, text in {
        "refs/main": commit,
        f"snapshots/{commit}/config.json": "{}",
        f"snapshots/{commit}/model.safetensors": "",
    }.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(text)


@pytest.mark.parametrize(
    ("gpu", "card", "precision", "multi_gpu"),
    [
        ("80", "large", "none", False),
        ("48", "large", "4bit", False),
        ("48x2", "large", "none", True),
        ("24", "large", "4bit", False),
        ("16", "little", "4bit", False),
        ("16x2", "large", "4bit", True),
        ("3", EMBEDDED, "auto", False),
    ],
)
def test_the_first_that_fits_is_taken(gpu: str, card: str, precision: str, multi_gpu: bool) -> None:
    found = chosen(gpu)
    assert (found.card.name, found.quantize, found.multi_gpu) == (card, precision, multi_gpu)


def test_the_reason_the_amount_and_the_gpu_are_said() -> None:
    lines = list(chosen("80").lines())
    assert lines == [
        "model: large, the best that fits a GPU of 80 GB and is available: it is the best",
        "about 60.0 GB will be fetched from the hub first",
    ]


def test_what_the_operator_set_wins() -> None:
    assert chosen("80", quantize="8bit").quantize == "8bit"
    assert chosen("24", quantize="none").card.name == "middle"
    one = chosen("48x2", multi_gpu=False)
    assert (one.card.name, one.quantize, one.multi_gpu) == ("large", "4bit", False)
    assert chosen("80x2", multi_gpu=True).multi_gpu


def test_deprecated_gated_and_unservable_cards_are_never_taken(write: Write, tmp_path: Path) -> None:
    write("large", 30, more="deprecated = true")
    assert chosen("80").card.name == "middle"
    write("large", 30, more="gated = true")
    assert chosen("80").card.name == "middle"
    assert chosen("80", hf_token="hf_x").card.name == "large"
    here(tmp_path, "large")
    assert chosen("80").card.name == "large"
    write("large", 30, config='model_type = "mamba"')
    assert chosen("80", engine="vllm").card.name == "large"


def test_float32_takes_twice_the_memory() -> None:
    assert chosen("80", dtype="bfloat16").quantize == "none"
    assert (chosen("80", dtype="float32").card.name, chosen("80", dtype="float32").quantize) == ("large", "4bit")
    assert chosen("24", dtype="bfloat16", quantize="none").card.name == "middle"
    assert chosen("24", dtype="float32", quantize="none").card.name == "little"


def test_vllm_takes_no_weights_that_are_quantised_while_they_load() -> None:
    assert chosen("24", engine="vllm").card.name == "middle"
    assert chosen("16", engine="vllm").card.name == EMBEDDED


def test_without_a_library_the_next_is_taken_and_the_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(libraries, "version", none)
    found = chosen("24")
    assert (found.card.name, found.quantize) == ("middle", "none")
    assert found.better == "better: large in 4bit fits too; to get it, run `pip install 'bitsandbytes>=0.46.1,<1'`"
    assert choose(ServeSettings(_env_file=None), machine_of("24")).card.name == "large"  # another machine may have it


def test_mxfp4_wants_its_libraries_and_a_gpu_that_knows_it(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("large", 30, config=MXFP4)
    monkeypatch.setattr(
        libraries, "version", {"bitsandbytes": "0.50.2", "kernels": "0.17.2", "triton": "3.5.1"}.__getitem__
    )
    assert "pip install 'kernels>=0.18.2,<0.19.0'`" in chosen("80").better
    monkeypatch.setattr(
        libraries, "version", {"bitsandbytes": "0.50.2", "kernels": "0.18.3", "triton": "3.5.1"}.__getitem__
    )
    assert chosen("80").card.name == "large"
    old = Machine((Gpu(80 * 2**30, 7.0),))
    assert choose(ServeSettings(_env_file=None), old).card.name == "middle"


def test_a_lora_that_is_here_wins_over_its_bare_base(write: Write, tmp_path: Path) -> None:
    write("tuned", 30, more='lora = "."', hub="large")
    assert chosen("80").card.name == "large"
    (tmp_path / "own" / "tuned" / "adapter_model.safetensors").touch()
    assert chosen("80").card.name == "tuned"
    assert chosen("80").reason.startswith("tuned, ")
    assert chosen("80", base_only=True).card.name == "large"


def test_without_a_network_the_best_that_is_here_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Answers("the hub is not reachable (no route)")
    assert chosen("80", away).card.name == EMBEDDED
    here(tmp_path, "middle")
    found = chosen("80", away)
    assert (found.card.name, found.fetch) == ("middle", 0)
    assert found.better == "better: large, about 60.0 GB to fetch, but the hub is not reachable (no route)"
    here(tmp_path, "large")
    asked = Answers("not reachable")
    assert (chosen("80", asked).card.name, asked.asked) == ("large", [])  # nobody asks for what is here
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert reach.Unasked().why_not(found.card) == Hub().why_not(found.card) == "HF_HUB_OFFLINE forbids to fetch it"


def test_a_disk_without_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    usage = type("Usage", (), {"free": 20e9})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert choosing._no_space(18e9, tmp_path / "not" / "there") == ""
    assert choosing._no_space(20e9, tmp_path / "not").startswith(f"only 20.0 GB are free in {tmp_path}; free some")


def test_gpus_of_different_size_are_planned_as_equal_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine((Gpu(16 * 2**30), Gpu(80 * 2**30)))
    monkeypatch.setattr(choosing, "this_machine", lambda _: machine)
    found = choose(ServeSettings(_env_file=None), hub=Answers())
    assert (found.card.name, found.quantize, found.multi_gpu) == ("large", "4bit", True)
    assert found.remarks == (machine.spread,)


def test_without_a_gpu_the_small_one_starts_and_a_useful_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "bandwidth", lambda: 30e9)
    machine = Machine(memory=64e9, remarks=("a GPU is here, but",))
    found = choose(ServeSettings(_env_file=None), machine)
    assert found.card.name == EMBEDDED
    assert found.useful is not None
    assert found.useful.command == "glados up --model little"  # the middle one would be too slow
    assert "with about 16 tokens per second" in list(found.lines())[-2]
    assert found.remarks == machine.remarks
    small = choose(ServeSettings(_env_file=None), Machine(memory=3e9))
    assert small.useful is None


def test_the_types_of_the_compiled_step_are_those_of_its_classes() -> None:
    packing = pytest.importorskip("glados_bots.inference.transformers_engine.cpu.packing")
    assert sorted(packing.CLASSES) == sorted(f"{kind.capitalize()}ForCausalLM" for kind in speed.STEP_TYPES)


def test_a_slow_machine_is_told_the_quickest_useful_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "bandwidth", lambda: 1e9)
    found = choose(ServeSettings(), Machine(memory=64e9))
    assert found.useful is not None
    assert found.useful.command == "glados up --model little"
    assert (found.useful.speed or 9) < 1


def test_bandwidth_is_measured() -> None:
    measured = speed.bandwidth()
    assert measured is not None
    assert measured > 0
