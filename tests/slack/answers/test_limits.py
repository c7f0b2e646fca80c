"""Slack's limits hold however long a call is on its way: a grant says when it may leave, not when Slack counts it."""

import asyncio

import pytest

from glados_bots.settings import Settings
from glados_slack.connection import budgets
from glados_slack.connection.budgets import budget, new_messages
from tests.fakes.slack import Channel, FakeSlack, Limit
from tests.slack.answers.test_waiting import surfaces

PERIOD_S = 1.0


async def test_calls_that_are_long_on_their_way_are_too_many_for_no_window(
    slack: FakeSlack, settings: Settings, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "_TIER_3", 4)
    monkeypatch.setattr(budgets, "MINUTE_S", PERIOD_S)
    slack.rate_limits.limits["tier3"] = Limit(4, PERIOD_S)
    place = {"team": slack.team.id, "enterprise": ""}
    async with surfaces(slack, settings, 2) as both:

        async def call(number: int) -> None:
            calls = both[number % 2].calls
            await calls.wait(budget(slack.team.id, "conversations.info"), str(number))
            await calls(place, "conversations.info", channel=channel.id)

        for _ in range(6):
            slack.faults.add(method="conversations.info", delay_s=0.9 * PERIOD_S, skip=1)
        await asyncio.gather(*(call(number) for number in range(12)))
    assert not slack.ledger.rate_limited


async def test_messages_that_are_long_on_their_way_are_too_many_for_no_channel(
    slack: FakeSlack, settings: Settings, channel: Channel
) -> None:
    slack.rate_limits.limits["channel"] = Limit(5, 5.0)
    place = {"team": slack.team.id, "enterprise": ""}
    async with surfaces(slack, settings, 1) as (only,):

        async def post(number: int) -> None:
            limits = new_messages(slack.team.id, channel.id)
            await only.calls.wait(limits, str(number))
            await only.calls(place, "chat.postMessage", limits, channel=channel.id, text=str(number))

        slack.faults.add(method="chat.postMessage", delay_s=3.0, times=4)
        await asyncio.gather(*(post(number) for number in range(7)))
    assert not slack.ledger.rate_limited
