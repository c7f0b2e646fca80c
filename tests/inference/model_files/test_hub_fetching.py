"""Fetching from a hub that breaks off, refuses, lies and changes: what is kept is whole, or goes on where it ended."""

import asyncio
import errno
import hashlib
import logging
import os
import random
import re
import resource
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import download
from glados_bots.inference.model_files.hub import cache, checking, contents, state
from glados_bots.inference.model_files.hub.contents import Listed
from glados_bots.processes import bars
from tests.fakes.hub import COMMIT, Hub
from tests.inference.model_files.hub_on_loopback import CARD, MB, blobs, fetch, online

CONFIG = b'{"model_type": "llama"}'
SHARD = random.Random(7).randbytes(4 * MB)  # noqa: S311 - bytes that differ


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """A repository with one shard of 4 MiB."""
    found = Hub({"config.json": CONFIG, "model.safetensors": SHARD})
    async with online(found, tmp_path, monkeypatch):
        yield found


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_a_line_that_is_cut_several_times_goes_on_where_it_ended(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.cuts = [MB, MB // 2, 0, MB]
    folder = await fetch()
    assert (folder / "model.safetensors").read_bytes() == SHARD
    first, *later = hub.ranges("model.safetensors")
    assert first == 0
    assert len(later) == 4
    assert later == sorted(later)
    assert 0 < later[0] <= MB
    assert sum("model.safetensors: the download broke off at" in line for line in caplog.messages) == 4


async def test_a_download_that_was_given_up_is_continued_by_the_next_call(hub: Hub, tmp_path: Path) -> None:
    hub.cuts = [2 * MB, 0, 0]
    with pytest.raises(ConfigError, match=r"ORG/NAME cannot be fetched .*; a later call continues the download"):
        await fetch()
    (part,) = (name for name in blobs(tmp_path) if name.startswith(digest(SHARD)))
    assert part == f"{digest(SHARD)}.incomplete"
    assert not (cache.snapshot("ORG/NAME", COMMIT) / "model.safetensors").exists()
    here = cache.part("ORG/NAME", digest(SHARD)).stat().st_size
    assert state.of(CARD) == state.State(here, len(SHARD) + len(CONFIG))
    assert 0 < here <= 2 * MB
    hub.asked.clear()
    folder = await fetch()
    assert hub.ranges("model.safetensors") == [here]
    assert (folder / "model.safetensors").read_bytes() == SHARD
    assert state.of(CARD).is_whole


async def test_a_hub_with_trouble_of_its_own_is_asked_again(hub: Hub) -> None:
    hub.statuses = [503, 429, 500]
    assert (await fetch() / "model.safetensors").read_bytes() == SHARD
    assert hub.statuses == []


async def test_a_refusal_is_not_repeated(hub: Hub) -> None:
    hub.statuses = [404, 404]
    with pytest.raises(ConfigError, match="cannot be fetched"):
        await fetch()
    assert hub.statuses == [404]


async def test_a_server_without_ranges_sends_the_file_from_its_beginning(hub: Hub) -> None:
    hub.ignores_ranges = True
    hub.cuts = [2 * MB]
    assert (await fetch() / "model.safetensors").read_bytes() == SHARD


async def test_a_server_that_sends_another_range_than_it_is_asked_for_spoils_nothing(hub: Hub) -> None:
    hub.cuts, hub.shifts = [2 * MB], [-MB // 2]
    assert (await fetch() / "model.safetensors").read_bytes() == SHARD
    assert len(hub.ranges("model.safetensors")) == 3, "what had come was kept"


@pytest.mark.parametrize("name", ["../../../stolen", "0" * 63, "A" * 64])
async def test_a_hash_that_is_none_never_names_a_file(hub: Hub, tmp_path: Path, name: str) -> None:
    hub.names = name
    with pytest.raises(ConfigError, match="the hub lists no sha256 for model"):
        await fetch()
    assert hub.asked == []
    assert not list(tmp_path.parent.rglob("*stolen*"))


async def test_a_hub_that_tells_no_commit_is_refused(hub: Hub) -> None:
    hub.head = "../../outside"
    with pytest.raises(ConfigError, match="the hub answered with no commit for main"):
        await fetch()


async def test_bytes_that_are_not_the_hubs_are_deleted_and_named(hub: Hub, tmp_path: Path) -> None:
    hub.rotten = {"model.safetensors"}
    with pytest.raises(ConfigError, match=r"model\.safetensors: its sha256 is not the hub's; the file was deleted"):
        await fetch()
    assert [name for name in blobs(tmp_path) if name.startswith(digest(SHARD))] == []
    hub.rotten = set()
    assert (await fetch() / "model.safetensors").read_bytes() == SHARD


async def test_too_little_room_is_told_before_the_first_byte(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3_000_000))
    with pytest.raises(ConfigError, match=r"ORG/NAME: no room in .*: 4\.2 MB are missing, 3\.0 MB are free; .*HF_HOME"):
        await fetch()
    assert hub.asked == []


async def test_a_disk_that_fills_up_is_told_in_one_line_and_the_rest_comes_later(hub: Hub) -> None:
    """No file may grow beyond 3 MB: the kernel answers as it does on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, limits[1]))
    try:
        with pytest.raises(ConfigError, match=r"ORG/NAME: the disk of .* is full .*what is here is kept") as told:
            await fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(told.value)
    assert isinstance(told.value.__cause__, OSError)
    assert told.value.__cause__.errno == errno.EFBIG
    hub.asked.clear()
    assert (await fetch() / "model.safetensors").read_bytes() == SHARD
    assert hub.ranges("model.safetensors") == [3_000_000]


@pytest.mark.usefixtures("hub")
async def test_a_shard_that_lost_its_end_is_fetched_again(caplog: pytest.LogCaptureFixture) -> None:
    path = await fetch() / "model.safetensors"
    os.truncate(path, 5)
    assert not state.of(CARD).is_whole
    assert (await fetch() / "model.safetensors").read_bytes() == SHARD
    assert f"has 5 of {len(SHARD)} bytes; fetching it again" in caplog.text


@pytest.mark.usefixtures("hub")
async def test_a_shard_that_rotted_on_the_disk_is_deleted_and_named() -> None:
    path = await fetch() / "model.safetensors"
    path.write_bytes(bytes(len(SHARD)))
    with pytest.raises(ConfigError, match=r"model\.safetensors: its sha256 is not the hub's; the file was deleted"):
        await fetch()
    assert not os.path.lexists(path)
    assert (await fetch() / "model.safetensors").read_bytes() == SHARD


async def test_whole_files_are_hashed_once_and_not_asked_for(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = await fetch()
    hub.looked.clear()
    hub.asked.clear()
    hashed: list[Path] = []

    def hash_and_tell(path: Path) -> str:
        hashed.append(path)
        return digest(path.read_bytes())

    monkeypatch.setattr(checking, "sha256", hash_and_tell)
    assert await fetch() == folder
    assert (hashed, hub.looked, hub.asked) == ([], [], [])
    os.utime(folder / "model.safetensors")
    for _ in range(2):
        await fetch()
    assert hashed == [folder / "model.safetensors"]


async def test_a_hub_that_changes_meanwhile_gives_files_of_one_commit(hub: Hub) -> None:
    hub.hold = MB
    fetching = asyncio.create_task(fetch())
    await hub.held.wait()
    hub.publish("second", model__safetensors=SHARD[::-1], config__json=b"{}")
    hub.released.set()
    folder = await fetching
    assert folder.name == COMMIT
    assert (folder / "model.safetensors").read_bytes() == SHARD
    assert (folder / "config.json").read_bytes() == CONFIG


async def test_the_first_failure_ends_the_fetch_of_the_other_files(hub: Hub) -> None:
    hub.files["more.safetensors"] = SHARD[::-1]
    hub.rotten = {"model.safetensors"}
    hub.cuts = [10 * MB]
    with pytest.raises(ConfigError, match=r"model\.safetensors: its sha256"):
        await fetch()
    hub.rotten = set()
    folder = await fetch()
    assert (folder / "more.safetensors").read_bytes() == SHARD[::-1]


async def test_several_files_at_once_write_at_most_ten_lines(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bars, "BETWEEN_S", 0)
    caplog.set_level(logging.INFO)
    hub.files |= {f"model-{number}.safetensors": SHARD[number:] for number in range(1, 6)}
    await fetch()
    ours = [line for line in caplog.messages if line.startswith("fetching")]
    assert ours[0] == "fetching ORG/NAME at commit 0123456789ab: 7 of 7 files, 25.2 MB (0.0 MB of 25.2 MB are here)"
    lines = [line for line in ours if " left" in line and " of 25 MB" in line]
    assert 1 <= len(lines) <= bars.STEPS
    assert all(re.fullmatch(r"fetching ORG/NAME: \d+%, \d+ of 25 MB, \d\d:\d\d left", line) for line in lines)


@pytest.mark.usefixtures("hub")
async def test_the_librarys_own_leftovers_go_with_the_next_fetch(tmp_path: Path) -> None:
    stray = cache.blob("ORG/NAME", f"{digest(b'')}.0a1b2c3d.incomplete")
    stray.parent.mkdir(parents=True)
    stray.write_bytes(SHARD)
    await fetch()
    assert not [name for name in blobs(tmp_path) if name.endswith(".incomplete")]


@pytest.mark.usefixtures("hub")
async def test_a_copied_cache_is_served_without_a_record_and_without_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await fetch()
    monkeypatch.setenv("GLADOS_DATA_DIR", str(tmp_path / "new"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert state.of(CARD).is_whole
    assert await fetch() == folder
    (folder / "model.safetensors").write_bytes(bytes(len(SHARD)))
    with pytest.raises(ConfigError, match="its sha256 is not the hub's"):
        await fetch()
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE"):
        await fetch()
    assert not state.of(CARD).is_whole


async def test_a_mirror_that_knows_no_sha256_is_left_to_the_library(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.bare = True
    with monkeypatch.context() as without:
        without.delattr(checking, "sha256")  # nothing to compare with, so nothing is hashed
        folder = await fetch()
    assert (folder / "model.safetensors").read_bytes() == SHARD
    (file,) = download.verify(CARD, folder)
    assert (file.sha256, file.expected) == (digest(SHARD), None)
    hub.asked.clear()
    assert await fetch() == folder
    assert hub.asked == []


def test_copies_for_other_programs_are_left_out() -> None:
    names = ["config.json", "model-1.safetensors", "consolidated.safetensors", "consolidated.safetensors.index.json"]
    names += ["original/model.safetensors", "README.md", "model.bin"]
    files = {name: Listed(1) for name in names}
    assert [*contents.needed(files)] == ["config.json", "model-1.safetensors"]
    alone = {name: Listed(1) for name in ("config.json", "consolidated.safetensors")}
    assert [*contents.needed(alone)] == ["config.json", "consolidated.safetensors"]
