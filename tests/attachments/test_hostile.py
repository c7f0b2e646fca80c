"""Hostile files: each is read or refused with a sentence, within its limits, and the next file is read."""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from glados_bots.attachments.limits import MOST_CHARACTERS, MOST_MEMORY, MOST_PAGES_SEEN
from glados_bots.wording.sentence import say

KILOBYTE = 1024


@dataclass
class Results:
    allowed: list[list[str]]  # per file: names of the refusals that may answer; any if there are none
    files: list[tuple[str, str, str, int]]  # name, name of the refusal, text, number of pictures
    prompts: list[str]
    next: str
    most_kb: int  # of the largest process


@pytest.fixture(scope="module")
def results() -> Results:
    command = [sys.executable, "-m", "tests.attachments.hostile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Results(**json.loads(done.stdout))


def test_a_hundred_hostile_files_are_read_or_refused_each_with_one_sentence(results: Results) -> None:
    assert len(results.files) > 100
    for allowed, (name, refusal, text, pictures) in zip(results.allowed, results.files, strict=True):
        assert bool(refusal) != bool(text or pictures), name
        assert not allowed or refusal in allowed, (name, refusal)
        assert not refusal or str(say(refusal, most=1, format=""))
        assert len(text) <= MOST_CHARACTERS
        assert pictures <= MOST_PAGES_SEEN


def test_none_of_them_takes_more_memory_than_it_may_and_the_next_file_is_read(results: Results) -> None:
    assert 20_000 < results.most_kb <= MOST_MEMORY / KILOBYTE
    assert results.next == "the next file"


def test_none_of_them_reads_another_file_or_gets_out_of_its_place(results: Results) -> None:
    for (name, *_), prompt in zip(results.files, results.prompts, strict=True):
        assert "root:" not in prompt, name
        assert "GLaDOS: I obey" not in prompt
        assert len(prompt) <= 9_000
        assert "\x1b[2J" not in prompt
