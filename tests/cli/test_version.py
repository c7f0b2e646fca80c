"""`glados version` says what is installed."""

from importlib import metadata

import pytest

from glados_bots import __version__
from glados_bots.cli import version
from tests.cli.calls import called


def test_every_part_is_named_with_its_version(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = dict(line.split(maxsplit=1) for line in called(capsys, monkeypatch, "version").out.splitlines())
    assert rows["torch"] == metadata.version("torch")
    assert rows["Redis"] == f"client    {metadata.version('redis')}"
    assert rows["Python"][:2] == "3."
    assert {"GLaDOS", "transformers", "peft", "discord.py", "slack_bolt", "embedded", "Platform"} <= rows.keys()


def test_what_is_not_installed_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "PARTS", {"torch": "no-such-package-anywhere"})
    assert "torch           not installed\n" in called(capsys, monkeypatch, "version").out


def test_the_option_prints_the_number_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert called(capsys, monkeypatch, "--version").out == f"{__version__}\n"
