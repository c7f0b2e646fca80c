"""Agents and files: statuses, prompts, sessions and stop buttons; private addresses, and who is given the token."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import Channel, FakeSlack, Person, running
from tests.fakes.slack.tests.conftest import error_of


async def test_a_status_lasts_until_it_is_cleared_or_two_minutes(
    fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient
) -> None:
    question = await ada.say(channel, "why?")
    where: dict[str, Any] = {"channel_id": channel.id, "thread_ts": question.ts}
    await client.assistant_threads_setStatus(**where, status="is thinking…", loading_messages=["one", "two"])
    assert fake.ledger.status(channel.id, question.ts) == "is thinking…"
    assert fake.ledger.statuses[0].loading_messages == ("one", "two")
    fake.clock.advance(121)
    assert fake.ledger.status(channel.id, question.ts, fake.clock.now()) == ""
    await client.assistant_threads_setStatus(**where, status="")
    assert fake.ledger.status(channel.id, question.ts) == ""
    with pytest.raises(SlackApiError) as missing:
        await client.assistant_threads_setStatus(channel_id=channel.id, thread_ts="1.000001", status="x")
    assert error_of(missing) == "invalid_thread_ts"


async def test_the_agent_view(fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient) -> None:
    async with running(fake) as app:
        await ada.open_home("messages")
        await ada.look_at(channel)
        question = await ada.dm("why?")
        await fake.wait_for(lambda: len(app.bodies) == 3)
    assert app.seen("app_home_opened")[0]["tab"] == "messages"
    assert app.seen("app_context_changed")[0]["context"]["entities"][0]["value"] == channel.id
    assert "thread_ts" not in app.seen("message")[0]
    prompts = [{"title": "Cake", "message": "Where is the cake?"}]
    await client.assistant_threads_setSuggestedPrompts(channel_id=ada.direct.id, prompts=prompts, title="Try")
    ignored: dict[str, Any] = {"channel_id": ada.direct.id, "thread_ts": question.ts, "prompts": prompts}
    await client.assistant_threads_setSuggestedPrompts(**ignored)
    assert [one.prompts for one in fake.ledger.prompts] == [(("Cake", "Where is the cake?"),)]
    await client.assistant_threads_setTitle(channel_id=ada.direct.id, thread_ts=question.ts, title="Cake")
    assert fake.ledger.titles[ada.direct.id, question.ts] == "Cake"
    with pytest.raises(LookupError):
        await ada.open_assistant()
    fake.app.agent = ""
    with pytest.raises(SlackApiError) as no_agent:
        await client.assistant_threads_setSuggestedPrompts(channel_id=ada.direct.id, prompts=prompts)
    assert error_of(no_agent) == "not_agent_app"


async def test_the_older_assistant_view(fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient) -> None:
    fake.app.agent = "assistant"
    async with running(fake) as app:
        root = await ada.open_assistant(channel)
        await ada.look_at(channel, root)
        await ada.dm("why?", thread=root)
        await fake.wait_for(lambda: len(app.bodies) == 3)
    started = app.seen("assistant_thread_started")[0]["assistant_thread"]
    assert (started["thread_ts"], started["context"]["channel_id"]) == (root.ts, channel.id)
    assert app.seen("assistant_thread_context_changed")[0]["assistant_thread"]["user_id"] == ada.id
    assert app.seen("message")[0]["thread_ts"] == root.ts
    prompts = [{"title": "Cake", "message": "Where is the cake?"}]
    where: dict[str, Any] = {"channel_id": ada.direct.id, "thread_ts": root.ts}
    await client.assistant_threads_setSuggestedPrompts(**where, prompts=prompts)
    assert fake.ledger.prompts[0].thread_ts == root.ts
    with pytest.raises(SlackApiError) as off:
        await client.agents_sessions_setStatus(**where, status="processing")
    assert error_of(off) == "feature_disabled"


async def test_a_session_has_a_stop_button_while_it_is_processed(
    fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient
) -> None:
    question = await ada.say(channel, "why?")
    where: dict[str, Any] = {"channel_id": channel.id, "thread_ts": question.ts}
    with pytest.raises(SlackApiError) as unknown:
        await client.agents_sessions_setStatus(**where, status="thinking")
    assert error_of(unknown) == "invalid_status"
    with pytest.raises(LookupError, match="stop button"):
        await ada.stop(question)
    async with running(fake) as app:
        await client.agents_sessions_setStatus(**where, status="processing", title="Why")
        stream = await client.chat_startStream(
            channel=channel.id,
            thread_ts=question.ts,
            markdown_text="Because",
            recipient_user_id=ada.id,
            recipient_team_id=ada.team.id,
        )
        await ada.stop(question)
        await fake.wait_for(lambda: app.seen("agent_session_stopped"))
    told = app.seen("agent_session_stopped")[0]
    assert (told["thread_ts"], told["streaming_message_ts"]) == (question.ts, [stream["ts"]])
    await client.agents_sessions_setStatus(**where, status="active")
    assert fake.ledger.sessions[channel.id, question.ts] == ["processing", "active"]


async def get(url: str, token: str = "") -> tuple[str, bytes]:
    """Media type and body."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.content_type, await response.read()


async def test_a_private_file_wants_the_token(
    fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient
) -> None:
    async with running(fake) as app:
        message = await ada.say(channel, "read this", files=[("notes.txt", "text/plain", b"cake")])
        await fake.wait_for(lambda: app.seen("message"))
    told = app.seen("message")[0]
    assert (told["subtype"], told["files"][0]["filetype"], told["files"][0]["size"]) == ("file_share", "text", 4)
    url = told["files"][0]["url_private"]
    assert await get(url, fake.settings.bot_token) == ("text/plain", b"cake")
    assert await get(told["files"][0]["url_private_download"], fake.settings.bot_token) == ("text/plain", b"cake")
    for token in ("", "xoxb-wrong"):
        kind, page = await get(url, token)
        assert kind == "text/html"
        assert b"sign in" in page
    assert (await client.files_info(file=message.files[0].id))["file"]["name"] == "notes.txt"
    fake.team.installation.scopes -= {"files:read"}
    assert (await get(url, fake.settings.bot_token))[0] == "text/html"
    assert len(fake.files.downloads) == 2


async def test_another_host_keeps_the_tokens_it_is_sent(fake: FakeSlack, ada: Person) -> None:
    linked = ada.upload(("x.txt", "text/plain", b""), external_url=f"{fake.foreign.url}/x.txt")
    assert linked.external_url is not None
    await get(linked.external_url, "secret")
    assert fake.foreign.authorizations == ["Bearer secret"]
    assert fake.foreign.requests == ["/x.txt"]


async def test_an_app_uploads_a_file(fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient) -> None:
    question = await ada.say(channel, "why?")
    await client.files_upload_v2(
        channel=channel.id, thread_ts=question.ts, filename="answer.md", content="# Why", initial_comment="Here"
    )
    (record,) = fake.answers(thread=question)
    assert (record.content, record.revisions[-1].files) == ("Here", ("answer.md",))
    assert fake.message(record).files[0].content == b"# Why"
