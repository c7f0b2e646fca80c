"""HTTP mode: signatures, replay, what is answered without work, and the store that is away."""

import json
from typing import Any

import httpx
import pytest

from glados_bots.settings import Settings
from glados_bots.wording.sentence import say
from glados_slack import metrics
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.fakes.slack.delivery.http_events import FORM
from tests.servers import free_port
from tests.slack.conftest import Adapter, answered, is_end, read


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
    privacy = say("privacy", time=say("days", count=30), export="/glados export", forget="/glados forget")
    assert slack.ledger.of(command.messages[-1]).content == read(privacy)
    assert {one.outcome for one in slack.ledger.deliveries} == {"acked"}
    assert not slack.sockets.opened


async def test_requests_that_are_forged_old_or_malformed_are_refused_without_work(
    slack: FakeSlack, *, adapter: Adapter, model: ScriptedModel, by_http: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
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
            await slack.http.post(body, timestamp="9" * 5000),
            await slack.http.post(body, timestamp="-1"),
            await slack.http.post(body, signed="v0=\u00e9"),
            await slack.http.post(body, signed="v1=" + "0" * 64),
            await slack.http.post("{broken"),
            await slack.http.post("[" * 100_000),
            await slack.http.post("[]"),
        ]
        assert [answer.status for answer in answers] == [401] * 11 + [400] * 3
        async with httpx.AsyncClient(trust_env=False) as http:
            stamp = {"X-Slack-Request-Timestamp": str(int(slack.clock.now()))}
            packed = await http.post(
                slack.http.request_url, content=b"no gzip", headers=stamp | {"Content-Encoding": "gzip"}
            )
            no_text = await http.post(slack.http.request_url, content=b"\xff\xfe", headers=stamp)
            huge = await http.post(slack.http.request_url, content=b"x" * 2_000_000, headers=stamp)
        assert (no_text.status_code, packed.status_code, huge.status_code) == (401, 400, 413)
        assert not [line for line in caplog.records if line.exc_info and line.name.startswith("glados")]
        assert len(slack.ledger.requests) == calls
    assert not model.prompts


async def test_a_command_or_a_click_that_was_overheard_and_is_sent_again_asks_nothing(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, by_http: dict[str, Any]
) -> None:
    async with adapter(**by_http):
        await up(slack)
        await ada.run(channel, "/glados", "ask why?")
        await slack.wait_for(lambda: len(slack.answers(channel)) == 2 and is_end(slack.answers(channel)[-1]))
        click = await ada.click(slack.message(slack.answers(channel)[-1]), "Regenerate")
        await slack.wait_for(lambda: click.is_done and len(model.prompts) == 2)
        sent = [body for body in slack.http.sent if body.startswith("payload=") or "command=" in body]
        assert len(sent) == 2
        for body in [*sent, *sent]:
            assert (await slack.http.post(body, content_type=FORM)).status == 200
        await ada.run(channel, "/glados", "ask and how?")
        await slack.wait_for(lambda: len(slack.answers(channel)) == 4 and is_end(slack.answers(channel)[-1]))
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["why?", "why?", "and how?"]


async def test_what_slack_checks_and_tells_is_answered(
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
