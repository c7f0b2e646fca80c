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
    # One test of each kind of check; that no check anywhere is an assert is seen by tests/test_safe_code.py.
    access, sign_in = "tests/inference/api/test_access.py", "tests/web/test_sign_in.py"
    result = run(
        "tests/inference/api/test_keys.py::test_a_key_is_found_by_its_text_and_by_nothing_else",
        "tests/inference/api/test_keys.py::test_a_revoked_key_counts_no_more_in_a_service_that_runs",
        "tests/inference/api/test_keys.py::test_an_expired_key_counts_no_more",
        f"{access}::test_every_route_is_closed_without_a_key_but_the_probes",
        f"{access}::test_a_key_may_do_what_its_scope_says_and_nothing_else_in_both_spellings",
        f"{access}::test_every_route_stands_in_the_table_and_a_new_one_is_closed",
        f"{access}::test_requests_a_minute",
        f"{access}::test_tokens_a_day_count_whole_answers_streams_and_those_broken_off",
        f"{access}::test_keys_that_cannot_be_read_let_nobody_in_but_the_operator",
        f"{access}::test_an_open_service_is_not_shown_to_others",
        "tests/inference/api/test_guard.py::test_with_a_key_everything_but_the_probes_needs_it_and_it_is_shown_nowhere",
        "tests/inference/model_files/test_weights.py::test_a_pickle_as_weights_is_refused_and_never_read",
        "tests/web/test_matrix.py",
        f"{sign_in}::test_another_password_does_not",
        f"{sign_in}::test_every_route_is_closed_to_strangers_but_those_on_a_list",
        f"{sign_in}::test_a_session_that_was_planted_is_worth_nothing_after_the_sign_in",
        f"{sign_in}::test_signing_out_ends_the_session_and_its_streams",
        f"{sign_in}::test_a_session_ends_in_any_case",
        f"{sign_in}::test_guesses_are_counted_and_refused_before_they_are_looked_at",
        "tests/web/test_oidc.py::test_a_token_with_another_signature_lets_nobody_in",
    )
    assert result.returncode == 0, result.stdout[-3000:]
