"""A prompt that ends the service is not made for ever; the others are."""

import subprocess
import sys
from pathlib import Path

import pytest

from glados_bots.conversation import Message
from glados_bots.errors import PromptRefusedError
from glados_bots.inference.prompts.suspects import MOST_DEATHS, Suspects

DEADLY, HARMLESS = [Message("user", "deadly \ud83d")], [Message("user", "harmless")]
PROGRAM = """
import os, signal, sys
from pathlib import Path
from glados_bots.conversation import Message
from glados_bots.inference.prompts.suspects import Suspects
with Suspects(Path(sys.argv[1])).making([Message("user", "deadly \\ud83d")]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def die(file: Path) -> int:
    return subprocess.run([sys.executable, "-c", PROGRAM, str(file)], check=False, stderr=subprocess.PIPE).returncode


def test_what_ends_one_process_after_the_other_is_refused_then(tmp_path: Path) -> None:
    file = tmp_path / "service" / "prompts.json"
    for _ in range(MOST_DEATHS):
        with Suspects(file).making(HARMLESS):
            pass
        assert die(file) == -9
    assert die(file) == 1
    with (
        pytest.raises(PromptRefusedError, match=f"killed the service {MOST_DEATHS} times"),
        Suspects(file).making(DEADLY),
    ):
        pass
    with Suspects(file).making(HARMLESS):
        pass
    assert b"deadly" not in file.read_bytes()


def test_who_is_made_well_once_has_ended_nothing(tmp_path: Path) -> None:
    file = tmp_path / "prompts.json"
    for _ in range(2 * MOST_DEATHS):
        assert die(file) == -9
        with Suspects(file).making(DEADLY):
            pass


def test_a_prompt_that_fails_has_not_ended_the_process(tmp_path: Path) -> None:
    suspects = Suspects(tmp_path / "prompts.json")
    for _ in range(2 * MOST_DEATHS):
        with pytest.raises(ValueError, match="too long"), suspects.making(DEADLY):
            raise ValueError("too long")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"deaths": 5}', '{"deaths": {}, "in_hand": 7}'])
def test_a_file_that_is_none_is_begun_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prompts.json"
    file.write_text(text)
    with Suspects(file).making(DEADLY):
        pass


def test_without_a_place_to_write_all_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with Suspects(file / "prompts.json").making(HARMLESS):
        assert list(tmp_path.iterdir()) == [file]
