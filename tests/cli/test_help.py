"""Help: one screen for all commands, an example for each one, and nothing heavy that makes it slow."""

import inspect
import re
import shlex
import subprocess

import pytest

from glados_bots.cli import render
from glados_bots.cli.overview import GROUPS, summary
from glados_bots.cli.usage_errors import example_of
from tests.cli.calls import GLADOS, ROOT, all_commands, called, in_a_terminal, parsed

COMMANDS = dict(all_commands())
HEAVY = ("torch", "transformers", "huggingface_hub", "tqdm", "discord", "slack_bolt", "rich.markdown", "httpx")


@pytest.mark.slow
def test_the_help_of_glados_fits_one_screen() -> None:
    lines = in_a_terminal(*GLADOS, "--help", columns=80, env={"NO_COLOR": "1"}).replace("\r", "").splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    shown = [line.split()[0] for line in lines if line.split() and line.split()[0] in GROUPS]
    assert shown == [*GROUPS]


def test_every_command_is_in_a_group_with_a_summary_of_one_line() -> None:
    top = {words: command for words, command in COMMANDS.items() if words and " " not in words}
    assert {command.rich_help_panel for command in top.values()} == {*GROUPS}
    assert {words: summary(command) for words, command in top.items() if not 10 < len(summary(command)) <= 55} == {}
    texts = {words: inspect.cleandoc(command.help).split("\n\n") for words, command in COMMANDS.items()}
    assert [words for words, paragraphs in texts.items() if "\n" in "".join(paragraphs)] == []  # Typer keeps line ends
    others = {words: summary(command) for words, command in COMMANDS.items() if words not in top}
    assert {words: text for words, text in others.items() if len(text) > 90} == {}


@pytest.mark.parametrize("words", COMMANDS)
def test_every_commands_help_ends_with_an_example_that_can_be_called(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if words:
        shown = called(capsys, monkeypatch, *words.split(), "--help")
        assert shown.code == 0
        assert re.search(r"Example: glados \w", shown.out)
        assert "Usage: glados" in shown.out
    example = shlex.split(example_of(COMMANDS[words]).partition(" < ")[0])
    assert example[0] == "glados"
    monkeypatch.setattr("typer._click.termui.hidden_prompt_func", lambda _: "a password of the test")
    assert parsed(example[1:]).command_path.startswith(f"glados {words}".strip())


def test_the_page_of_docs_has_every_command_and_its_examples_can_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    rows = [re.findall(r"`([^`]*)`", row) for row in page.splitlines() if row.startswith("| `")]
    named = {name for first, *others, _ in rows for name in (first, *(f"{first.split()[0]} {one}" for one in others))}
    named |= {name.split()[-1] for name in named}
    hidden = {"", "models list", *(words for words, command in COMMANDS.items() if hasattr(command, "commands"))}
    assert {words for words in COMMANDS if words not in named} <= hidden
    monkeypatch.setattr("typer._click.termui.hidden_prompt_func", lambda _: "a password of the test")
    for *_, example in rows:
        assert parsed(shlex.split(example.partition(" < ")[0])[1:])


def test_render_has_the_same_options_in_both_of_its_parsers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        render.main(["--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    assert f"Example: {render.EXAMPLE}" in text
    options = {option for param in COMMANDS["render"].params for option in param.opts}
    assert options == set(re.findall(r"^  (--\w+)", text, re.MULTILINE))


@pytest.mark.parametrize(
    "example", ["glados version", "glados models", "glados models list", "glados models show smollm2_135m"]
)
def test_examples_that_need_nothing_do_what_they_say(
    example: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert example in map(example_of, COMMANDS.values())
    said = called(capsys, monkeypatch, *example.split()[1:])
    assert (said.code, bool(said.out)) == (0, True)


@pytest.mark.slow
def test_the_example_of_render_does_what_it_says() -> None:
    words = shlex.split(render.EXAMPLE.partition(" < ")[0])[1:]
    ran = subprocess.run([*GLADOS, *words], input="**bold**", capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ran.returncode, ran.stdout) == (0, "*bold*")


@pytest.mark.slow
@pytest.mark.parametrize("words", ["--help", "version", "--version"])
def test_nothing_heavy_is_loaded_for_help_and_versions(words: str) -> None:
    command = [GLADOS[0], "-X", "importtime", *GLADOS[1:], *words.split()]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stderr
    assert [name for name in HEAVY if re.search(rf"\| +{re.escape(name)}$", loaded, re.MULTILINE)] == []
