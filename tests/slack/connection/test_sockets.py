"""Socket Mode: two overlapping connections, every way of losing them, and tokens that are wrong."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from glados_bots.errors import ConfigError
from glados_bots.settings import Settings
from glados_slack.connection import sockets
from glados_slack.run import serve
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import Adapter, answered, slack_settings


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch that looks often. On a busy machine it takes a good connection for a lost one now and then."""
    monkeypatch.setattr(sockets, "PING_S", 0.2)
    monkeypatch.setattr(sockets, "AWAY_S", 1.0)
    monkeypatch.setattr(sockets, "CONNECT_S", 2.0)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", ["drop", "close", "refresh_requested", "warning", "no pongs"])
async def test_a_lost_connection_costs_neither_the_running_answer_nor_a_question(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, *, how: str
) -> None:
    slack.delivery.retry_delays_s = (0.5, 1.0, 2.0)
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} one")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        opened, lost = slack.sockets.opened, lost_connections()
        match how:
            case "drop":
                slack.sockets.drop()
            case "close":
                slack.sockets.close()
            case "no pongs":
                slack.sockets.answers_pings = False
            case reason:
                slack.sockets.disconnect(reason)
        meanwhile = await ada.dm("two")
        await slack.wait_for(lambda: slack.sockets.opened >= opened + 1, what="for a new connection")
        slack.sockets.answers_pings = True
        model.gate.set()
        await answered(slack, question)
        await answered(slack, meanwhile)
        await slack.settled()
        await slack.wait_for(lambda: lost_connections() > lost, what="for the loss to be counted")
    assert len(slack.answers()) == 2
    assert len(model.prompts) == 2
    assert not slack.delivery.lost


def lost_connections() -> float:
    """What the metrics page says of it."""
    return REGISTRY.get_sample_value("glados_reconnects_total", {"platform": "slack"}) or 0.0


async def test_acks_that_get_lost_lead_to_retries_that_are_absorbed(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.delivery.retry_delays_s = (0.1, 0.1, 0.1)
    async with adapter():
        slack.sockets.takes_acks = False
        question = await ada.say(channel, f"{slack.bot.mention} one")
        await answered(slack, question)
        slack.clock.advance(4)
        await slack.wait_for(lambda: any(one.outcome == "timeout" for one in slack.ledger.deliveries))
        slack.sockets.takes_acks = True
        await slack.wait_for(lambda: any(one.attempt and one.outcome == "acked" for one in slack.ledger.deliveries))
        await slack.settled()
    assert len(slack.answers()) == 1
    assert len(model.prompts) == 1


async def test_one_of_two_connections_takes_events_while_the_other_is_replaced(
    slack: FakeSlack, adapter: Adapter, ada: Person
) -> None:
    async with adapter():
        for _ in range(3):
            slack.sockets.disconnect("refresh_requested", only=slack.sockets.connections[0])
            await answered(slack, await ada.dm("hi"))
            await slack.wait_for(lambda: len(slack.sockets.connections) == 2 and not slack.delivery.pending)
    assert {delivery.outcome for delivery in slack.ledger.deliveries} == {"acked"}


@pytest.mark.usefixtures("quick")
async def test_a_ticket_that_ran_out_is_replaced_by_a_fresh_one(
    slack: FakeSlack, adapter: Adapter, ada: Person
) -> None:
    """The SDK would use it for ever."""
    async with adapter(sockets=1):
        slack.sockets.refused_connections = 1
        slack.sockets.drop()
        await slack.wait_for(lambda: slack.sockets.refused_connections == 0)
        slack.clock.advance(31)
        await slack.wait_for(lambda: slack.sockets.connections, what="for the watch to step in")
        await answered(slack, await ada.dm("hi"))


@pytest.mark.parametrize(
    ("variable", "given", "reason"),
    [
        ("GLADOS_SLACK_APP_TOKEN", {"app_token": "xapp-wrong"}, "invalid_auth"),
        ("GLADOS_SLACK_APP_TOKEN", {"app_token": "xoxb-fake-token"}, "not_allowed_token_type"),
        ("GLADOS_SLACK_BOT_TOKEN", {"bot_token": "xoxb-wrong"}, "invalid_auth"),
        ("GLADOS_SLACK_BOT_TOKEN", {"bot_token": "xapp-1-fake-token"}, "not_allowed_token_type"),
    ],
)
async def test_a_wrong_token_stops_the_start_with_one_line(
    slack: FakeSlack, settings: Settings, variable: str, given: dict[str, str], reason: str
) -> None:
    with pytest.raises(ConfigError) as wrong:
        await serve(settings, slack_settings(slack, **given), asyncio.Event())
    assert variable in str(wrong.value)
    assert reason in str(wrong.value)
    assert "\n" not in str(wrong.value)
    assert next(iter(given.values())) not in str(wrong.value)


@pytest.mark.usefixtures("quick")
async def test_socket_mode_switched_off_while_it_runs_ends_the_process_and_says_why(
    slack: FakeSlack, settings: Settings
) -> None:
    serving = asyncio.create_task(serve(settings, slack_settings(slack), asyncio.Event()))
    await slack.wait_for(lambda: len(slack.sockets.connections) == 2)
    slack.sockets.disable()
    with pytest.raises(ConfigError, match="Socket Mode is switched off"):
        await asyncio.wait_for(serving, 15)


@pytest.mark.usefixtures("quick")
async def test_slack_that_is_away_at_the_start_is_waited_for(slack: FakeSlack, adapter: Adapter, ada: Person) -> None:
    slack.faults.add(method="auth.test", status=503, times=1)
    slack.faults.add(method="apps.connections.open", status=503, times=2)
    async with adapter():
        await answered(slack, await ada.dm("hi"))
