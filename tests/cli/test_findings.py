"""What `glados doctor` found, as a table for people and as lines for all else."""

import sys

import pytest

from glados_bots.cli import findings
from glados_bots.platforms import Check

URL = "https://discord.com/oauth2/authorize?client_id=1234567890123456789&scope=bot+applications.commands&permissions=1"
FOUND = [
    Check("python", "ok", "3.11.7 on Linux x86_64"),
    Check("gpu", "warn", "torch can use none; only small models are fast without a GPU", "install its driver " * 5),
    Check("redis", "fail", "does not answer: " + "connection refused " * 8, "start the server"),
    Check("discord invitation", "ok", URL),
    Check("model", "ok", "\x1b[2J[red]x[/red]"),
]


def in_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Standard output is taken for a terminal without colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("columns", [60, 80, 100, 250])
def test_the_table_fits_100_columns_and_narrower_terminals(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_terminal(monkeypatch, columns)
    assert findings.show(FOUND) == 1
    *table, below = capsys.readouterr().out.splitlines()
    assert {len(line) for line in table} == {min(columns, 100)}
    assert "State" in table[1]
    assert [state for state in ("✓ ok", "! warn", "✗ fail") if not any(state in line for line in table)] == []
    assert below == f"discord invitation: {URL}"


def test_each_state_has_its_colour(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_terminal(monkeypatch, 100)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR")
    findings.show(FOUND)
    text = capsys.readouterr().out
    assert [state for state in ("32m✓ ok", "33m! warn", "31m✗ fail") if f"\x1b[{state}" not in text] == []


def test_no_word_is_cut_and_no_control_character_gets_through(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_terminal(monkeypatch, 100)
    findings.show(FOUND)
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "[red]x[/red]" in text
    assert text.count("refused") == 8


def test_elsewhere_each_check_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert findings.show(FOUND) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok   python: 3.11.7 on Linux x86_64"
    assert lines[2].startswith("fail redis: does not answer: ")
    assert lines[2].endswith("; remedy: start the server")
    assert lines[3] == f"ok   discord invitation: {URL}"
    assert len(lines) == len(FOUND)
