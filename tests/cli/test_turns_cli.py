"""`glados turns`: an operator finds what was given up, tries it again in its place, or drops it."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from glados_bots.cli.app import app
from glados_bots.conversation import Exchange, Turn
from glados_bots.errors import ConfigError
from glados_bots.store.connection import Client
from glados_bots.store.store import Store


@pytest.fixture(name="store")
async def a_store(client: Client, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The page's store with a dead letter and a turn that waits."""
    monkeypatch.setenv("GLADOS_REDIS_URL", redis_url)
    monkeypatch.chdir(tmp_path)
    found = Store(client, "web", ttl=3600, max_exchanges=9)
    await found.accept(Turn("poison", "c1", "ada-id", "secret words", "Ada", place={"thread": "7"}))
    lease = await found.claim()
    assert lease
    await found.note_error(lease, "RuntimeError: boom")
    await found.finish(lease, Exchange("poison", "secret words", "Sorry", "failed", "ada-id"))
    await found.accept(Turn("waiting", "c2", "bob-id", "secret words"))
    return found


async def glados(*args: str) -> Result:
    """The command as it is run, beside our event loop; errors for people come out as they are raised."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["turns", *args], catch_exceptions=False)


@pytest.mark.usefixtures("store")
async def test_dead_letters_are_listed_with_time_place_author_and_error_but_without_words() -> None:
    (line,) = (await glados("list", "--json")).output.splitlines()
    letter = json.loads(line)
    assert (letter["platform"], letter["id"], letter["author_name"], letter["attempts"]) == ("web", "poison", "Ada", 1)
    assert (letter["error"], letter["state"], letter["place"]) == ("RuntimeError: boom", "dead", {"thread": "7"})
    assert letter["at"] <= letter["given_up_at"]
    assert "secret" not in line
    table = (await glados("list")).output
    assert "waiting" not in table


@pytest.mark.usefixtures("store")
async def test_all_shows_what_waits_too() -> None:
    states = [json.loads(line)["state"] for line in (await glados("list", "--all", "--json")).output.splitlines()]
    assert states == ["dead", "queued"]


async def test_a_dead_letter_that_is_retried_goes_through_the_queue_with_its_messages(store: Store) -> None:
    await glados("retry", "poison")
    lease = await store.claim()
    waiting = lease if lease and lease.turn.id == "poison" else await store.claim()
    assert waiting
    assert (waiting.turn.text, waiting.attempts, waiting.version) == ("secret words", 1, 1)
    await store.finish(waiting, Exchange("poison", "secret words", "answer", "done", "ada-id"))
    assert "no turn was given up" in (await glados("list")).output


async def test_what_is_dropped_is_forgotten(store: Store) -> None:
    await glados("drop", "poison", "--platform", "web")
    assert "no turn was given up" in (await glados("list")).output
    assert await store.history("c1") == []
    assert await store.turn("poison") is None


@pytest.mark.usefixtures("store")
async def test_names_that_do_not_fit_are_refused_with_a_remedy() -> None:
    with pytest.raises(ConfigError, match="glados turns list --all"):
        await glados("retry", "waiting")  # it is not dead
    with pytest.raises(ConfigError, match="choose from"):
        await glados("list", "--platform", "irc")
