"""Pinned revisions: no start takes other weights than the last one, until an upgrade was asked for and answered."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import changes, download, presence, weights
from glados_bots.inference.model_files.cards import Base, Card
from glados_bots.inference.model_files.hub import cache, pins, records, upgrading
from tests.fakes.hub import COMMIT, Hub
from tests.inference.model_files.hub_on_loopback import CARD, blobs, fetch, online

FIRST = {"config.json": b'{"model_type": "llama"}', "model.safetensors": b"first"}


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    found = Hub(dict(FIRST))
    async with online(found, tmp_path, monkeypatch):
        yield found


async def found_for(card: Card) -> upgrading.Upgrade:
    """What an upgrade would change."""
    found = await asyncio.to_thread(upgrading.find, card, None)
    assert found is not None
    return found


async def upgraded(hub: Hub, card: Card = CARD) -> str:
    """Fetch the first revision, then upgrade to a second one. Returns its commit."""
    await fetch(card)
    hub.publish("second", model__safetensors=b"second one")
    found = await found_for(card)
    await fetch(found.card)
    assert pins.known(card) == COMMIT  # until it has answered
    upgrading.take(card, found.new)
    return found.new


async def test_a_restart_serves_the_first_revision_and_asks_nobody(hub: Hub) -> None:
    folder = await fetch()
    hub.publish("second", model__safetensors=b"second one")
    hub.looked.clear()
    assert await fetch() == folder
    assert hub.looked == []


async def test_another_program_that_moves_the_branch_moves_no_pin(hub: Hub) -> None:
    folder = await fetch()
    cache.write_reference("ORG/NAME", "main", hub.publish("second"))
    assert await fetch() == folder


async def test_weights_that_were_fetched_before_they_were_pinned_stay(hub: Hub) -> None:
    folder = await fetch()
    records.path_of("ORG/NAME", "pins").unlink()
    hub.publish("second")
    assert await fetch() == folder
    assert pins.pin(CARD) == COMMIT


async def test_a_plan_pins_nothing(hub: Hub) -> None:
    await asyncio.to_thread(download.config_of, CARD, None)
    new = hub.publish("second")
    assert (await fetch()).name == new


async def test_a_fetch_that_ended_early_goes_on_with_the_same_revision(hub: Hub) -> None:
    hub.statuses = [404]
    with pytest.raises(ConfigError):
        await fetch()
    hub.publish("second")
    assert (await fetch()).name == COMMIT


async def test_pins_that_cannot_be_read_are_an_error_with_the_file(hub: Hub) -> None:
    await fetch()
    path = records.path_of("ORG/NAME", "pins")
    path.write_text("{")
    with pytest.raises(ConfigError, match=r"pins\.json: cannot read this file"):
        await fetch()
    path.write_text("[]")
    with pytest.raises(ConfigError, match=r"pins\.json: not a JSON object"):
        await fetch()
    assert hub.ranges("model.safetensors") == [0]


async def test_an_upgrade_says_what_changes(hub: Hub) -> None:
    assert await asyncio.to_thread(upgrading.find, CARD, None) is not None  # nothing is here yet
    await fetch()
    assert await asyncio.to_thread(upgrading.find, CARD, None) is None
    hub.publish("a first change", model__safetensors=b"second one")
    new = hub.publish("a second change", chat_template__jinja=b"{{ x }}", README__md=b"new")
    found = await found_for(CARD)
    assert (found.old, found.new) == (COMMIT, new)
    assert [commit.title for commit in found.commits] == ["a second change", "a first change"]
    assert found.changed == ["chat_template.jinja", "model.safetensors"]
    assert found.size == len(b"second one") + len(b"{{ x }}")


async def test_an_upgrade_moves_the_pin_and_keeps_the_old_files_until_they_are_removed(
    hub: Hub, tmp_path: Path
) -> None:
    new = await upgraded(hub)
    assert (await fetch()).name == new
    assert {path.name for path in (tmp_path / "hf/hub/models--ORG--NAME/snapshots").iterdir()} == {COMMIT, new}
    assert len(blobs(tmp_path)) == 3
    old = changes.old_revisions(CARD, tmp_path / "data")
    assert cache.snapshot("ORG/NAME", COMMIT) in old
    for path in old:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert len(blobs(tmp_path)) == 2
    hub.asked.clear()
    assert (await fetch() / "model.safetensors").read_bytes() == b"second one"
    assert hub.asked == []
    with pytest.raises(ConfigError, match="no other revision than the served one"):
        changes.old_revisions(CARD, tmp_path / "data")


async def test_a_card_that_names_a_commit_is_upgraded_too(hub: Hub) -> None:
    card = pins.at(CARD, COMMIT)
    new = await upgraded(hub, card)
    assert (await fetch(card)).name == new
    assert pins.known(CARD) is None  # the pin is that of the card's revision
    upgrading.take(card, COMMIT)
    assert (await fetch(card)).name == COMMIT


async def test_a_commit_that_the_hub_dropped_is_told_with_the_way_out(hub: Hub, tmp_path: Path) -> None:
    await fetch()
    shutil.rmtree(tmp_path / "hf")
    records.path_of("ORG/NAME", COMMIT).unlink()
    hub.publish("second")
    hub.past.clear()
    with pytest.raises(ConfigError, match=rf"no commit {COMMIT} any more.*`glados models upgrade tiny`"):
        await fetch()
    assert (await found_for(CARD)).old == COMMIT


async def test_a_model_that_is_not_on_the_hub_has_nothing_to_upgrade(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not on the hub; there is nothing to upgrade"):
        upgrading.find(Card(name="own", base=Base(folder=tmp_path)), None)


async def test_presence_tells_what_is_here(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert presence.presence(CARD).reason == "can be fetched"
    await asyncio.to_thread(download.config_of, CARD, None)
    assert presence.presence(CARD).reason == "can be fetched"
    hub.files["model.safetensors"] = bytes(4_000_000)
    hub.cuts = [2_000_000, 0, 0]
    with pytest.raises(ConfigError):
        await fetch()
    verdict = presence.presence(CARD)
    assert verdict.yes
    assert re.fullmatch(r"started: [12]\.\d MB of 4\.0 MB here", verdict.reason)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    verdict = presence.presence(CARD)
    assert not verdict.yes
    assert verdict.reason.endswith(" here, and HF_HUB_OFFLINE forbids to download the rest")
    await fetch()
    assert presence.presence(CARD).reason == "here"


async def test_converted_weights_belong_to_a_revision(hub: Hub, tmp_path: Path) -> None:
    before = weights.converted_folder(CARD, tmp_path)
    new = await upgraded(hub)
    assert before.name == "ORG--NAME@main"
    assert weights.converted_folder(CARD, tmp_path).name == f"ORG--NAME@{new}"
