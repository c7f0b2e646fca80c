"""The store: accept once, in order, under leases; every write of a lost lease changes nothing."""

import asyncio
import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from glados_bots.conversation import Attachment, Exchange, Turn, from_lines
from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import Client, connect, reply_of
from glados_bots.store.leases import Lease
from glados_bots.store.store import Edited, Store
from tests.conftest import running_store, store_command


@pytest.fixture
def redis_url(each_redis_url: str) -> str:
    return each_redis_url


@pytest.fixture
def store(client: Client) -> Store:
    return Store(client, "test", ttl=3600, max_exchanges=3, max_queued=3)


def turn(number: int, conversation: str = "c", author: str = "ada", text: str = "") -> Turn:
    return Turn(f"t{number}", conversation, author, text or f"question {number}")


def answered(question: Turn, answer: str = "answer") -> Exchange:
    return Exchange(question.id, question.text, answer, "done", question.author)


async def claimed(store: Store) -> Lease:
    lease = await store.claim()
    assert lease is not None
    return lease


async def test_an_event_that_comes_twice_is_accepted_once(store: Store) -> None:
    assert (await store.accept(turn(1), dedupe=["event-1"])).status == "accepted"
    assert (await store.accept(turn(1))).status == "duplicate"
    assert (await store.accept(turn(2), dedupe=["event-1"])).status == "duplicate"
    assert await store.queue("c") == ("t1",)


async def test_one_event_delivered_to_many_replicas_at_once_is_accepted_once(store: Store) -> None:
    receipts = await asyncio.gather(*(store.accept(turn(1), dedupe=["e"]) for _ in range(20)))
    assert sorted(receipt.status for receipt in receipts) == ["accepted"] + ["duplicate"] * 19


async def test_turns_of_one_conversation_run_one_at_a_time_in_order(store: Store) -> None:
    for number in (1, 2):
        await store.accept(turn(number))
    first = await claimed(store)
    assert first.turn == turn(1)
    assert await store.claim() is None
    assert await store.finish(first, answered(first.turn)) == "ended"
    assert (await claimed(store)).turn == turn(2)


async def test_conversations_do_not_wait_for_each_other(store: Store) -> None:
    await store.accept(turn(1, "a"))
    await store.accept(turn(2, "b"))
    assert {(await claimed(store)).turn.id, (await claimed(store)).turn.id} == {"t1", "t2"}


async def test_a_dead_workers_turn_is_claimed_again_with_its_posts_and_the_dead_can_write_nothing(
    client: Client,
) -> None:
    store = Store(client, "test", ttl=3600, max_exchanges=3, lease_s=0.05)
    await store.accept(turn(1))
    dead = await claimed(store)
    assert await store.save_posts(dead, "t1", ["post-1"])
    await asyncio.sleep(0.1)
    heir = await claimed(store)
    assert (heir.turn, heir.posts, heir.attempts) == (turn(1), ("post-1",), 2)
    assert heir.fence > dead.fence
    assert await store.renew(dead) is None
    assert not await store.save_posts(dead, "t1", ["post-2"])
    assert not await store.note_answer(dead, answered(dead.turn, "stale"))
    assert await store.finish(dead, answered(dead.turn, "stale")) == "lost"
    assert await store.finish(heir, answered(heir.turn, "true")) == "ended"
    assert [exchange.answer for exchange in await store.history("c")] == ["true"]


async def test_an_answer_that_was_complete_survives_its_worker(client: Client) -> None:
    store = Store(client, "test", ttl=3600, max_exchanges=3, lease_s=0.05)
    await store.accept(turn(1))
    await store.note_answer(await claimed(store), answered(turn(1), "whole"))
    await asyncio.sleep(0.1)
    assert (await claimed(store)).answer == answered(turn(1), "whole")


async def test_released_turns_do_not_count_as_tries(store: Store) -> None:
    await store.accept(turn(1))
    for _ in range(5):
        lease = await claimed(store)
        assert lease.attempts == 1
        await store.release(lease)


async def test_back_to_back_messages_of_one_author_join_while_they_wait(store: Store) -> None:
    await store.accept(turn(1))
    await claimed(store)
    await store.accept(turn(2), join_window_s=60)
    receipt = await store.accept(turn(3), join_window_s=60)
    assert (receipt.status, receipt.ahead) == ("joined", 1)
    assert (await store.accept(turn(4, author="bob"), join_window_s=60)).status == "accepted"
    joined = await store.turn("t2")
    assert joined is not None
    assert joined.text == "question 2\nquestion 3"


async def test_a_running_turn_takes_nothing_in(store: Store) -> None:
    await store.accept(turn(1))
    await claimed(store)
    assert (await store.accept(turn(2), join_window_s=60)).status == "accepted"


async def test_a_full_queue_refuses(store: Store) -> None:
    statuses = [(await store.accept(turn(number))).status for number in range(5)]
    assert statuses == ["accepted"] * 3 + ["full"] * 2


async def test_history_is_capped_and_redone_turns_keep_their_place(store: Store) -> None:
    for number in range(1, 6):
        await store.accept(turn(number))
        await store.finish(await claimed(store), answered(turn(number)))
    assert [exchange.turn for exchange in await store.history("c")] == ["t3", "t4", "t5"]
    assert await store.change("t4", "redo", Edited("new question")) == "done"
    lease = await claimed(store)
    assert (lease.turn.text, lease.version) == ("new question", 1)
    await store.finish(lease, answered(lease.turn, "new answer"))
    assert [(e.turn, e.answer) for e in await store.history("c")][1] == ("t4", "new answer")


async def test_stop_reaches_the_holder_of_the_lease(store: Store) -> None:
    await store.accept(turn(1))
    lease = await claimed(store)
    assert await store.change("t1", "stop") == "running"
    renewal = await store.renew(lease)
    assert renewal is not None
    assert renewal.cancel == "stop"


async def test_a_deleted_question_leaves_no_trace(store: Store, admin: Client) -> None:
    await store.accept(turn(1, text="marker-xyz"))
    await store.finish(await claimed(store), answered(turn(1, text="marker-xyz")))
    await store.change("t1", "delete")
    lease = await claimed(store)
    assert lease.cancel == "delete"
    await store.finish(lease, None)
    assert await store.history("c") == []
    for key in [key async for key in admin.scan_iter()]:
        assert "marker" not in str(await admin.dump(key)), key


async def test_failed_turns_become_dead_letters_until_they_succeed(store: Store, client: Client) -> None:
    await client.zadd("glados:{test}:dead", {"ran out long ago": 1})
    await store.accept(turn(1))
    await store.finish(await claimed(store), Exchange("t1", "q", "sorry", "failed"))
    assert await client.zrange("glados:{test}:dead", 0, -1) == ["t1"]
    assert await store.change("t1", "redo") == "dead"
    await store.finish(await claimed(store), answered(turn(1)))
    assert await client.zrange("glados:{test}:dead", 0, -1) == []


async def test_everything_expires(store: Store, client: Client) -> None:
    await store.accept(turn(1))
    await store.finish(await claimed(store), answered(turn(1)))
    keys = [key async for key in client.scan_iter() if not key.endswith(":wake")]
    assert keys
    for key in keys:
        assert await client.ttl(key) > 0, key


async def test_waiting_for_work_ends_when_work_comes(store: Store) -> None:
    waiter = asyncio.create_task(store.wait_for_work(3))
    await store.accept(turn(1))
    await waiter
    assert await store.claim() is not None


async def test_signals_tell_of_queued_turns_and_stops(store: Store) -> None:
    await store.accept(turn(1))
    await claimed(store)
    async with store.signals() as signals:
        await store.accept(turn(2))
        assert await anext(signals) == ("queued", "t1")
        await store.change("t1", "stop")
        assert await anext(signals) == ("stop", "t1")


@pytest.mark.parametrize("kind", ["valkey", "redis"])
async def test_what_was_accepted_survives_a_killed_server_and_calls_fail_clearly_meanwhile(
    kind: str, tmp_path: Path
) -> None:
    command = store_command(kind, tmp_path)
    with running_store(command, end=signal.SIGKILL) as url:
        client = connect(url)
        store = Store(client, "test", ttl=3600, max_exchanges=3)
        await store.accept(turn(1))
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        await store.history("c")
    with running_store(command):
        assert (await claimed(store)).turn == turn(1)
    await client.aclose()


@pytest.mark.parametrize(("kind", "version"), [("valkey", ("valkey_version", 9)), ("redis", ("redis_version", 7))])
async def test_both_servers_are_what_they_are_called(kind: str, version: tuple[str, int], tmp_path: Path) -> None:
    with running_store(store_command(kind, tmp_path)) as url:
        client = connect(url)
        info = await client.info("server")
        await client.aclose()
    field, major = version
    assert int(str(info[field]).split(".")[0]) >= major
    assert ("valkey_version" in info) == (kind == "valkey")


async def test_no_cancellation_is_lost_in_a_call(client: Client) -> None:
    """A task that is told to end while it waits for Redis ends; redis-py by itself goes on now and then."""

    async def call_and_stay() -> None:
        await reply_of(client.get("glados:k"))
        await asyncio.sleep(60)

    for steps in range(100):
        task = asyncio.create_task(call_and_stay())
        for _ in range(steps % 25):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(5):
            assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)


async def test_a_cancellation_that_redis_py_makes_a_time_out_is_one() -> None:
    async def call() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            raise redis.TimeoutError from error

    task = asyncio.create_task(reply_of(call()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_versions_that_run_side_by_side_read_one_another() -> None:
    plain = Exchange("t1", "Why?", "So.", "done", "ada")
    older = {"turn", "question", "answer", "outcome", "author", "author_name", "model", "at", "tokens"}
    assert set(json.loads(plain.to_json())) == older
    file = Attachment("f1", "pump.log", "text/plain", 20)
    whole = replace(plain, attachments=(file,), attached="pump 7", pictures=1)
    newer = json.loads(whole.to_json()) | {"mood": "calm"}
    newer["attachments"][0]["colour"] = "red"
    assert Exchange.from_json(json.dumps(newer)) == whole
    assert from_lines(json.dumps(newer["attachments"][0])) == (file,)
