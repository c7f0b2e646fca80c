"""The edit budget: never over the limit, finals first, nobody starves."""

import asyncio
import time

import pytest

from glados_bots.pacing import Pacer
from glados_bots.store import Client
from glados_bots.surface import Budget

BUCKET = Budget("channel", 5, 0.5)


@pytest.fixture
def redis_url(each_redis_url: str) -> str:
    return each_redis_url


async def test_no_window_ever_holds_more_grants_than_burst_and_rate_allow(client: Client) -> None:
    pacers = [Pacer(client, "p:"), Pacer(client, "p:")]
    grants: list[float] = []

    async def stream(number: int) -> None:
        while len(grants) < 24:
            await pacers[number % 2].wait(BUCKET, f"s{number}")
            grants.append(time.monotonic())

    await asyncio.gather(*(stream(number) for number in range(4)))
    for i, start in enumerate(grants):
        inside = [t for t in grants[i:] if t - start < BUCKET.period_s * 0.95]
        assert len(inside) <= 2 * BUCKET.limit  # GCRA: at most the burst and one period's rate


async def test_every_stream_of_a_crowded_bucket_is_served_in_turn(client: Client) -> None:
    pacer = Pacer(client, "p:")
    served: dict[str, int] = {f"s{number}": 0 for number in range(6)}

    async def stream(name: str) -> None:
        while sum(served.values()) < 30:
            await pacer.wait(BUCKET, name)
            served[name] += 1

    await asyncio.gather(*(stream(name) for name in served))
    assert min(served.values()) >= 3


async def test_a_final_edit_finds_room_in_a_bucket_that_ordinary_ones_have_used_up(client: Client) -> None:
    pacer = Pacer(client, "p:")
    budget = Budget("slow", 5, 60.0)
    granted = 0
    while await pacer._try(budget, "s", final=False) == 0:
        granted += 1
    assert granted == 4
    assert await pacer._try(budget, "t", final=True) == 0


async def test_a_closed_bucket_stays_closed_for_everybody(client: Client) -> None:
    pacer = Pacer(client, "p:")
    await pacer.exhausted(BUCKET, 60)
    assert await pacer._try(BUCKET, "s", final=True) > 50


async def test_who_gives_up_waits_no_longer(client: Client) -> None:
    pacer = Pacer(client, "p:")
    await pacer.exhausted(BUCKET, 60)
    assert not await pacer.wait(BUCKET, "s", given_up=lambda: True)
