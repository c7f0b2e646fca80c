"""The edit budget: never over the limit, finals first, nobody starves."""

import asyncio
import time
from pathlib import Path

import pytest

from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import Client, connect
from glados_bots.surface import Budget
from glados_bots.turns.pacing import Pacer
from tests.conftest import running_store, store_command

BUCKET = Budget("channel", 5, 0.5)


@pytest.fixture
def redis_url(each_redis_url: str) -> str:
    return each_redis_url


class Watched(Pacer):
    """Notes of each grant between which moments it was given: a busy machine lets the asker hear of it late."""

    def __init__(self, client: Client, grants: list[tuple[float, float]]) -> None:
        super().__init__(client, "glados:p:")
        self._grants = grants

    async def ask(self, budget: Budget, stream: str, *, final: bool = False) -> float:
        before = time.monotonic()
        nap = await super().ask(budget, stream, final=final)
        if nap <= 0:
            self._grants.append((before, time.monotonic()))
        return nap


async def test_no_window_of_a_period_ever_holds_more_grants_than_the_limit(client: Client) -> None:
    grants: list[tuple[float, float]] = []
    pacers = [Watched(client, grants), Watched(client, grants)]

    async def stream(number: int) -> None:
        while len(grants) < 24:
            await pacers[number % 2].wait(BUCKET, f"s{number}", final=number == 3)

    await asyncio.gather(*(stream(number) for number in range(4)))
    firsts, lasts = sorted(before for before, _ in grants), sorted(after for _, after in grants)
    for first, one_too_many in zip(firsts, lasts[BUCKET.limit :], strict=False):
        assert one_too_many - first >= BUCKET.period_s


async def test_every_stream_of_a_crowded_bucket_is_served_in_turn(client: Client) -> None:
    pacer = Pacer(client, "glados:p:")
    served: dict[str, int] = {f"s{number}": 0 for number in range(6)}

    async def stream(name: str) -> None:
        while sum(served.values()) < 30:
            await pacer.wait(BUCKET, name)
            served[name] += 1

    await asyncio.gather(*(stream(name) for name in served))
    assert min(served.values()) >= 3


async def test_a_final_edit_finds_room_in_a_bucket_that_ordinary_ones_have_used_up(client: Client) -> None:
    pacer = Pacer(client, "glados:p:")
    budget = Budget("slow", 5, 60.0)
    assert await pacer.ask(budget, "s") == 0
    assert await pacer.ask(budget, "s") > 1
    finals = [await pacer.ask(budget, f"f{number}", final=True) for number in range(5)]
    assert finals[:4] == [0, 0, 0, 0]
    assert finals[4] > 1


async def test_final_edits_hold_up_ordinary_ones_but_none_that_has_waited_long(client: Client) -> None:
    pacer = Pacer(client, "glados:p:")
    assert await pacer.ask(BUCKET, "s") == 0
    await asyncio.sleep(2 * BUCKET.period_s + 0.2)
    assert [await pacer.ask(BUCKET, f"f{number}", final=True) for number in range(4)] == [0, 0, 0, 0]
    assert await pacer.ask(BUCKET, "s") == 0
    other = Budget("other", 5, 60.0)
    assert [await pacer.ask(other, f"f{number}", final=True) for number in range(4)] == [0, 0, 0, 0]
    assert await pacer.ask(other, "s") > 0


async def test_a_closed_bucket_stays_closed_for_everybody(client: Client) -> None:
    pacer = Pacer(client, "glados:p:")
    await pacer.exhausted(BUCKET, 60)
    assert await pacer.ask(BUCKET, "s", final=True) > 50


async def test_who_gives_up_waits_no_longer(client: Client) -> None:
    pacer = Pacer(client, "glados:p:")
    await pacer.exhausted(BUCKET, 60)
    given_up = asyncio.Event()
    waiting = asyncio.create_task(pacer.wait(BUCKET, "s", given_up=given_up))
    await asyncio.sleep(0.05)
    given_up.set()
    assert not await waiting


async def test_a_wider_bucket_limits_all_narrow_ones_together_and_nobody_who_waits_inside_blocks_it(
    client: Client,
) -> None:
    pacer = Pacer(client, "glados:p:")
    everything = Budget("all", 3, 60.0)
    rooms = [Budget(f"room{number}", 5, 60.0, everything) for number in range(4)]
    assert await pacer.ask(rooms[0], "a") == 0
    assert await pacer.ask(rooms[0], "a") > 1  # waits for its own room
    finals = [await pacer.ask(room, f"f{room.bucket}", final=True) for room in rooms[1:]]
    assert finals[:2] == [0, 0]
    assert finals[2] > 1  # its room is empty, but all three requests of the wider bucket are taken


async def test_while_redis_is_away_one_edit_a_period_is_granted_and_once_it_is_back_it_is_asked_at_once(
    tmp_path: Path,
) -> None:
    """Slack's period is a minute: whoever slept that long, because Redis was restarted, held up a whole thread."""
    command = store_command("valkey", tmp_path)
    with running_store(command) as url:
        client = connect(url)
    pacer = Pacer(client, "glados:p:")
    waiting = asyncio.create_task(pacer.wait(Budget("method", 5, 300.0), "one"))
    assert await asyncio.wait_for(pacer.wait(BUCKET, "two"), 20)
    with pytest.raises(StoreUnavailableError):
        await pacer.ask(BUCKET, "two")
    assert not waiting.done()
    with running_store(command):
        assert await asyncio.wait_for(waiting, 30)
        await client.aclose()
