"""The real slack_sdk streams on the fake: what a stream takes, who may go on with it, and when it ends."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import MarkdownTextChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import Channel, FakeSlack, Limit, Message, Person
from tests.fakes.slack.tests.conftest import error_of


@pytest.fixture
async def question(ada: Person, channel: Channel) -> Message:
    return await ada.say(channel, "why?")


def place(question: Message) -> dict[str, Any]:
    asker = question.author
    where = {"channel": question.channel.id, "thread_ts": question.ts}
    return where | {"recipient_user_id": asker.id, "recipient_team_id": asker.team.id}


async def start(client: AsyncWebClient, question: Message, text: str | None = "One") -> dict[str, Any]:
    """A stream: where it is."""
    started = await client.chat_startStream(**place(question), markdown_text=text)
    return {"channel": started["channel"], "ts": started["ts"]}


async def test_a_stream_grows_and_ends_with_its_blocks(
    fake: FakeSlack, client: AsyncWebClient, question: Message
) -> None:
    stream = await client.chat_stream(**place(question), buffer_size=1)
    await stream.append(markdown_text="One")
    await stream.append(chunks=[TaskUpdateChunk(id="t", title="Reading", status="in_progress")])
    await stream.append(markdown_text=" two")
    (growing,) = fake.answers(thread=question)
    assert growing.is_unfinished
    buttons = {"type": "context_actions", "elements": [feedback()]}
    await stream.stop(markdown_text=" three", blocks=[buttons])
    assert growing.contents == ["One", "One", "One two", "One two three"]
    assert not growing.is_unfinished
    assert growing.revisions[-1].tasks[0]["title"] == "Reading"
    kept = fake.message(growing)
    assert [block["type"] for block in kept.blocks] == ["markdown", "context_actions"]
    assert kept.thread_ts == question.ts
    assert fake.ledger.refused == []


def feedback() -> dict[str, Any]:
    good, bad = ({"text": {"type": "plain_text", "text": text}, "value": text} for text in ("Good", "Bad"))
    return {"type": "feedback_buttons", "action_id": "feedback", "positive_button": good, "negative_button": bad}


async def test_a_channel_wants_to_know_the_recipient_and_a_direct_message_does_not(
    fake: FakeSlack, client: AsyncWebClient, ada: Person, question: Message
) -> None:
    where: dict[str, Any] = {"channel": question.channel.id, "thread_ts": question.ts}
    attempts: list[tuple[dict[str, Any], str]] = [
        ({}, "missing_recipient_user_id"),
        ({"recipient_user_id": ada.id}, "missing_recipient_team_id"),
        ({"recipient_user_id": ada.id, "recipient_team_id": "T404"}, "team_not_found"),
        ({"recipient_user_id": "U404", "recipient_team_id": ada.team.id}, "user_not_found"),
    ]
    for args, error in attempts:
        with pytest.raises(SlackApiError) as refused:
            await client.chat_startStream(**where, **args, markdown_text="hi")
        assert error_of(refused) == error
    asked = await ada.dm("hello")
    await client.chat_startStream(channel=asked.channel.id, thread_ts=asked.ts, markdown_text="hi")
    assert [record.content for record in fake.answers(asked.channel)] == ["hi"]


async def test_a_recipient_of_another_workspace_has_another_team(
    fake: FakeSlack, client: AsyncWebClient, channel: Channel
) -> None:
    stranger = fake.add_team("Black Mesa").add_user("gordon")
    fake.team.share(channel, stranger)
    asked = await stranger.say(channel, "why?")
    with pytest.raises(SlackApiError) as refused:
        await client.chat_startStream(**place(asked) | {"recipient_team_id": fake.team.id}, markdown_text="hi")
    assert error_of(refused) == "user_not_found"
    await client.chat_startStream(**place(asked), markdown_text="hi")
    assert len(fake.answers(thread=asked)) == 1


async def test_a_stream_expires_though_it_is_fed_and_an_update_rescues_it(
    fake: FakeSlack, client: AsyncWebClient, question: Message
) -> None:
    where = await start(client, question)
    fake.clock.advance(200)
    await client.chat_appendStream(**where, markdown_text=" two")
    with pytest.raises(SlackApiError) as busy:
        await client.chat_update(**where, text="all")
    assert error_of(busy) == "streaming_state_conflict"
    fake.clock.advance(101)
    for attempt in (client.chat_appendStream(**where, markdown_text="!"), client.chat_stopStream(**where)):
        with pytest.raises(SlackApiError) as late:
            await attempt
        assert error_of(late) == "message_not_in_streaming_state"
    assert fake.ledger.unfinished == fake.answers()
    await client.chat_update(**where, markdown_text="One two three")
    assert fake.ledger.unfinished == []
    assert fake.answers()[0].content == "One two three"


async def test_a_stream_may_end_sooner_when_nothing_comes(
    fake: FakeSlack, client: AsyncWebClient, question: Message
) -> None:
    fake.world.stream_rules.idle_s = 30
    where = await start(client, question)
    fake.clock.advance(20)
    await client.chat_appendStream(**where, markdown_text=" two")
    fake.clock.advance(31)
    with pytest.raises(SlackApiError) as late:
        await client.chat_stopStream(**where)
    assert error_of(late) == "message_not_in_streaming_state"


async def test_a_person_stops_a_stream(fake: FakeSlack, client: AsyncWebClient, ada: Person, question: Message) -> None:
    where = await start(client, question)
    await ada.stop(question)
    with pytest.raises(SlackApiError) as stopped:
        await client.chat_appendStream(**where, markdown_text=" two")
    assert error_of(stopped) == "stopped_by_user"
    assert fake.answers()[0].content == "One"
    assert fake.ledger.unfinished == []
    with pytest.raises(LookupError):
        await ada.stop(question)


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({}, "no_text"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"chunks": [{"type": "markdown_text"}]}, "invalid_chunks"),
        ({"chunks": [{"type": "task_update", "id": "1", "title": "t", "status": "completed"}]}, "invalid_chunks"),
        ({"chunks": [{"type": "blocks", "blocks": [{"type": "nonsense"}]}]}, "invalid_blocks"),
        ({"markdown_text": "# h\n\ntext\n\n" * 30}, "msg_blocks_too_many"),
        ({"markdown_text": "x" * 12_000}, "msg_blocks_too_long"),
    ],
)
async def test_what_an_append_refuses_changes_nothing(
    fake: FakeSlack, client: AsyncWebClient, question: Message, args: dict[str, Any], error: str
) -> None:
    where = await start(client, question, "x" * 2_000)
    with pytest.raises(SlackApiError) as refused:
        await client.api_call("chat.appendStream", json=where | args)
    assert error_of(refused) == error
    assert fake.answers()[0].content == "x" * 2_000


async def test_only_a_stream_of_this_app_goes_on(fake: FakeSlack, client: AsyncWebClient, question: Message) -> None:
    posted = await client.chat_postMessage(channel=question.channel.id, text="whole")
    with pytest.raises(SlackApiError) as whole:
        await client.chat_appendStream(channel=posted["channel"], ts=posted["ts"], markdown_text="!")
    assert error_of(whole) == "message_not_in_streaming_state"
    with pytest.raises(SlackApiError) as foreign:
        await client.chat_appendStream(channel=question.channel.id, ts=question.ts, markdown_text="!")
    assert error_of(foreign) == "message_not_owned_by_app"
    with pytest.raises(SlackApiError) as missing:
        await client.chat_stopStream(channel=question.channel.id, ts="1.000000")
    assert error_of(missing) == "message_not_found"
    assert fake.answers()[0].content == "whole"


async def test_a_workspace_may_start_twenty_streams_a_minute(
    fake: FakeSlack, client: AsyncWebClient, question: Message
) -> None:
    for _ in range(20):
        await start(client, question)
    with pytest.raises(SlackApiError) as refused:
        await start(client, question)
    assert refused.value.response.status_code == 429
    assert 0 < int(refused.value.response.headers["Retry-After"]) <= 60
    assert fake.ledger.rate_limit_faults == []
    with pytest.raises(SlackApiError):
        await start(client, question)
    assert len(fake.ledger.rate_limit_faults) == 1
    fake.clock.advance(61)
    await start(client, question)
    fake.rate_limits.limits["chat.startStream"] = Limit(1_000)
    await start(client, question)


async def test_a_mention_cut_in_two_notifies_and_its_links_are_not_previewed(
    fake: FakeSlack, client: AsyncWebClient, ada: Person, question: Message
) -> None:
    where = await start(client, question, f"<!chan https://a.example {ada.mention[:4]}")
    assert fake.ledger.pings == []
    await client.chat_appendStream(**where, chunks=[MarkdownTextChunk(text=ada.mention[4:])])
    assert [(ping.kind, ping.target) for ping in fake.ledger.pings] == [("user", ada.id)]
    assert fake.ledger.unfurls == []
    fake.world.stream_rules.unfurls = True
    await client.chat_stopStream(**where, markdown_text=" <!channel>")
    assert [ping.target for ping in fake.ledger.pings] == [ada.id, "channel"]
    assert [unfurl.url for unfurl in fake.ledger.unfurls] == ["https://a.example"]
