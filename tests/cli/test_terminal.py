"""What others wrote moves no cursor, and colours nothing."""

import pytest

from glados_bots.cli import terminal

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe[red]x[/red]\r"


def test_control_characters_become_escapes_and_the_rest_stays() -> None:
    assert terminal.plain("é 🙂\tb\nc") == "é 🙂\tb\nc"
    assert terminal.plain(HOSTILE) == ("\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u202egnp.exe[red]x[/red]\\u000d")


def test_tables_and_lines_are_plain(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    terminal.show_table(["Name"], [[HOSTILE]])
    terminal.echo(HOSTILE)
    terminal.echo(HOSTILE, err=True)
    out, err = capsys.readouterr()
    assert not set("\x1b\x07\x9b\u202e\r") & set(out + err)
    assert out.count("[red]x[/red]") == 2


def test_in_a_narrow_terminal_names_stay_whole_and_no_cell_is_cut_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal.show_table(["Model", "Good at"], [["a_model_with_a_long_name", "answering questions" * 3]])
    out = capsys.readouterr().out
    assert "a_model_with_a_long_name" in out
    assert "…" not in out
