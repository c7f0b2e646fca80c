"""HTTP mode: signed requests to the real slack_bolt behind aiohttp, retries, forgeries, and Slack's own checks."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.fakes.common.server import LoopbackServer
from tests.fakes.slack import Channel, FakeSlack, Person, RecordingApp


@pytest.fixture
def ada(fake: FakeSlack, channel: Channel) -> Person:
    assert channel.team is fake.team
    fake.app.events = {"message.channels"}
    return fake.add_user("ada")


@pytest.fixture
async def app(fake: FakeSlack, ada: Person) -> AsyncIterator[RecordingApp]:
    """An app that is served by HTTP; its listeners are added by the tests."""
    assert ada.id in fake.world.users
    recording = RecordingApp(fake.settings)
    server = LoopbackServer()
    host = await server.start(recording.server(port=0, path="/slack/events").web_app)
    fake.http.request_url = f"http://{host}/slack/events"
    yield recording
    await server.stop()


async def test_events_and_commands_come_signed(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    async def ask(ack: Any, say: Any) -> None:
        await ack("asking")
        await say("answer")

    app.listen()
    app.command("/glados")(ask)
    await ada.say(channel, "hello")
    await fake.wait_for(lambda: app.texts == ["hello"])
    interaction = await ada.run(channel, "/glados", "why? & how?")
    await fake.wait_for(lambda: interaction.content == "asking" and fake.answers(channel))
    assert app.seen("/glados")[0]["text"] == "why? &amp; how?"
    assert {one.outcome for one in fake.ledger.deliveries} == {"acked"}
    assert fake.ledger.calls("apps.connections.open") == []


async def test_slack_asks_for_the_challenge_and_the_certificate(fake: FakeSlack, app: RecordingApp) -> None:
    assert await fake.http.verify()
    assert (await fake.http.check_certificate()).status == 200
    assert app.bodies == []


@pytest.mark.parametrize(
    ("forged", "status"),
    [({}, 200), ({"secret": "wrong"}, 401), ({"age_s": 301.0}, 401), ({"signed": "v0=00"}, 401)],
)
async def test_only_fresh_and_well_signed_requests_are_taken(
    fake: FakeSlack, app: RecordingApp, forged: dict[str, Any], status: int
) -> None:
    app.listen()
    event = {"type": "message", "text": "hello", "channel": "C1", "user": "U1", "ts": "1.000001"}
    body = json.dumps({"type": "event_callback", "team_id": fake.team.id, "event_id": "Ev1", "event": event})
    answer = await fake.http.post(body, **forged)
    assert answer.status == status
    assert len(app.bodies) == (status == 200)


async def test_an_event_is_retried_with_a_number_and_a_reason(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    retries: list[tuple[object, object]] = []

    async def remember(request: Any, next: Any) -> None:  # noqa: A002 - bolt's name
        retries.append((request.headers.get("x-slack-retry-num"), request.headers.get("x-slack-retry-reason")))
        await next()

    app.middleware(remember)
    await ada.say(channel, "nobody listens")
    await fake.wait_for(lambda: len(fake.ledger.deliveries) == 1)
    app.listen()
    fake.clock.advance(1.1)
    await fake.wait_for(lambda: len(fake.ledger.deliveries) == 2)
    assert retries == [(None, None), (["1"], ["http_error"])]
    assert [one.outcome for one in fake.ledger.deliveries] == ["http_404", "acked"]


async def test_an_app_that_is_away_is_tried_again(fake: FakeSlack, channel: Channel, ada: Person) -> None:
    fake.http.request_url = "http://127.0.0.1:1/"
    await ada.say(channel, "hello")
    await fake.wait_for(lambda: fake.ledger.deliveries)
    assert [one.outcome for one in fake.ledger.deliveries] == ["no_connection"]
    assert fake.delivery.pending == 1


async def test_an_app_may_refuse_retries(fake: FakeSlack, channel: Channel, ada: Person) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"X-Slack-No-Retry": "1"})

    server = web.Application()
    server.router.add_post("/", refuse)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.http.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await ada.say(channel, "hello")
    await fake.wait_for(lambda: fake.delivery.lost)
    assert [one.outcome for one in fake.ledger.deliveries] == ["http_503"]
    told = await fake.http.tell_rate_limited(fake.team.id)
    assert told.status == 503
    await runner.cleanup()
