"""What the command line says of the choice: `glados models`, `glados models plan auto`, and `glados up`."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from glados_bots.cli import up
from glados_bots.cli.app import app
from glados_bots.cli.models_plan import _places
from glados_bots.inference import run
from glados_bots.inference.model_files.auto.fitting import CPU_SHARE, verdict
from glados_bots.inference.model_files.auto.ranking import ranking
from glados_bots.inference.model_files.cards import EMBEDDED, all_cards, load_cards
from glados_bots.inference.model_files.choosing import TOLD
from glados_bots.inference.model_files.hardware import Gpu, Machine, machine_of
from glados_bots.inference.settings import ServeSettings

GB = 2**30


def glados(*words: str, **env: str) -> Any:
    return CliRunner().invoke(app, ["models", *words], env={"COLUMNS": "80", "GLADOS_MODEL": "auto", **env})


@pytest.fixture(autouse=True)
def on_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU, weights or network."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for module in ("cli.models_list", "cli.models_plan", "inference.model_files.auto.choose"):
        monkeypatch.setattr(f"glados_bots.{module}.this_machine", lambda *_: Machine(memory=64e9))


def test_the_list_begins_with_the_choice_and_has_a_line_per_card() -> None:
    lines = glados("list").stdout.splitlines()
    assert lines[0].startswith(f"model: {EMBEDDED}, because")
    for name in all_cards():
        assert sum(bool(re.match(rf"│ {name} ", line)) for line in lines) == 1
    assert len(lines) < len(all_cards()) + 30  # no row is folded
    assert all(len(line) <= 80 for line in lines if line.startswith("│"))


def test_a_wide_terminal_shows_licences_too() -> None:
    assert "Apache-2.0" in glados("list", COLUMNS="160").stdout
    assert "Good at" in glados("list", COLUMNS="160").stdout


def test_a_wrong_model_does_not_hide_the_list() -> None:
    shown = glados("list", GLADOS_MODEL="./nothing")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("./nothing: no such model")
    assert EMBEDDED in shown.stdout.partition("Fits?")[2]


@pytest.mark.parametrize("gpu", ranking().sizes)
def test_auto_is_planned_for_another_machine_without_a_network(gpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: Any) -> None:
        raise AssertionError("somebody used the network")

    monkeypatch.setattr("socket.socket.connect", no_network)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    shown = glados("plan", "auto", "--gpu", gpu)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"model: {ranking().sizes[gpu]}, the best that fits {machine_of(gpu)}")
    assert "will be fetched from the hub first" in shown.stdout
    assert "by the card\n" in shown.stdout


def test_auto_is_planned_for_this_machine() -> None:
    shown = glados("plan", "auto")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"model: {EMBEDDED}")
    assert "no GPU here" in shown.stdout


def test_a_card_is_planned_for_another_machine() -> None:
    assert "GPU 0, 24 GB" in glados("plan", "qwen3_4b", "--gpu", "24", COLUMNS="160").stdout
    assert "all 2, --multi-gpu" in glados("plan", "qwen3_4b", "--gpu", "24x2", COLUMNS="160").stdout


@pytest.mark.parametrize("gpu", ["8", "16", "24", "80"])
def test_a_plan_fits_80_columns_and_folds_no_row(gpu: str) -> None:
    for name in ("qwen3_4b", "qwen36_27b", "gpt_oss_20b", "llama33_70b"):
        rows = [line for line in glados("plan", name, "--gpu", gpu).stdout.splitlines() if line.startswith("│")]
        assert all(re.match(r"│ (bfloat16|8bit|4bit|mxfp4) ", row) and len(row) <= 80 for row in rows), rows
        assert len(rows) in {1, 3}


def test_one_conversation_has_a_word_of_its_own() -> None:
    assert re.search(r"│ 4bit .*│ yes, \d+ at once +│", glados("plan", "qwen36_27b", "--gpu", "24").stdout)
    assert re.search(r"│ bfloat16 .*│ yes, one +│", glados("plan", "qwen36_27b", "--gpu", "56").stdout)


@pytest.mark.parametrize("memory", [4e9, 8e9, 12e9, 24e9, 64e9])
def test_without_a_gpu_the_list_prints_the_figures_that_it_compares(memory: float) -> None:
    for card in load_cards().values():
        said = verdict(card, Machine(memory=memory))
        figures = re.fullmatch(r"(yes|no): needs ([\d.]+) GB(?: of ([\d.]+) GB)?", said.reason)
        assert figures is not None, said.reason
        needs, most = float(figures[2]), float(figures[3] or memory * CPU_SHARE / 1e9)
        assert said.yes == (needs <= most) or abs(needs - most) <= 0.1  # rounded to a tenth


@pytest.mark.parametrize("gpu", ["large", "0", "24x0", "-8"])
def test_a_wrong_size_is_refused(gpu: str) -> None:
    shown = glados("plan", "auto", f"--gpu={gpu}")
    assert str(shown.exception).startswith(f"--gpu {gpu}: not a size of GPUs; give GB")


def test_all_gpus_are_counted_by_the_smallest_of_them() -> None:
    machine = Machine((Gpu(80 * GB), Gpu(24 * GB)))
    assert _places(machine) == {"GPU 0, 80 GB": False, "all 2, --multi-gpu": True}
    assert machine.memory_for(10 * GB, multi_gpu=True) == (24 + 5) * GB


def test_the_service_does_not_repeat_what_up_has_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ServeSettings(_env_file=None)
    told = up._choice(settings)
    assert told[0].startswith(f"model: {EMBEDDED}")
    (serve,) = (role for role in up.roles(settings, told) if role.name == "serve")
    caplog.set_level("INFO")
    run._choice(settings)
    assert told[0] in caplog.text
    caplog.clear()
    monkeypatch.setenv(TOLD, serve.env[TOLD])
    run._choice(settings)
    assert told[0] not in caplog.text
