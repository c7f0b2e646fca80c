"""Every wrong call ends with one line on standard error: what is wrong, where, and the remedy. No traceback."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.calls import GLADOS, ROOT, Said, all_commands, called

COMMANDS = [words for words, command in all_commands() if not hasattr(command, "commands")]
GROUPS = [words for words, command in all_commands() if hasattr(command, "commands")]
REMEDY = (
    "--help`",
    "`glados ",
    "name a ",
    "choose ",
    "set ",
    "correct ",
    "write ",
    "give ",
    "nothing to fetch",
    "use ",
    "docs/",
    "Input should be",
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of the test's own, and a Redis that is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLADOS_REDIS_URL", "redis://127.0.0.1:1/0")


def is_one_line(said: Said) -> bool:
    (line,) = [line for line in said.err.splitlines() if not line.startswith("INFO ")]
    return line.startswith("glados: ") and "Traceback" not in line and any(word in line for word in REMEDY)


@pytest.mark.parametrize("words", [*COMMANDS, *GROUPS])
def test_an_option_that_is_not_there(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = called(capsys, monkeypatch, *words.split(), "--no-such-option")
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said)
    assert "--no-such-option" in said.err
    assert f"`glados {words}".strip() in said.err


@pytest.mark.parametrize("words", [words for words in COMMANDS if words != "models import"])
def test_more_arguments_than_a_command_takes(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer._click.termui.hidden_prompt_func", lambda _: "a password of the test")
    said = called(capsys, monkeypatch, *words.split(), "web", "--", "surplus", "surplus-2")
    assert said.code == 2
    assert is_one_line(said)
    assert "surplus" in said.err or "missing option" in said.err


@pytest.mark.parametrize("words", GROUPS)
def test_a_command_that_is_not_there(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = called(capsys, monkeypatch, *words.split(), "frobnicate")
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said)
    assert "no such command 'frobnicate'" in said.err


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("modles", "Did you mean 'models'?"),
        ("models pull x --pine", "(Possible options: --pin)"),
        ("models plan", "missing argument 'name'"),
        pytest.param("models new mine", "missing option '--base'", marks=pytest.mark.slow),
        ("turns list --platform", "'--platform' requires an argument"),
        ("audit --last 0", "invalid value '0' for '--last'"),
        ("audit --last many", "invalid value 'many' for '--last'"),
        ("keys create a --tokens-per-day -1", "invalid value '-1' for '--tokens-per-day'"),
        ("keys create a --expires 3y", "--expires 3y"),
        ("keys create a --scope everything", "everything"),
        ("keys revoke abc", "abc"),
        ("turns retry 1 --platform irc", "irc"),
        ("privacy export web", "--user ID or --thread ID"),
        ("privacy export irc --user 1", "irc"),
        ("restore nothing.jsonl", "nothing.jsonl"),
        ("restore /dev/null", "/dev/null was not restored: line 1"),
        ("health discord", "GLADOS_METRICS_PORT"),
        ("serve --engine magic", "GLADOS_ENGINE=magic"),
        ("serve --model ./nothing", "./nothing"),
        ("serve --lora nothing", "GLADOS_LORAS=nothing"),
        ("models show nothing", "nothing"),
        pytest.param("models import nothing", "nothing", marks=pytest.mark.slow),
        pytest.param("models remove ORG/NAME --yes", "ORG/NAME", marks=pytest.mark.slow),
        pytest.param("models pull smollm2_135m", "there is nothing to fetch", marks=pytest.mark.slow),
        pytest.param("models new ../x --base ORG/NAME", "../x", marks=pytest.mark.slow),
        pytest.param("models new mine --base smollm2_135m", "smollm2_135m", marks=pytest.mark.slow),
        ("hash-password --password short", "at least 12 characters"),
        ("store repair", "GLADOS_REDIS_URL"),
        ("discord", "GLADOS_DISCORD_TOKEN"),
        ("slack", "GLADOS_SLACK_BOT_TOKEN"),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(
    call: str, names: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = called(capsys, monkeypatch, *call.split())
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said), said.err
    assert names in said.err


@pytest.mark.parametrize("call", ["turns list", "audit", "backup x.jsonl", "migrate", "privacy export web --user 1"])
def test_a_redis_that_is_not_reachable_is_one_line(
    call: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = called(capsys, monkeypatch, *call.split())
    assert (said.code, said.out) == (1, "")
    assert is_one_line(said), said.err
    assert "correct GLADOS_REDIS_URL" in said.err


def test_a_question_that_is_not_answered_changes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer._click.termui.visible_prompt_func", lambda _: "n")
    said = called(capsys, monkeypatch, "privacy", "forget", "web", "--user", "1")
    assert (said.code, said.err) == (1, "glados: cancelled; nothing was changed\n")


def test_each_setting_that_is_wrong_has_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLADOS_WEB_PORT", "zero")
    monkeypatch.setenv("GLADOS_LEASE", "never")
    said = called(capsys, monkeypatch, "audit")
    assert said.code == 2
    assert [line.split("=")[0] for line in said.err.splitlines()] == ["glados: GLADOS_WEB_PORT", "glados: GLADOS_LEASE"]


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["--limit x", "--nope", "surplus", "--to paper", "--limit 3"])
def test_the_quick_parser_of_render_says_it_in_the_same_way(wrong: str) -> None:
    command = [*GLADOS, "render", *wrong.split()]
    ran = subprocess.run(command, input="", capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stderr.startswith("glados: ")
    assert wrong.rpartition(" ")[2] in ran.stderr
