"""Rate limits, faults, and the ledger's judgement of the app."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import Channel, FakeSlack, Limit, connected
from tests.fakes.slack.tests.conftest import error_of


async def test_a_channel_takes_about_a_message_a_second(
    fake: FakeSlack, channel: Channel, client: AsyncWebClient
) -> None:
    other = fake.add_channel("other")
    for number in range(5):
        await client.chat_postMessage(channel=channel.id, text=str(number))
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=channel.id, text="too many")
    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["Retry-After"]) >= 1
    await client.chat_postMessage(channel=other.id, text="elsewhere")
    fake.clock.advance(5)
    await client.chat_postMessage(channel=channel.id, text="later")
    assert [one.limited_by for one in fake.ledger.rate_limited] == ["channel"]
    assert fake.ledger.rate_limit_faults == []


async def test_tiers_count_by_workspace(fake: FakeSlack, channel: Channel, client: AsyncWebClient) -> None:
    fake.rate_limits.limits["tier3"] = Limit(2)
    other = fake.add_team("Black Mesa")
    other.install()
    for _ in range(2):
        await client.conversations_info(channel=channel.id)
    with pytest.raises(SlackApiError):
        await client.conversations_info(channel=channel.id)
    with connected(fake.settings):
        theirs = AsyncWebClient(token=other.new_token(), base_url=fake.settings.api_base)
    lobby = other.add_channel("lobby")
    assert (await theirs.conversations_info(channel=lobby.id))["channel"]["name"] == "lobby"
    fake.rate_limits.loosen()
    await client.conversations_info(channel=channel.id)


async def test_the_sdk_waits_as_it_is_told(fake: FakeSlack, channel: Channel, client: AsyncWebClient) -> None:
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    fake.faults.add(method="chat.postMessage", status=429, retry_after_s=0)
    await client.chat_postMessage(channel=channel.id, text="hi")
    assert [one.limited_by for one in fake.ledger.calls("chat.postMessage")] == ["scripted", ""]
    assert len(fake.answers()) == 1


async def test_a_block_is_the_apps_fault_only_once_it_was_told(
    fake: FakeSlack, channel: Channel, client: AsyncWebClient
) -> None:
    fake.rate_limits.block(30, method="chat.postMessage")
    for _ in range(2):
        with pytest.raises(SlackApiError) as refused:
            await client.chat_postMessage(channel=channel.id, text="hi")
        assert error_of(refused) == "ratelimited"
    assert len(fake.ledger.rate_limit_faults) == 1
    assert (await client.auth_test())["ok"]
    fake.clock.advance(31)
    await client.chat_postMessage(channel=channel.id, text="hi")


@pytest.mark.parametrize(("after_commit", "count"), [(False, 0), (True, 1)])
async def test_server_errors_come_as_a_page(
    fake: FakeSlack, channel: Channel, client: AsyncWebClient, after_commit: bool, count: int
) -> None:
    fake.faults.add(method="chat.*", status=503, after_commit=after_commit)
    with pytest.raises(SlackApiError) as failed:
        await client.chat_postMessage(channel=channel.id, text="hi")
    assert failed.value.response.status_code == 503
    assert len(fake.answers()) == count


async def test_the_sdk_repeats_a_post_whose_answer_was_lost(
    fake: FakeSlack, channel: Channel, client: AsyncWebClient
) -> None:
    fake.faults.add(method="chat.postMessage", drop=True, after_commit=True)
    await client.chat_postMessage(channel=channel.id, text="hi")
    assert [one.content for one in fake.answers()] == ["hi", "hi"]
    client.retry_handlers = []
    fake.faults.add(method="chat.postMessage", drop=True, after_commit=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(channel=channel.id, text="once")
    assert [one.content for one in fake.answers()] == ["hi", "hi", "once"]
    assert fake.ledger.requests[-1].status == 0


async def test_an_error_code_may_be_scripted_for_one_channel(
    fake: FakeSlack, channel: Channel, client: AsyncWebClient
) -> None:
    other = fake.add_channel("other")
    fault = fake.faults.add(method="chat.postMessage", error="internal_error", args={"channel": other.id}, skip=1)
    for place in (other, channel):
        await client.chat_postMessage(channel=place.id, text="hi")
    with pytest.raises(SlackApiError) as failed:
        await client.chat_postMessage(channel=other.id, text="hi")
    assert (error_of(failed), fault.hits) == ("internal_error", 1)
    assert [one.error for one in fake.ledger.refused] == ["internal_error"]


async def test_a_slow_answer_and_an_unknown_method(fake: FakeSlack, channel: Channel, client: AsyncWebClient) -> None:
    fake.faults.add(method="chat.postMessage", delay_s=0.3)
    sending = asyncio.create_task(client.chat_postMessage(channel=channel.id, text="slow"))
    await asyncio.sleep(0.1)
    assert fake.answers() == []
    await sending
    with pytest.raises(SlackApiError) as unknown:
        await client.api_call("chat.postSong")
    assert error_of(unknown) == "unknown_method"


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ([SECTION] * 50, ""),
        ([SECTION] * 51, "invalid_blocks"),
        ([{"type": "nonsense"}], "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}], "invalid_blocks"),
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "invalid_blocks"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "invalid_blocks"),
        ([{"type": "markdown", "text": "x" * 12_000}], ""),
        ([{"type": "markdown", "text": "x" * 6_001}] * 2, "invalid_blocks"),
        ([{"type": "markdown", "text": "# a\n\nb\n\n" * 26}], "invalid_blocks"),
        ([{"type": "markdown", "text": "```\n" + "# a\n\n" * 60 + "```"}], ""),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_900}}] * 5, "msg_blocks_too_long"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100}], ""),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}], "invalid_blocks"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}], "invalid_blocks"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x" * 10_001}]]}], "invalid_blocks"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}] * 2, "invalid_blocks"),
        ([{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "b"}]}]}],
         "invalid_blocks"),
        ([{"type": "actions", "elements": [{"type": "button", "action_id": "a",
           "text": {"type": "plain_text", "text": "x" * 76}}]}], "invalid_blocks"),
        ([{"type": "context_actions", "elements": [{"type": "button"}]}], "invalid_blocks"),
        ([SECTION | {"block_id": "same"}] * 2, "invalid_blocks"),
    ],
)  # fmt: skip
async def test_blocks_have_limits(
    fake: FakeSlack, channel: Channel, client: AsyncWebClient, blocks: list[dict[str, Any]], error: str
) -> None:
    posting = client.chat_postMessage(channel=channel.id, text="fallback", blocks=blocks)
    if not error:
        await posting
        assert len(fake.answers()) == 1
        return
    with pytest.raises(SlackApiError) as refused:
        await posting
    assert error_of(refused) == error
    assert fake.answers() == []
