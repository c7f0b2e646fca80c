"""Export and forget: a marker is planted wherever a person or a thread leaves something, and then it is nowhere."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from glados_bots.adapter_core import AdapterCore
from glados_bots.conversation import Exchange, Turn
from glados_bots.errors import ConfigError
from glados_bots.operations import privacy
from glados_bots.operations.privacy import Subject
from glados_bots.retention import parse
from glados_bots.settings import Settings, load
from glados_bots.store import sweep
from glados_bots.store.connection import Client
from glados_bots.store.records import Records
from glados_bots.store.store import Store
from glados_bots.surface import View
from glados_web.answers.surface import WebSurface
from glados_web.chats import Chats, new_conversation
from glados_web.door.sessions import Session, Sessions, owners_of
from glados_web.sharing.links import Links
from tests.contents import MARKER, contents, holding, on_disk
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.surface import MemorySurface
from tests.servers import running
from tests.waiting import until

ROOT = Path(__file__).parents[2]


async def leave_traces(store: Store, session: Session) -> str:
    """Everything the page and the core can hold of a person: answered, voted on, waiting, running, given up."""
    chat, words = new_conversation(), f"{MARKER} words"
    chats, surface = Chats(store, 3600), WebSurface(store, store.client)
    await chats.claim(session, chat, words)

    async def asked(name: str) -> Any:
        turn = Turn(name, chat, session.owner, words, f"Ada {MARKER}", channel=chat)
        await store.accept(turn)
        await surface.post(turn, View(words, words, "writing", is_last=True), "n")
        lease = await store.claim()
        assert lease
        return lease

    lease = await asked("answered")
    await store.finish(lease, Exchange("answered", words, words, "done", session.owner, f"Ada {MARKER}", at=1.0))
    await Records(store).vote("answered", session.owner, "up")
    assert await Links(store).make(chat)
    lease = await asked("given up")
    await store.note_error(lease, f"ValueError: {words}")
    await store.finish(lease, Exchange("given up", words, words, "failed", session.owner, f"Ada {MARKER}", at=2.0))
    lease = await asked("running")
    await store.note_draft(lease, words)
    await store.accept(Turn("waiting", chat, session.owner, words, f"Ada {MARKER}", channel=chat))
    await store.accept(Turn("joined", chat, session.owner, words, f"Ada {MARKER}", channel=chat), join_window_s=60)
    return chat


def glados(url: str, *args: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "GLADOS_REDIS_URL": url}
    command = [sys.executable, "-m", "glados_bots", "privacy", *args]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
async def person(page: Store) -> Session:
    """Somebody who signed in; what is known of them holds the marker too."""
    sessions = Sessions(page, 3600, 3600)
    return await sessions.sign_in(None, f"owner-{MARKER}", f"ada-{MARKER}@example.org", "oidc")


@pytest.mark.parametrize("by", ["owner", "address", "thread"])
async def test_after_forget_the_marker_is_nowhere_in_redis_and_nowhere_on_disk(
    page: Store, person: Session, own_redis: str, data_dir: Path, by: str
) -> None:
    chat = await leave_traces(page, person)
    other = Turn("other", "another-chat", "bob", "of somebody else")
    await page.accept(other)
    assert await holding(page.client, MARKER)
    await until(lambda: on_disk(data_dir, MARKER))
    ids = {"owner": ["--user", person.owner], "address": ["--user", person.person], "thread": ["--thread", chat]}

    model = ScriptedModel()
    model.gate.set()
    async with running(model.app()) as url:
        settings = Settings(_env_file=None, redis_url=own_redis, inference_url=f"{url}/v1", lease=60)
        core = AdapterCore(settings, "web", lambda *_: MemorySurface())
        await page.client.zadd("glados:{web}:ready", {chat: 0})  # the worker that had it is gone
        working = asyncio.create_task(core.run())
        done = await asyncio.to_thread(glados, own_redis, "forget", "web", *ids[by], "--yes")
        await core.worker.drain(5)
        await working
        await core.aclose()

    assert done.returncode == 0, done.stderr
    assert "worker" not in done.stdout
    left = str(await contents(page.client))
    if by == "thread":  # whose sign-in it was is not the thread's
        left = left.replace(person.owner, "").replace(person.person, "")
    assert MARKER not in left
    assert ":share" not in left  # the link that showed the chat to others
    assert MARKER not in done.stdout + done.stderr
    assert (await page.history("another-chat"))[0].question == "of somebody else"
    if by != "thread":
        await until(lambda: not on_disk(data_dir, MARKER))


@pytest.mark.parametrize("name", ["password", "local", ""])
async def test_a_name_that_stands_for_nobody_in_particular_owns_no_chats(client: Client, name: str) -> None:
    store = Store(client, "web", ttl=3600, max_exchanges=3)
    sessions = Sessions(store, 3600, 3600)
    await sessions.sign_in(None, "", name, "password")
    ada = await sessions.sign_in(None, "", "Ada@example.org", "oidc")
    assert await owners_of(store, name) == ()
    assert await owners_of(store, "ada@example.org") == (ada.owner,)


async def test_an_export_has_every_trace_of_a_person_and_nothing_of_others(
    page: Store, person: Session, own_redis: str, tmp_path: Path
) -> None:
    await leave_traces(page, person)
    await page.accept(Turn("other", "another-chat", "bob", "of somebody else"))
    file = tmp_path / "ada.json"
    done = await asyncio.to_thread(glados, own_redis, "export", "web", "--user", person.person, "--file", str(file))
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o077 == 0
    found = json.loads(file.read_text(encoding="utf-8"))
    assert [each["turn"] for each in found["exchanges"]] == ["answered", "given up"]
    assert {each["turn"] for each in found["unanswered_or_given_up"]} == {"running", "waiting", "given up"}
    assert found["exchanges"][0]["answer"] == f"{MARKER} words"
    assert "somebody else" not in file.read_text(encoding="utf-8")
    again = await asyncio.to_thread(glados, own_redis, "export", "web", "--user", person.person, "--file", str(file))
    assert again.returncode == 2
    assert "name a new file" in again.stderr


async def test_a_thread_of_several_people_loses_one_of_them_only(client: Client) -> None:
    store = Store(client, "slack", ttl=3600, max_exchanges=50)
    for name, author in (("1", "U1"), ("2", "U2"), ("3", "U1")):
        await store.accept(Turn(name, "c", author, f"of {author}"))
        lease = await store.claim()
        assert lease
        await store.finish(lease, Exchange(name, f"of {author}", "answer", "done", author))
    await client.set("glados:{slack}:about:x", json.dumps({"user": "U1", "text": MARKER}))
    await client.set("glados:{slack}:about:y", json.dumps({"user": "U11"}))
    found = await privacy.forget(store, Subject(author="U1"))
    assert sorted(found.turns) == ["1", "3"]
    assert [exchange.turn for exchange in await store.history("c")] == ["2"]
    assert not await holding(client, MARKER)
    assert await client.get("glados:{slack}:about:y"), "U11 is somebody else"
    assert (await privacy.forget(store, Subject(author="U1"))).turns == []


async def test_a_turn_no_worker_has_ended_yet_is_told(client: Client) -> None:
    store = Store(client, "test", ttl=3600, max_exchanges=50)
    await store.accept(Turn("1", "c", "ada", MARKER))
    found = await privacy.forget(store, Subject(author="ada"))
    assert found.running == 1
    assert not await holding(client, MARKER)


async def test_a_shorter_retention_reaches_what_is_there(client: Client) -> None:
    long, short = (Store(client, "web", ttl=ttl, max_exchanges=50) for ttl in (7200, 600))
    await long.accept(Turn("1", "c", "ada", "?"))
    lease = await long.claim()
    assert lease
    await long.finish(lease, Exchange("1", "?", "!", "done", "ada"))
    assert await client.ttl("glados:{web}:c:c:history") > 600
    assert await sweep.shorten(short) > 0
    assert await client.ttl("glados:{web}:c:c:history") <= 600
    assert await sweep.shorten(short) == 0


def test_retention_is_by_platform() -> None:
    settings = Settings(_env_file=None, retention="web=7d, discord=12h", conversation_ttl=100)
    assert [settings.ttl_of(name) for name in ("web", "discord", "slack")] == [7 * 86400, 12 * 3600, 100]
    core = AdapterCore(settings, "web", lambda *_: MemorySurface())
    assert core.store.ttl == 7 * 86400


@pytest.mark.parametrize("text", ["web", "web=7x", "web=5s", "web=99999999w", "=7d", "web=7d discord=1d"])
def test_a_retention_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GLADOS_RETENTION", text)
    with pytest.raises(ConfigError, match="GLADOS_RETENTION"):
        load(Settings)
    assert parse("") == {}


def test_who_is_meant_must_be_said(redis_url: str) -> None:
    for args in ([], ["--user", "a", "--thread", "b"]):
        done = glados(redis_url, "forget", "web", *args, "--yes")
        assert done.returncode == 2
        assert "give either --user ID or --thread ID" in done.stderr
    wrong = glados(redis_url, "forget", "icq", "--user", "a", "--yes")
    assert "choose from" in wrong.stderr


def test_the_user_of_the_access_list_is_told_what_it_may_not(own_redis: str) -> None:
    with redis.Redis.from_url(own_redis) as admin:
        admin.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
    done = glados(own_redis, "forget", "web", "--user", "nobody", "--yes")
    assert done.returncode == 0, done.stderr
    assert "BGREWRITEAOF" in done.stdout
