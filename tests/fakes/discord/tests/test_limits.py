"""Rate limits, faults, and the ledger's judgement of the client."""

import asyncio

import aiohttp
import discord
import pytest

from tests.fakes.discord import Channel, FakeDiscord, Limit, RecordingClient


async def post(fake: FakeDiscord, channel: Channel) -> tuple[int, dict[str, str], dict[str, object]]:
    """One message by a client that knows nothing of limits: status, headers, body."""
    url = f"{fake.settings.api_base}/channels/{channel.id}/messages"
    auth = {"Authorization": f"Bot {fake.token}"}
    async with aiohttp.ClientSession(headers=auth) as session, session.post(url, json={"content": "hi"}) as response:
        return response.status, dict(response.headers), await response.json(content_type=None)


async def test_discord_py_keeps_within_a_bucket(fake: FakeDiscord, channel: Channel, bot: RecordingClient) -> None:
    fake.rate_limits.limits["edit"] = Limit(3, 0.2)
    message = await bot.get_partial_messageable(channel.id).send("0")
    for number in range(1, 10):
        await message.edit(content=str(number))
    assert fake.answers()[0].contents == [str(number) for number in range(10)]
    assert fake.ledger.rate_limited == []


async def test_a_careless_client_is_refused_and_blamed(fake: FakeDiscord, channel: Channel) -> None:
    answers = [await post(fake, channel) for _ in range(6)]
    assert [status for status, _, _ in answers] == [200] * 5 + [429]
    remaining = [headers["X-RateLimit-Remaining"] for _, headers, _ in answers]
    assert remaining == ["4", "3", "2", "1", "0", "0"]
    _, headers, body = answers[-1]
    assert headers["Content-Type"] == "application/json"
    assert {"Via", "Retry-After", "X-RateLimit-Reset", "X-RateLimit-Reset-After", "X-RateLimit-Bucket"} <= set(headers)
    assert isinstance(body["retry_after"], float)
    assert body["global"] is False
    assert [fault.limited_by for fault in fake.ledger.rate_limit_faults] == ["bucket"]
    fake.clock.advance(5)
    assert (await post(fake, channel))[0] == 200


async def test_the_global_budget(fake: FakeDiscord, channel: Channel) -> None:
    fake.rate_limits.total = Limit(2, 1.0)
    answers = [await post(fake, channel) for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert answers[-1][2]["global"] is True
    assert answers[-1][1]["X-RateLimit-Global"] == "true"


async def test_a_block_is_the_clients_fault_only_once_it_was_told(fake: FakeDiscord, channel: Channel) -> None:
    fake.rate_limits.block(30)
    await post(fake, channel)
    assert fake.ledger.rate_limit_faults == []
    await post(fake, channel)
    assert len(fake.ledger.rate_limit_faults) == 1
    fake.clock.advance(31)
    fake.rate_limits.block(30, bucket="create", major=str(channel.id))
    assert (await post(fake, channel))[2]["global"] is False


async def test_discord_py_waits_out_scripted_and_global_limits(
    fake: FakeDiscord, channel: Channel, bot: RecordingClient
) -> None:
    place = bot.get_partial_messageable(channel.id)
    fault = fake.faults.add(method="POST", path="/channels/*/messages", status=429, retry_after_s=0.1)
    await place.send("after a scripted limit")
    fake.rate_limits.block(0.2)
    await place.send("after a global limit")
    assert fault.hits == 1
    assert [request.limited_by for request in fake.ledger.rate_limited] == ["scripted", "global"]
    assert fake.ledger.rate_limit_faults == []
    assert len(fake.answers()) == 2


async def test_the_edge_refuses_in_its_own_way(fake: FakeDiscord, channel: Channel, bot: RecordingClient) -> None:
    fake.rate_limits.block(60, cloudflare=True)
    for _ in range(2):
        with pytest.raises(discord.HTTPException) as refused:
            await bot.get_partial_messageable(channel.id).send("hi")
        assert refused.value.status == 429
        assert "1015" in refused.value.text
    assert len(fake.ledger.rate_limit_faults) == 1


async def test_an_answer_lost_after_the_commit_does_not_double(
    fake: FakeDiscord, channel: Channel, bot: RecordingClient
) -> None:
    fake.faults.add(method="POST", path="/channels/*/messages", status=502, after_commit=True)
    sent = await bot.get_partial_messageable(channel.id).send("once")
    assert [record.id for record in fake.answers()] == [sent.id]
    assert [request.status for request in fake.ledger.requests[-2:]] == [502, 200]


async def test_failures_before_the_commit_leave_nothing_behind(
    fake: FakeDiscord, channel: Channel, bot: RecordingClient
) -> None:
    fake.faults.add(method="POST", path="/channels/*/messages", status=503)
    with pytest.raises(discord.DiscordServerError):
        await bot.get_partial_messageable(channel.id).send("unavailable")
    fake.faults.add(method="POST", path="/channels/*/messages", status=400, code=20016, message="slowmode", skip=1)
    await bot.get_partial_messageable(channel.id).send("skipped")
    with pytest.raises(discord.HTTPException) as refused:
        await bot.get_partial_messageable(channel.id).send("slow")
    assert (refused.value.status, refused.value.code) == (400, 20016)
    assert [record.content for record in fake.answers()] == ["skipped"]


@pytest.mark.parametrize(("after_commit", "count"), [(False, 0), (True, 1)])
async def test_dropped_connections(
    fake: FakeDiscord, channel: Channel, bot: RecordingClient, after_commit: bool, count: int
) -> None:
    fault = fake.faults.add(
        method="POST", path="/channels/*/messages", drop=True, after_commit=after_commit, times=None
    )
    with pytest.raises(aiohttp.ClientConnectionError):
        await bot.get_partial_messageable(channel.id).send("hi", nonce="job")
    assert len(fake.answers()) == count
    assert fake.ledger.requests[-1].status == 0
    fake.faults.remove(fault)
    await bot.get_partial_messageable(channel.id).send("hi", nonce="job")
    assert len(fake.answers()) == 1


async def test_a_slow_answer_and_an_unknown_route(fake: FakeDiscord, channel: Channel, bot: RecordingClient) -> None:
    goes_on = asyncio.Event()
    fault = fake.faults.add(method="POST", path="/channels/*/messages", delay_s=0.01, held_by=goes_on)
    sending = asyncio.create_task(bot.get_partial_messageable(channel.id).send("slow"))
    await fake.wait_for(lambda: fault.hits)
    assert fake.answers() == []
    goes_on.set()
    await sending
    with pytest.raises(discord.NotFound) as unknown:
        await bot.fetch_premium_sticker_packs()
    assert unknown.value.code == 0
