"""Backup and restore on a real Valkey: nothing is lost, nothing damaged is let in, and waiting turns go on."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from glados_bots.conversation import Exchange, Turn
from glados_bots.errors import ConfigError, StoreUnavailableError
from glados_bots.operations import audit, backup
from glados_bots.settings import Settings
from glados_bots.store import version as data_version
from glados_bots.store.channels import ChannelBook
from glados_bots.store.connection import Client
from glados_bots.store.records import Records
from glados_bots.store.store import Store
from glados_bots.store.version import DATA_VERSION, KEY, migrate, require_version
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.worker import Worker
from glados_bots.wire.client import InferenceClient
from glados_web.chats import Chats, new_conversation
from glados_web.door.sessions import Sessions
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.surface import MemorySurface
from tests.servers import running
from tests.waiting import until

ROOT = Path(__file__).parents[2]
WORDS = 'line\nbreak, "quotes", \u2028, emoji 🎂, and a lone ¬'


def store(client: Client) -> Store:
    return Store(client, "test", ttl=3600, max_exchanges=50, lease_s=0.1)


async def everything(client: Client) -> dict[str, Any]:
    """All keys with their values, but what passes within seconds."""
    found = [json.loads(line) async for line in backup.lines(client)]
    return {entry["key"]: (entry["type"], entry["value"]) for entry in found[1:-1]}


async def text(client: Client) -> list[str]:
    return [line async for line in backup.lines(client)]


async def live_a_little(client: Client) -> Store:
    """One answered turn, one waiting, one running, a dead letter, and a chat that a browser owns."""
    kept = store(client)
    await kept.accept(Turn("1", "c", "ada", WORDS, place={"guild": "9"}))
    lease = await kept.claim()
    assert lease
    await kept.finish(lease, Exchange("1", WORDS, WORDS, "done", "ada", at=1.5))
    await kept.accept(Turn("2", "d", "bob", "dies"))
    lease = await kept.claim()
    assert lease
    await kept.finish(lease, Exchange("2", "dies", "sorry", "failed", "bob"))
    await kept.accept(Turn("3", "e", "ada", "runs"), dedupe=["event-3"])
    assert await kept.claim()
    await kept.accept(Turn("4", "e", "ada", "waits"))
    sessions = Sessions(kept, 3600, 3600)
    session = await sessions.sign_in(None, "", "", "open")
    await Records(kept).vote("1", "bob", "up")
    await ChannelBook(kept).set_persona("general", WORDS)
    await audit.record(client, "operator", "keys create", WORDS)
    await Chats(kept, 3600).claim(session, new_conversation(), "mine")
    await client.set("glados:{test}:view:c:1", "passes")
    return kept


async def test_what_was_saved_comes_back_and_waiting_turns_go_on_in_order(client: Client, admin: Client) -> None:
    kept = await live_a_little(client)
    before, saved = await everything(client), await text(client)
    history = await kept.history("c")
    await admin.flushall()
    count = await backup.restore(client, saved)
    assert count == len(before) == len(saved) - 2
    assert await everything(client) == before
    assert await kept.history("c") == history
    assert (await kept.accept(Turn("x", "e", "ada", "again"), dedupe=["event-3"])).status == "duplicate"
    assert await client.ttl("glados:{test}:c:c:history") > 3000
    assert await kept.load() == (1, 1)
    await asyncio.sleep(0.2)  # the lease of before the backup runs out
    taken = await kept.claim()
    assert taken
    assert (taken.turn.id, taken.fence, taken.attempts) == ("3", 2, 2)
    assert await kept.queue("e") == ("3", "4")
    assert not [line for line in saved if "passes" in line]


async def test_a_backup_is_lines_of_json_with_a_head_and_a_count(client: Client) -> None:
    await live_a_little(client)
    head, *entries, last = [json.loads(line) for line in await text(client)]
    assert head["format"] == "glados-backup"
    assert head["data_version"] == DATA_VERSION
    assert last == {"end": len(entries)}
    assert {entry["type"] for entry in entries} == {"string", "hash", "list", "set", "zset", "stream"}


async def test_a_redis_with_conversations_is_not_overwritten_unasked(client: Client) -> None:
    kept = await live_a_little(client)
    saved = await text(client)
    await kept.accept(Turn("9", "later", "ada", "after the backup"))
    with pytest.raises(ConfigError, match="--overwrite"):
        await backup.restore(client, saved)
    assert await kept.queue("later") == ("9",)
    await backup.restore(client, saved, overwrite=True)
    assert await kept.queue("later") == ()
    assert len(await kept.history("c")) == 1


async def test_what_redis_refuses_leaves_all_as_it_was(client: Client, admin: Client) -> None:
    """As when the backup does not fit into its memory, which nobody knows before."""
    kept = await live_a_little(client)
    before = await everything(client)
    head = {"format": "glados-backup", "version": 1, "data_version": 1}
    large = [{**GOOD, "key": f"glados:{{test}}:x{number}", "value": "x" * 2**20} for number in range(40)]
    used = (await admin.info("memory"))["used_memory"]
    await admin.config_set("maxmemory", used + 20 * 2**20)
    try:
        with pytest.raises(StoreUnavailableError):
            await backup.restore(client, [json.dumps(each) for each in (head, *large, {"end": 40})], overwrite=True)
    finally:
        await admin.config_set("maxmemory", 0)
    assert await everything(client) == before
    assert await kept.history("c")


async def test_what_has_expired_since_stays_away(client: Client) -> None:
    head = {"format": "glados-backup", "version": 1, "data_version": 1}
    old = {"key": "glados:{test}:old", "type": "string", "value": "x", "expires_at": 1.0}
    new = {**old, "key": "glados:{test}:new", "expires_at": None}
    saved = [json.dumps(each) for each in (head, old, new, {"end": 2})]
    assert await backup.restore(client, saved) == 1
    assert await client.exists("glados:{test}:old") == 0


GOOD = {"key": "glados:{test}:x", "type": "string", "value": "x", "expires_at": None}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "line 1"),
        ([None, GOOD, GOOD, {"end": 2}], "line 3"),
        ([None, {**GOOD, "key": "glados:anything"}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "value": "half a pair \ud83d"}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "expires_at": 1e300}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "expires_at": True}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "type": "zset", "value": [["m", True]]}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "type": "zset", "value": [["m", 10**400]]}, {"end": 1}], "line 2"),
        ([None, '{"key": "glados:{t}:x", "type": "zset", "value": [["m", NaN]], "expires_at": null}'], "line 2"),
        ([None, {**GOOD, "type": "stream", "value": [["2-1", {"a": "b"}], ["1-1", {"a": "b"}]]}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "type": "stream", "value": [["0-0", {"a": "b"}]]}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "type": "stream", "value": ["x"]}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "type": "stream", "value": [["1-1", {}]]}, {"end": 1}], "line 2"),
        (["not json"], "line 1: not JSON"),
        ([[1]], "line 1: not a JSON object"),
        ([{"some": "json"}], "not a backup of GLaDOS"),
        ([{"format": "glados-backup", "version": 2, "data_version": 1}], "version 2"),
        ([{"format": "glados-backup", "version": 1, "data_version": 99}], "99"),
        ([{"format": "glados-backup", "version": 1, "data_version": None}], "None"),
        ([None, GOOD], "incomplete"),
        ([None, GOOD, {"end": 2}], "incomplete"),
        ([None, {**GOOD, "key": "other:x"}, {"end": 1}], "line 2: 'other:x'"),
        ([None, {**GOOD, "key": KEY}, {"end": 1}], "line 2"),
        ([None, GOOD, {**GOOD, "type": "stream"}, {"end": 2}], "line 3"),
        ([None, {**GOOD, "type": ["string"]}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "type": "list", "value": []}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "type": "list", "value": [1]}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "type": "zset", "value": [["m", "high"]]}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "type": "hash", "value": {"a": {}}}, {"end": 1}], "line 2"),
        ([None, {**GOOD, "expires_at": "soon"}, {"end": 1}], "expires_at"),
    ],
)
async def test_a_damaged_backup_is_refused_before_anything_is_written(
    client: Client, admin: Client, lines: list[Any], says: str
) -> None:
    head = {"format": "glados-backup", "version": 1, "data_version": 1}
    saved = [line if isinstance(line, str) else json.dumps(head if line is None else line) for line in lines]
    with pytest.raises(ConfigError) as caught:
        await backup.restore(client, saved, overwrite=True)
    assert says in str(caught.value)
    assert await admin.dbsize() == 0


async def test_a_new_redis_gets_the_present_format_and_keeps_it(client: Client) -> None:
    await require_version(client)
    await require_version(client)
    assert await client.get(KEY) == str(DATA_VERSION)


@pytest.mark.parametrize(("found", "remedy"), [("99", "install a newer GLaDOS"), ("0", "glados migrate"), ("x", "'x'")])
async def test_a_role_refuses_data_of_another_format(client: Client, found: str, remedy: str) -> None:
    await client.set(KEY, found)
    with pytest.raises(ConfigError, match=remedy):
        await require_version(client)
    assert await client.get(KEY) == found


async def test_migration_goes_every_step_once_and_goes_on_where_it_was_cut_off(client: Client) -> None:
    await client.set(KEY, 5)
    done: list[int] = []

    async def rename(client: Client) -> None:
        done.append(5)
        await client.set("glados:{test}:new-name", "x")

    async def fail(client: Client) -> None:
        done.append(6)
        if done.count(6) == 1:
            raise ConnectionError(await client.ping())

    steps = {5: rename, 6: fail}
    with pytest.raises(ConnectionError):
        await migrate(client, steps, 7)
    assert await client.get(KEY) == "6"
    assert await migrate(client, steps, 7) == [(6, 7)]
    assert done == [5, 6, 6]
    assert await migrate(client, steps, 7) == []
    with pytest.raises(ConfigError, match="no migration leads on from format 7"):
        await migrate(client, steps, 8)
    with pytest.raises(ConfigError, match="newer than 6"):
        await migrate(client, steps, 6)


async def test_a_change_of_the_format_under_waiting_turns_loses_none_of_them(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upgrade as docs/upgrade.md tells it: roles end, `glados migrate`, new roles begin."""
    kept, surface, model = store(client), MemorySurface(), ScriptedModel()
    settings = Settings(_env_file=None)

    async def worker(url: str) -> tuple[Worker, "asyncio.Task[None]", InferenceClient]:
        inference = InferenceClient(f"{url}/v1")
        found = Worker(kept, surface, inference, Pacer(client, kept.prefix), settings)
        return found, asyncio.create_task(found.run()), inference

    async def mark_every_turn(client: Client) -> None:
        async for key in client.scan_iter(match="glados:{test}:t:*"):
            await client.hset(key, "new_field", "1")

    async with running(model.app()) as url:
        old, working, inference = await worker(url)
        turns = [Turn(f"t{number}", f"c{number % 2}", "ada", f"question {number}") for number in range(6)]
        for turn in turns:
            await kept.accept(turn)
        await until(lambda: len(model.prompts) == 2)  # one of each conversation is half answered
        await old.drain(0)
        await working
        await inference.aclose()
        posts = {turn.id: await kept.posts(turn.id) for turn in turns}

        monkeypatch.setattr(data_version, "DATA_VERSION", DATA_VERSION + 1)
        with pytest.raises(ConfigError, match="glados migrate"):
            await require_version(client)
        assert await migrate(client, {DATA_VERSION: mark_every_turn}, DATA_VERSION + 1) == [(1, 2)]

        model.gate.set()
        new, working, inference = await worker(url)
        await until(lambda: all_answered(kept))
        await new.drain(0)
        await working
        await inference.aclose()
    for conversation in ("c0", "c1"):
        asked = [turn.id for turn in turns if turn.conversation == conversation]
        assert [exchange.turn for exchange in await kept.history(conversation)] == asked
    for turn in turns:
        assert surface.seen(turn.id) == "Hello **world**!"
        assert await client.hget(f"glados:{{test}}:t:{turn.id}", "new_field") == "1"
        assert (await kept.posts(turn.id))[: len(posts[turn.id])] == posts[turn.id], "in the same messages"


async def all_answered(kept: Store) -> bool:
    return (await kept.load())[0] == 0


async def test_the_commands_as_an_operator_calls_them(
    client: Client, admin: Client, redis_url: str, tmp_path: Path
) -> None:
    await live_a_little(client)
    before = await everything(client)

    def glados(*args: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "glados_bots", *args]
        env = {**os.environ, "GLADOS_REDIS_URL": redis_url}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    file, foreign = tmp_path / "backup.jsonl", tmp_path / "foreign"
    foreign.write_text("not ours")
    tmp_path.joinpath(".backup.jsonl.part").symlink_to(foreign)
    file.write_text("of yesterday")
    file.chmod(0o666)
    saved = await asyncio.to_thread(glados, "backup", str(file))
    assert saved.returncode == 0, saved.stderr
    assert f"{len(before)} keys" in saved.stdout
    assert file.stat().st_mode & 0o077 == 0
    assert foreign.read_text() == "not ours"
    foreign.unlink()
    refused = await asyncio.to_thread(glados, "restore", str(file))
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    await admin.flushall()
    restored = await asyncio.to_thread(glados, "restore", str(file))
    assert restored.returncode == 0, restored.stderr
    after = await everything(client)
    (before_acts, after_acts) = (found.pop(audit.KEY)[1] for found in (before, after))
    assert after == before
    assert after_acts[:-1] == before_acts, "the restore itself is the last act"
    assert (await asyncio.to_thread(glados, "migrate")).returncode == 0
    missing = await asyncio.to_thread(glados, "restore", str(tmp_path / "nothing"))
    assert missing.returncode == 2
    assert "cannot read this backup" in missing.stderr
    nowhere = await asyncio.to_thread(glados, "backup", str(tmp_path / "no" / "folder"))
    assert nowhere.returncode == 2
    assert "cannot write the backup here" in nowhere.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["backup.jsonl"]
