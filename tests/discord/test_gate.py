"""Discord's limit of all calls together: it holds whoever calls, and however long a call is on its way."""

import asyncio
import random
import time
from functools import partial
from pathlib import Path

import discord

from glados_bots.store.connection import Client, connect
from glados_bots.turns import gate
from glados_discord.client import SingleClient
from glados_discord.connection.rates import GLOBAL, LONGEST_CALL_S, MOST, PERIOD_S
from tests.conftest import running_store, store_command
from tests.discord.conftest import World
from tests.fakes.discord import Limit
from tests.waiting import LONGEST_S, until

PREFIX = "glados:{gate}:"
Gate = partial(gate.Gate, bucket="global", most=MOST, period_s=PERIOD_S, longest_flight_s=LONGEST_CALL_S)


async def test_no_period_holds_too_many_calls_of_two_processes_however_long_each_is_on_its_way(client: Client) -> None:
    gates = [Gate(client, PREFIX, most=5, period_s=0.2) for _ in range(2)]
    dice, counted = random.Random(7), []  # noqa: S311 - dice

    async def call(number: int) -> None:
        name = await gates[number % 2].enter()
        await asyncio.sleep(dice.choice((0.0, 0.01, 0.3)))  # the way there
        counted.append(time.monotonic())
        await asyncio.sleep(dice.choice((0.0, 0.01, 0.1)))  # the way back
        await gates[number % 2].leave(name)

    await asyncio.gather(*(call(number) for number in range(40)))
    assert len(counted) == 40
    for first, one_too_many in zip(counted, counted[5:], strict=False):
        assert one_too_many - first >= 0.19


async def test_calls_of_a_process_that_died_make_room_after_a_while(client: Client) -> None:
    dead, alive = Gate(client, PREFIX, most=2, longest_flight_s=0.2), Gate(client, PREFIX, most=2)
    for _ in range(2):
        await dead.enter()
    before = time.monotonic()
    async with asyncio.timeout(LONGEST_S):
        await alive.enter()
    assert time.monotonic() - before >= 1.0  # they may have been counted at the end of their flight


async def test_while_redis_is_away_calls_are_made(tmp_path: Path) -> None:
    with running_store(store_command("valkey", tmp_path)) as url:
        client = connect(url)
    alone = Gate(client, PREFIX)
    async with asyncio.timeout(LONGEST_S):
        await alone.leave(await alone.enter())
    await client.aclose()


async def test_who_has_patience_waits_for_a_redis_that_starts_again(tmp_path: Path) -> None:
    """So that nothing goes uncounted meanwhile."""
    with running_store(store_command("valkey", tmp_path)) as url:
        client = connect(url)
    patient = gate.Gate(
        client, PREFIX, "calls", most=1, period_s=1.0, longest_flight_s=1.0, patience_s=2 * LONGEST_S
    )  # fmt: skip
    entering = asyncio.create_task(patient.enter())
    await asyncio.sleep(10 * gate.ALONE_PAUSE_S)
    assert not entering.done()
    with running_store(store_command("valkey", tmp_path)):
        async with asyncio.timeout(LONGEST_S):
            assert await entering
        await client.aclose()


async def test_calls_without_a_grant_are_never_more_than_discord_allows(world: World) -> None:
    """As after a restart, or when discord.py lets many go that it held back."""
    world.fake.rate_limits.limits["other"] = Limit(1000, 1.0)
    async with world.bot() as bot:
        client = connected(bot.current.client)
        await client.application_info()  # from now on discord.py knows the bucket, and holds nobody back
        world.fake.faults.add(method="GET", path="/users/*", times=40, delay_s=0.7)
        await asyncio.gather(*(client.fetch_user(world.ada.id) for _ in range(130)))
    assert not world.fake.ledger.rate_limited
    assert len(times_of(world, f"/users/{world.ada.id}")) == 130


async def test_a_call_that_discord_py_repeats_by_itself_waits_like_any_other(world: World) -> None:
    async with world.bot() as bot:
        fault = world.fake.faults.add(method="GET", path="/users/*", status=502)
        call = asyncio.create_task(connected(bot.current.client).fetch_user(world.ada.id))
        await world.until(lambda: fault.hits)
        before = world.fake.clock.now()
        await bot.parts.rates.close(GLOBAL, 3.0)
        await call
    first, second = times_of(world, f"/users/{world.ada.id}")
    assert first < before
    assert second - before >= 2.9


async def test_while_discord_refuses_all_calls_nobody_makes_one_grant_or_not(world: World) -> None:
    async with world.bot() as bot:
        before = world.fake.clock.now()
        await bot.parts.rates.close(GLOBAL, 1.0)
        await connected(bot.current.client).fetch_user(world.ada.id)
    (call,) = times_of(world, f"/users/{world.ada.id}")
    assert call - before >= 0.9


async def test_what_is_answered_to_a_button_does_not_pass_the_gate(world: World) -> None:
    async with world.bot() as bot:
        await world.told(bot)
        await bot.parts.rates.close(GLOBAL, 60.0)
        await world.ada.run(world.channel, "help")
        await world.until(lambda: world.told_to(world.ada))


async def test_edits_in_one_channel_are_never_more_than_discord_allows_when_one_is_carried_out_late(
    world: World,
) -> None:
    """It was granted in an earlier period, and all grants of this one are others'."""
    async with world.bot() as dying, world.bot() as other:
        message = await connected(dying.current.client).get_partial_messageable(world.channel.id).send("0")
        path, go_on = f"/channels/{world.channel.id}/messages/{message.id}", asyncio.Event()
        held = world.fake.faults.add(method="PATCH", path=path, held_by=go_on)
        late = asyncio.create_task(message.edit(content="late"))
        await until(lambda: held.hits)
        ours = connected(other.current.client).get_partial_messageable(world.channel.id).get_partial_message(message.id)
        edits = [asyncio.create_task(ours.edit(content=str(number))) for number in range(5)]
        await until(lambda: sum(edit.done() for edit in edits) >= 4)
        go_on.set()
        await asyncio.gather(late, *edits)
    assert not world.fake.ledger.rate_limited


def connected(client: discord.Client | None) -> SingleClient:
    assert isinstance(client, SingleClient)
    return client


def times_of(world: World, path: str) -> list[float]:
    """When there were calls of this path."""
    return sorted(one.time for one in world.fake.ledger.requests if one.path == path)
