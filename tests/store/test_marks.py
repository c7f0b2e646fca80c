"""What is done once, and since when a thread is ours: the same on every platform."""

import asyncio

import pytest

from glados_bots.store.connection import Client
from glados_bots.store.marks import Latest, Marks
from glados_bots.store.store import Store


def marks(client: Client) -> Marks:
    return Marks(Store(client, "test", ttl=3600, max_exchanges=3))


async def test_of_many_processes_one_is_the_first(client: Client) -> None:
    kept = marks(client)
    assert not await kept.was("told:1")
    assert sorted(await asyncio.gather(*(kept.once("told:1") for _ in range(5)))) == [False] * 4 + [True]
    assert await kept.was("told:1")
    assert await client.ttl("glados:{test}:once:told:1") == 24 * 3600


@pytest.mark.parametrize(
    ("times", "earliest"),
    [
        (["1700000000.000200", "1700000000.000100", "1700000000.000300"], "1700000000.000100"),
        (["1234567890123456789", "999999999999999999"], "999999999999999999"),  # with fewer digits it is less
        (["9007199254740993", "9007199254740992"], "9007199254740992"),  # as numbers both are the same
    ],
)
async def test_a_thread_is_joined_with_the_earliest_question_whatever_comes_first(
    client: Client, times: list[str], earliest: str
) -> None:
    kept = marks(client)
    for since in times:
        await kept.join("thread", since)
    assert await kept.joined("thread") == earliest
    await kept.leave("thread")
    assert await kept.joined("thread") == ""


async def test_only_the_newest_names_are_kept_and_they_run_out(client: Client) -> None:
    latest = Latest(Store(client, "test", ttl=3600, max_exchanges=3), "asked", 3, 60)
    for name in ("old", "a", "b", "c", "a"):
        await latest.note(name)
        if name == "old":
            await client.zadd("glados:{test}:asked", {"old": 1.0})
    assert list(await latest.names()) == ["a", "c", "b"]
    assert list(await latest.names(2)) == ["a", "c"]
    await latest.drop("c")
    assert list(await latest.names()) == ["a", "b"]
    assert 0 < await client.ttl("glados:{test}:asked") <= 60


async def test_names_that_run_out_together_are_kept_while_any_is_noted(client: Client) -> None:
    latest = Latest(Store(client, "test", ttl=3600, max_exchanges=3), "dms", 2, 60, each=False)
    await client.zadd("glados:{test}:dms", {"quiet": 1.0})
    await latest.note("lively")
    assert list(await latest.names()) == ["lively", "quiet"]
    assert 0 < await client.ttl("glados:{test}:dms") <= 60
    await latest.note("new")
    assert list(await latest.names()) == ["new", "lively"]
