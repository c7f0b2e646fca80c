"""Socket Mode of the real slack_sdk against the fake: tickets, acks, redelivery, several connections, every ending."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import Channel, FakeSlack, Person, RecordingApp, connected, running
from tests.fakes.slack.tests.conftest import error_of


def silent(fake: FakeSlack) -> RecordingApp:
    """An app without listeners, which acknowledges nothing."""
    return RecordingApp(fake.settings)


async def test_an_event_without_an_ack_comes_again_until_it_is_lost(
    fake: FakeSlack, channel: Channel, ada: Person
) -> None:
    fake.app.events = {"message.channels"}
    async with running(fake, silent(fake)) as app:
        await ada.say(channel, "anybody?")
        for wait in (1, 60, 300, 0):
            await fake.wait_for(lambda: len(app.bodies) == len(fake.ledger.deliveries) + 1)
            fake.clock.advance(3.1)
            await fake.wait_for(lambda: len(app.bodies) == len(fake.ledger.deliveries))
            fake.clock.advance(wait + 1)
        await fake.wait_for(lambda: fake.delivery.lost)
    assert len({body["event_id"] for body in app.bodies}) == 1
    assert [one.outcome for one in fake.ledger.deliveries] == ["timeout"] * 4
    assert [one.attempt for one in fake.ledger.deliveries] == [0, 1, 2, 3]


async def test_a_retry_says_so(fake: FakeSlack, channel: Channel, ada: Person) -> None:
    app = RecordingApp(fake.settings)
    heard: list[tuple[object, object]] = []

    async def listen(request: object) -> None:
        headers = request.headers  # type: ignore[attr-defined]
        heard.append((headers.get("x-slack-retry-num"), headers.get("x-slack-retry-reason")))

    app.event("message")(listen)
    fake.sockets.takes_acks = False
    async with running(fake, app):
        await ada.say(channel, "hello")
        await fake.wait_for(lambda: len(heard) == 1)
        fake.sockets.takes_acks = True
        fake.clock.advance(3.1)
        await fake.wait_for(lambda: fake.ledger.deliveries)
        fake.clock.advance(1.1)
        await fake.wait_for(lambda: len(heard) == 2)
    assert heard == [(["0"], [""]), (["1"], ["timeout"])]
    assert [one.outcome for one in fake.ledger.deliveries] == ["timeout", "acked"]


async def test_events_are_spread_over_connections(fake: FakeSlack, channel: Channel, ada: Person) -> None:
    async with running(fake, sockets=2) as app:
        first, second = fake.sockets.connections
        for number in range(4):
            await ada.say(channel, str(number))
        await fake.wait_for(lambda: len(app.bodies) == 4)
        assert [first.envelopes, second.envelopes] == [2, 2]


@pytest.mark.parametrize("how", ["refresh_requested", "warning", "drop", "close"])
async def test_the_client_comes_back(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp, how: str
) -> None:
    (before,) = fake.sockets.connections
    if how == "drop":
        fake.sockets.drop()
    elif how == "close":
        fake.sockets.close()
    else:
        fake.sockets.disconnect(how)
    await fake.wait_for(lambda: fake.sockets.opened == 2 and fake.sockets.connections not in ([], [before]))
    await fake.wait_for(lambda: before not in fake.sockets.connections)
    await ada.say(channel, "still there?")
    await fake.wait_for(lambda: app.texts == ["still there?"])
    assert fake.sockets.tickets_given == 2


async def test_an_event_in_the_gap_is_delivered_later(fake: FakeSlack, channel: Channel, ada: Person) -> None:
    await ada.say(channel, "early")
    await fake.wait_for(lambda: fake.ledger.deliveries)
    async with running(fake) as app:
        fake.clock.advance(1.1)
        await fake.wait_for(lambda: app.texts == ["early"])
    assert [one.outcome for one in fake.ledger.deliveries] == ["no_connection", "acked"]


async def test_a_connection_that_ends_before_the_ack_makes_the_event_come_again(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    fake.sockets.takes_acks = False
    await ada.say(channel, "hello")
    await fake.wait_for(lambda: app.bodies)
    fake.sockets.takes_acks = True
    fake.sockets.drop()
    await fake.wait_for(lambda: fake.ledger.deliveries)
    await fake.wait_for(lambda: fake.sockets.opened == 2)
    fake.clock.advance(1.1)
    await fake.wait_for(lambda: len(app.bodies) == 2)
    assert fake.ledger.deliveries[0].outcome == "closed"


async def test_a_ticket_works_once_and_not_for_long(fake: FakeSlack) -> None:
    with connected(fake.settings) as client:
        opened = [await client.apps_connections_open(app_token=fake.settings.app_token) for _ in range(2)]
        async with _session() as session:
            async with session.ws_connect(opened[0]["url"]) as socket:
                assert (await socket.receive_json())["type"] == "hello"
            for url in (opened[0]["url"], fake.sockets.url):
                assert (await session.get(url)).status == 404
            fake.clock.advance(31)
            assert (await session.get(opened[1]["url"])).status == 404


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def test_ten_connections_are_enough(fake: FakeSlack) -> None:
    async with running(fake, sockets=10):
        with connected(fake.settings) as client:
            opened = await client.apps_connections_open(app_token=fake.settings.app_token)
        async with _session() as session, session.ws_connect(opened["url"]) as socket:
            assert (await socket.receive_json())["reason"] == "too_many_websockets"
        assert len(fake.sockets.connections) == 10


async def test_a_wrong_app_token_and_a_disabled_socket_mode_are_refused(
    fake: FakeSlack, client: AsyncWebClient
) -> None:
    for token, error in [("xapp-wrong", "invalid_auth"), (fake.settings.bot_token, "not_allowed_token_type")]:
        with pytest.raises(SlackApiError) as refused:
            await client.apps_connections_open(app_token=token)
        assert error_of(refused) == error
    async with running(fake):
        fake.sockets.disable()
        await fake.wait_for(lambda: not fake.sockets.connections)
        with pytest.raises(SlackApiError) as off:
            await client.apps_connections_open(app_token=fake.settings.app_token)
        assert error_of(off) == "forbidden_team"
        fake.sockets.is_enabled = True


async def test_a_connection_without_pongs_looks_dead(fake: FakeSlack, app: RecordingApp) -> None:
    assert app.bodies == []
    fake.sockets.answers_pings = False
    await fake.wait_for(lambda: fake.sockets.opened >= 2)
    fake.sockets.answers_pings = True
    await fake.wait_for(lambda: len(fake.sockets.connections) == 1)


async def test_events_may_be_held_turned_round_and_repeated(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    fake.delivery.hold()
    for text in ("one", "two"):
        await ada.say(channel, text)
    await asyncio.sleep(0.05)
    assert app.bodies == []
    fake.delivery.repeat(1)
    fake.delivery.release(lambda held: list(reversed(held)))
    await fake.wait_for(lambda: len(app.bodies) == 4)
    assert sorted(app.texts[:2]) == ["two", "two"]
    assert len({body["event_id"] for body in app.bodies}) == 2
