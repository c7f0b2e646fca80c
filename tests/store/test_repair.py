"""The embedded database's files, damaged as by a disk: found, told, and cut only when the operator says so."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from glados_bots.errors import ConfigError
from glados_bots.store import embedded, repair
from tests.conftest import running_store
from tests.processes.stack import Stack

CONVERSATIONS = 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which some conversations were kept; the database has ended."""
    folder = tmp_path_factory.mktemp("whole")
    with running_store(embedded.command(folder)) as url, redis.Redis.from_url(url) as client:
        client.set("glados:{web}:c:before:fence", 1)
        client.bgrewriteaof()
        while client.info("persistence")["aof_rewrite_in_progress"]:
            pass
        time.sleep(1.1)  # each second gets a stamp, and this one has its own in the file before
        for number in range(CONVERSATIONS):
            client.rpush(f"glados:{{web}}:c:chat{number}:history", "t" * 50)
    return folder


@pytest.fixture
def data_dir(tmp_path: Path, whole: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "data"))


def grown(data_dir: Path) -> Path:
    """The file that grows with each write."""
    (found,) = (data_dir / "valkey" / "appendonlydir").glob("*.incr.aof")
    return found


def snapshot(data_dir: Path) -> Path:
    (found,) = (data_dir / "valkey" / "appendonlydir").glob("*.base.rdb")
    return found


def spoil(file: Path, part: float) -> None:
    text = bytearray(file.read_bytes())
    start = int(len(text) * part)
    text[start : start + 200] = b"\0" * 200
    file.write_bytes(text)


def glados(data_dir: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "glados_bots", "store", *args],
        env={**os.environ, "GLADOS_DATA_DIR": str(data_dir)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def kept(data_dir: Path) -> int:
    with running_store(embedded.command(data_dir)) as url, redis.Redis.from_url(url) as client:
        return len(client.keys("glados:*:c:*"))


def test_nothing_is_damaged_in_what_was_written_whole(data_dir: Path) -> None:
    assert repair.find(data_dir) is None
    assert "no file is damaged" in glados(data_dir, "repair").stdout


@pytest.mark.parametrize("missing", [1, 2, 3, 30])
def test_an_end_that_was_not_written_whole_stops_nobody(data_dir: Path, missing: int) -> None:
    """Valkey cuts it by itself: a kill in the middle of a write leaves one."""
    file = grown(data_dir)
    file.write_bytes(file.read_bytes()[:-missing])
    assert kept(data_dir) == CONVERSATIONS  # one of them was not written whole


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
def test_damage_is_told_and_cut_only_when_that_is_asked_for(data_dir: Path, part: float) -> None:
    file = grown(data_dir)
    spoil(file, part)
    damaged = file.read_bytes()
    found = repair.find(data_dir)
    assert found
    assert found.offset
    assert found.since
    assert f"{file} is damaged after {found.offset:,} of {len(damaged):,} bytes; what was written since" in str(found)
    assert glados(data_dir, "repair").returncode == 1  # nobody said yes
    assert file.read_bytes() == damaged
    result = glados(data_dir, "repair", "--yes")
    assert result.returncode == 0, result.stderr
    (aside,) = (data_dir / "valkey").glob("damaged-*")
    assert str(aside) in result.stdout
    assert (aside / file.name).read_bytes() == damaged
    stay = kept(data_dir)
    assert f"{stay} conversations are left" in result.stdout
    assert abs(stay - part * CONVERSATIONS) < CONVERSATIONS / 5


def test_what_follows_a_damaged_file_is_left_out(data_dir: Path) -> None:
    """While the file is written anew, two of them grow one after the other."""
    first = grown(data_dir)
    second = first.with_name("appendonly.aof.9.incr.aof")
    second.write_bytes(first.read_bytes())
    manifest = first.with_name(repair.MANIFEST)
    manifest.write_text(manifest.read_text() + f"file {second.name} seq 9 type i\n")
    spoil(first, 0.5)
    assert glados(data_dir, "repair", "--yes").returncode == 0
    assert repair.find(data_dir) is None
    assert kept(data_dir) < CONVERSATIONS


def test_of_a_damaged_snapshot_nothing_can_be_saved_and_the_way_out_is_told(data_dir: Path) -> None:
    spoil(snapshot(data_dir), 0.5)
    damaged = snapshot(data_dir).read_bytes()
    result = glados(data_dir, "repair", "--yes")
    assert result.returncode == 2
    assert str(snapshot(data_dir)) in result.stderr
    assert "glados restore" in result.stderr
    assert snapshot(data_dir).read_bytes() == damaged


def test_a_list_of_files_that_is_none_is_named(data_dir: Path) -> None:
    grown(data_dir).with_name(repair.MANIFEST).write_text("nonsense\n")
    with pytest.raises(ConfigError, match="cannot read this list"):
        repair.find(data_dir)


def test_a_redis_of_ones_own_is_not_repaired_here(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLADOS_REDIS_URL", "redis://127.0.0.1:1/0")
    assert "that server's own tools" in glados(data_dir, "repair").stderr


@pytest.mark.slow
@pytest.mark.parametrize("which", [grown, snapshot])
def test_a_start_on_damaged_files_ends_with_one_line_and_changes_nothing(
    data_dir: Path, which: Callable[[Path], Path]
) -> None:
    spoil(which(data_dir), 0.5)
    damaged = which(data_dir).read_bytes()
    result = Stack(data_dir).refused()
    assert result.returncode == 2
    (line,) = [line for line in result.stdout.splitlines() if "is damaged" in line]
    assert line.startswith(f"glados: {which(data_dir)} is damaged")
    assert line.endswith("`glados store repair` makes a copy and cuts it there")
    assert "starting it again" not in result.stdout
    assert which(data_dir).read_bytes() == damaged
