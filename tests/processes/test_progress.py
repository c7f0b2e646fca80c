"""Progress of long work: a bar with the time left on a terminal, at most ten plain lines in a log anywhere else."""

import logging
import re
import sys

import pytest

from glados_bots.processes import bars
from glados_bots.processes.progress import each, progress
from tests.cli.calls import in_a_terminal

WORK = """
import logging, sys
from glados_bots.processes import bars
from glados_bots.processes.progress import each
logging.basicConfig(level="INFO", format="%(message)s")
for key in each("backup", range(1000), " keys"):
    if key in (300, 600):
        logging.info("a line of the log")
print("done")
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Lines of the log may follow each other at once."""
    monkeypatch.setattr(bars, "BETWEEN_S", 0)
    caplog.set_level(logging.INFO)


def test_a_log_has_ten_lines_with_amount_and_time_left(caplog: pytest.LogCaptureFixture) -> None:
    assert list(each("backup", range(5000), " keys")) == [*range(5000)]
    assert len(caplog.messages) == bars.STEPS
    assert re.fullmatch(r"backup: 10%, 500 of 5000 keys, \d\d:\d\d left", caplog.messages[0])
    assert caplog.messages[-1].startswith("backup: 100%, 5000 of 5000 keys, 00:00 left")


def test_bytes_are_shown_in_megabytes(caplog: pytest.LogCaptureFixture) -> None:
    with progress("converting", 2e9, "B") as advance:
        advance(5e8)
    (line,) = caplog.messages
    assert re.fullmatch(r"converting: 25%, 500 of 2000 MB, \d\d:\d\d left", line)


def test_quick_work_writes_nothing(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "BETWEEN_S", 3600)
    assert list(each("backup", range(50), " keys"))
    assert list(each("backup", [], " keys")) == []
    assert caplog.messages == []


@pytest.mark.slow
def test_a_terminal_shows_a_bar_with_the_time_left_that_goes_when_it_is_done() -> None:
    drawn = in_a_terminal(sys.executable, "-c", WORK.replace("for key", "bars.tqdm.mininterval = 0\nfor key"))
    states = drawn.replace("\n", "\r").split("\r")
    assert re.search(r"backup: +0%\|.*\| 0/1000 \[00:00<\?, \? keys/s\]", drawn)
    assert states.count("a line of the log") == 2
    assert [state for state in states if state.strip()][-1] == "done"


@pytest.mark.slow
def test_a_name_from_outside_moves_no_cursor() -> None:
    hostile = WORK.replace('"backup"', r'"sha256 of \x1b[2Jx\rdone"')
    drawn = in_a_terminal(sys.executable, "-c", hostile)
    assert r"sha256 of \x1b[2Jx\rdone: " in drawn
    assert "\x1b[2J" not in drawn


@pytest.mark.slow
def test_a_dumb_terminal_has_no_bar() -> None:
    assert "0%" not in in_a_terminal(sys.executable, "-c", WORK, env={"TERM": "dumb"})


def test_the_hubs_bars_become_one(caplog: pytest.LogCaptureFixture) -> None:
    """Driven as huggingface_hub's snapshot_download does: three bars, and a total that grows."""
    with bars.hub_bars("fetching ORG/NAME") as kind:
        received = kind(desc="Downloading bytes", total=0, initial=0, unit="B", unit_scale=True, bar_format="{bar}")
        written = kind(desc="Reconstructing (incomplete total...)", total=0, initial=0, unit="B", bar_format="{bar}")
        with kind(desc="Fetching 2 files", total=2) as files:
            for _ in range(2):
                written.total = (written.total or 0) + 1e9
                written.refresh()
                for _ in range(50):
                    received.update(2e7)
                    written.update(2e7)
                    written.set_postfix_str("9 MB/s", refresh=False)
                files.update(1)
        written.set_description("Reconstruction complete")
    assert len(caplog.messages) <= 2 * bars.STEPS
    assert {line.partition(":")[0] for line in caplog.messages} == {"fetching ORG/NAME"}
    assert "2000 of 2000 MB" in caplog.messages[-1]


@pytest.mark.slow
def test_transformers_draws_its_bars_as_ours(caplog: pytest.LogCaptureFixture) -> None:
    transformers_logging = pytest.importorskip("transformers.utils.logging")
    from glados_bots.inference.model_files import transformers_bars  # noqa: PLC0415 - where it is installed

    transformers_bars.take_over()
    try:
        assert list(transformers_logging.tqdm(range(20), desc="Loading weights"))
    finally:
        transformers_logging.set_tqdm_hook(None)
    assert caplog.messages[0].startswith("Loading weights: 10%, 2 of 20, ")
    assert len(caplog.messages) == bars.STEPS
