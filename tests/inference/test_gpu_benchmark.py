"""benchmarks/gpu.py: its summary on a CPU, what it does without a GPU, and that no case spoils another."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing._internal.two_tensor import TwoTensor

from benchmarks.on_gpu.isolated import CaseError, in_own_process, run_case
from benchmarks.on_gpu.library import tensor_bytes
from benchmarks.on_gpu.memory import Outcome
from benchmarks.on_gpu.report import Case, Measured, Missed, Result, Row, Section
from benchmarks.on_gpu.sections import SECTIONS
from glados_bots.inference.model_files import weights
from glados_bots.inference.model_files.choosing import resolve
from tests.inference.tiny import DATA, write_base

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    few = {"OMP_NUM_THREADS": "1"}  # more threads only get in each other's way in a tiny model
    environment = {**os.environ, **few, "CUDA_VISIBLE_DEVICES": "", "GLADOS_VLLM_COMMAND": "no-such-vllm"}
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def table(section: str) -> dict[str, dict[str, str]]:
    """The cells of a section's table by row and column. A ratio's column has the name of the one before, and ratio."""
    lines = [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in section.splitlines() if line.startswith("|")]
    if not lines:
        return {}
    heads = ["", *lines[0]]
    names = [f"{heads[place - 1]}: ratio" if head == "ratio" else head for place, head in enumerate(heads)]
    return {row[0]: dict(zip(names, row, strict=True)) for row in lines[2:]}


def is_ratio(shown: str, value: float) -> bool:
    """Whether a ratio is that of the figures, as far as their rounding allows."""
    return float(shown) == pytest.approx(value, rel=0.02, abs=0.01)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The sections of one run on a tiny model, by title."""
    folder = write_base("llama", tmp_path_factory.mktemp("tiny"))
    template = weights.fetch(resolve("smollm2_135m")[0], DATA, None) / "chat_template.jinja"
    (folder / template.name).write_bytes(template.read_bytes())
    out = folder / "summary.md"
    done = run("--device", "cpu", "--quick", "--model", str(folder), "--out", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert out.read_text(encoding="utf-8") == done.stdout
    assert done.stdout.endswith("Nothing failed.\n")
    _, *parts = re.split(r"^### ", done.stdout, flags=re.MULTILINE)
    return {part.partition("\n")[0]: part for part in parts}


def test_every_section_has_figures_or_says_what_it_needs(summary: dict[str, str]) -> None:
    assert len(summary) == len(SECTIONS)
    without = [title for title, text in summary.items() if not table(text)]
    assert without == ["CUDA graphs and asynchronous batching", "Several GPUs"]
    assert "left out: needs CUDA" in summary[without[0]]
    assert "left out: needs two GPUs" in summary[without[1]]
    assert "the GPU's memory is full: left out: needs CUDA" in summary["Out of memory"]


def test_ratios_to_other_servers_are_those_of_the_figures_above_one_if_ours_is_better(summary: dict[str, str]) -> None:
    text = summary["Beside transformers.generate and vLLM"]
    assert "- vLLM: left out: no program no-such-vllm" in text
    ours, generate = (table(text)[name] for name in ("GLaDOS, all streams at once", "transformers.generate, batched"))
    assert int(generate["answers like the first row's"].removesuffix(" of 16")) >= 12  # bfloat16 rounds near ties
    for streams in ("1 streams", "2 streams"):
        speed, first = f"tokens/s, {streams}", f"first token ms, {streams}"
        assert is_ratio(generate[f"{speed}: ratio"], float(ours[speed]) / float(generate[speed]))
        assert is_ratio(generate[f"{first}: ratio"], float(generate[first]) / float(ours[first]))


def test_the_attention_that_was_forced_is_the_one_that_ran(summary: dict[str, str]) -> None:
    rows = table(summary["Attention"])
    assert rows["sdpa"]["attention"] == "sdpa"
    assert "scaled_dot_product" in rows["sdpa"]["kernels"]
    assert rows["eager"]["attention"].endswith("eager")
    assert "softmax" in rows["eager"]["kernels"]
    assert "scaled_dot_product" not in rows["eager"]["kernels"]
    assert "- flash_attention_2: left out: flash_attention_2 is not installed" in summary["Attention"]


def test_loras_are_compared_with_a_merged_one(summary: dict[str, str]) -> None:
    rows, speed = table(summary["Several LoRAs"]), "tokens/s, 2 streams"
    assert list(rows) == ["one, merged", "1 beside the weights", "4 beside the weights", "8 beside the weights"]
    merged = float(rows["one, merged"][speed])
    assert all(is_ratio(row[f"{speed}: ratio"], float(row[speed]) / merged) for row in rows.values())


def test_memory_is_beside_the_plan_and_a_small_cache_loses_no_answer(summary: dict[str, str]) -> None:
    memory = table(summary["Memory beside the plan"])["weights"]
    assert memory["used / planned"] == "1"
    assert float(memory["used GB"]) > 0
    row = table(summary["Out of memory"])["a cache for one conversation"]
    assert (row["asked"], row["answered"], row["answers afterwards"], row["holds"]) == ("8", "8", "yes", "yes")


def test_without_a_gpu_one_line_says_so() -> None:
    done = run("--quick")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("torch sees no GPU here")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--sections", "attention,speed"], "no section 'speed'"),
        (["--device", "cpu", "--model", "/no/such"], "/no/such: no such model"),
        (["--device", "cpu", "--out", "/no/such/summary.md"], "/no/such/summary.md"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], named: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert named in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("does", "patience_s", "reason"),
    [
        (partial(int, "seven"), 60.0, "ValueError: invalid literal"),
        (partial(os._exit, 7), 60.0, "its process ended with code 7"),
        (partial(time.sleep, 600), 0.5, "a higher --patience waits longer"),
    ],
)
def test_a_case_that_fails_ends_or_hangs_is_a_row_with_the_reason(
    does: Callable[[], Any], patience_s: float, reason: str
) -> None:
    row = run_case(Case("bad", does), patience_s)["bad"]
    assert isinstance(row, Missed)
    assert row.failed
    assert reason in row.reason


def test_a_case_after_a_crash_has_its_result() -> None:
    with pytest.raises(CaseError):
        in_own_process(partial(os.abort), 60)
    assert in_own_process(partial(int, "7"), 60) == 7


def test_failures_and_broken_promises_are_lines_and_the_other_rows_stay() -> None:
    rows: dict[str, Row] = {
        "small": Outcome(8).measured(""),
        "full": Outcome(6, ["full", "full"]).measured(""),
        "dead": Outcome(8).measured("the engine is dead"),
        "one": Outcome(7, ["full"]).measured(""),
        "other": Missed("boom"),
        "gone": Missed("no vLLM", failed=False),
    }
    result = Result(Section("oom", "Out of memory", "Note.", []), rows)
    text = "\n".join(result.lines())
    assert {name: row["holds"] for name, row in table(text).items()} == {
        "small": "yes", "full": "no", "dead": "no", "one": "yes",
    }  # fmt: skip
    assert "- other: **failed**: boom" in text
    assert "- gone: left out: no vLLM" in text
    assert result.problems == [
        "oom, full: 2 of 8 answers failed: full",
        "oom, dead: the service does not answer afterwards: the engine is dead",
        "oom, other: boom",
    ]


def test_a_tensor_that_wraps_others_has_their_size() -> None:
    small, large = torch.zeros(3, dtype=torch.int8), torch.zeros(3, dtype=torch.int8)
    assert tensor_bytes(torch.zeros(5, dtype=torch.bfloat16)) == 10
    assert tensor_bytes(TwoTensor(small, large)) == 6


def test_without_the_first_row_there_are_figures_and_no_ratios() -> None:
    section = Section("servers", "Servers", "Note.", [Case("a", dict), Case("b", dict)])
    rows: dict[str, Row] = {"a": Missed("boom"), "b": Measured({"tokens/s, 1 streams": 5.0}, ("x",))}
    assert "| b | 5 | - | - |" in Result(section, rows).lines()


@pytest.mark.parametrize(("first_is_ours", "wanted"), [(True, 2.0), (False, 0.5)])
def test_a_ratio_above_one_is_good_for_speed_and_for_waiting(first_is_ours: bool, wanted: float) -> None:
    result = Result(Section("s", "S", "", [], first_is_ours=first_is_ours))
    assert result.ratio("tokens/s, 1 streams", first=100.0, other=50.0) == wanted
    assert result.ratio("first token ms, 1 streams", first=10.0, other=20.0) == wanted
