"""`python -O` takes every `assert` away; who may do what must not change by that (as in vLLM's CVE-2026-41523)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = [
    sys.executable,
    "-O",
    "-m",
    "pytest",
    "-q",
    "-n0",
    "-p",
    "no:cacheprovider",
    "-W",
    "ignore::pytest.PytestConfigWarning",
]


def run(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *args], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280, env=os.environ
    )


@pytest.mark.slow
def test_no_check_goes_with_the_asserts(tmp_path: Path) -> None:
    (tmp_path / "test_bites.py").write_text("def test_that_fails():\n    assert False\n")
    assert run(str(tmp_path / "test_bites.py")).returncode == 1, (
        "pytest keeps its own asserts; else this proves nothing"
    )
    result = run(
        "tests/test_api_keys.py",
        "tests/inference/test_access.py",
        "tests/inference/test_guard.py::test_with_a_key_everything_but_the_probes_needs_it_and_it_is_shown_nowhere",
        "tests/inference/test_weights.py::test_a_pickle_as_weights_is_refused_and_never_read",
        "tests/web/test_matrix.py",
        "tests/web/test_sign_in.py",
        "tests/web/test_oidc.py::test_a_token_with_another_signature_lets_nobody_in",
        "-k",
        "not commands and not one_line and not time_ran_out and not bad_settings and not names_of and not from_many",
    )
    assert result.returncode == 0, result.stdout[-3000:]
