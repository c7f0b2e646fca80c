"""HTTP mode: signatures, replay, what is answered without work, and the store that is away: cases 27 and 28."""

import json
from typing import Any

import httpx
import pytest

from glados_bots.settings import Settings
from glados_slack import metrics
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.servers import free_port
from tests.slack.conftest import Adapter, answered


@pytest.fixture
def by_http(slack: FakeSlack) -> dict[str, Any]:
    """Settings of HTTP mode; the fake sends there."""
    port = free_port()
    slack.http.request_url = f"http://127.0.0.1:{port}/slack/events"
    return {"mode": "http", "http_port": port, "app_token": None}


async def up(slack: FakeSlack) -> None:
    """Return when the adapter listens."""

    async def listens() -> bool:
        try:
            return await slack.http.verify()
        except OSError:
            return False

    for _ in range(200):
        if await listens():
            return
        await slack.clock.sleep(0.05)
    raise AssertionError("it never listened")


async def test_mentions_buttons_and_commands_come_by_http(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, by_http: dict[str, Any]
) -> None:
    async with adapter(**by_http):
        await up(slack)
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
        click = await ada.click(slack.message(answer), "Good answer")
        command = await ada.run(channel, "/glados", "privacy")
        await slack.wait_for(lambda: click.is_done and command.messages and not slack.delivery.pending)
    assert "What I keep" in command.messages[-1].text
    assert {one.outcome for one in slack.ledger.deliveries} == {"acked"}
    assert not slack.sockets.opened


async def test_27_requests_that_are_forged_old_or_malformed_are_refused_without_work(
    slack: FakeSlack, adapter: Adapter, model: ScriptedModel, by_http: dict[str, Any]
) -> None:
    event = {"type": "message", "channel": "D1", "channel_type": "im", "user": "U1", "text": "hi", "ts": "1.000001"}
    body = json.dumps({"type": "event_callback", "team_id": slack.team.id, "event_id": "Ev1", "event": event})
    async with adapter(**by_http):
        await up(slack)
        calls = len(slack.ledger.requests)
        answers = [
            await slack.http.post(body, secret="not-the-secret"),
            await slack.http.post(body, signed="v0=nonsense"),
            await slack.http.post(body, age_s=301),
            await slack.http.post(body, age_s=-301),
            await slack.http.post(body, timestamp="yesterday"),
            await slack.http.post(body, timestamp=""),
            await slack.http.post(body, timestamp="\u0661\u0662"),
            await slack.http.post("{broken"),
            await slack.http.post("[" * 100_000),
            await slack.http.post("[]"),
        ]
        assert [answer.status for answer in answers] == [401] * 7 + [400] * 3
        async with httpx.AsyncClient(trust_env=False) as http:
            stamp = {"X-Slack-Request-Timestamp": str(int(slack.clock.now()))}
            huge = await http.post(slack.http.request_url, content=b"x" * 2_000_000, headers=stamp)
        assert huge.status_code == 413
        assert len(slack.ledger.requests) == calls
    assert not model.prompts


async def test_28_what_slack_checks_and_tells_is_answered(
    slack: FakeSlack, adapter: Adapter, by_http: dict[str, Any]
) -> None:
    before = metrics.EVENTS_LEFT_OUT._value.get()
    async with adapter(**by_http):
        await up(slack)
        assert await slack.http.verify()
        assert (await slack.http.check_certificate()).status == 200
        assert (await slack.http.tell_rate_limited(slack.team.id)).status == 200
    assert metrics.EVENTS_LEFT_OUT._value.get() == before + 1


async def test_a_question_that_cannot_be_saved_gets_503_and_is_taken_when_slack_sends_it_again(
    slack: FakeSlack, adapter: Adapter, ada: Person, settings: Settings, by_http: dict[str, Any]
) -> None:
    slack.delivery.retry_delays_s = (0.1, 0.1, 3.0)
    dead = {"redis_url": type(settings.redis_url)("redis://127.0.0.1:9/0")} if settings.redis_url else {}
    async with adapter(core=dead, **by_http):
        await up(slack)
        question = await ada.dm("hi")
        await slack.wait_for(lambda: len(slack.ledger.deliveries) >= 3)
        assert {delivery.outcome for delivery in slack.ledger.deliveries} == {"http_503"}
    async with adapter(**by_http):
        await up(slack)
        await answered(slack, question)
    assert [delivery.outcome for delivery in slack.ledger.deliveries][-1] == "acked"
