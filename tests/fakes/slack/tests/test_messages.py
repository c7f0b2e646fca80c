"""The real slack_sdk posts, edits, deletes and reads messages on the fake, and slack_bolt hears what people write."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import Channel, FakeSlack, Person, RecordingApp
from tests.fakes.slack.tests.conftest import error_of


async def test_a_mention_is_told_twice_with_one_timestamp_and_answered_in_its_thread(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    question = await ada.say(channel, f"{fake.bot.mention} is 1 < 2 & why? https://a.example/?x=1&y=2")
    await fake.wait_for(lambda: len(app.bodies) == 2)
    (message,), (mention,) = app.seen("message"), app.seen("app_mention")
    assert message["text"] == (f"{fake.bot.mention} is 1 &lt; 2 &amp; why? <https://a.example/?x=1&amp;y=2>")
    assert (message["ts"], message["client_msg_id"]) == (mention["ts"], mention["client_msg_id"])
    assert "thread_ts" not in message
    assert message["blocks"][0]["elements"][0]["elements"][1] == {"type": "text", "text": " is 1 < 2 & why? "}
    first, second = app.bodies
    assert first["event_id"] != second["event_id"]
    assert first["authorizations"][0]["user_id"] == fake.bot.id
    await app.client.chat_postMessage(channel=channel.id, text="Because &lt;so&gt;.", thread_ts=question.ts)
    (record,) = fake.answers(thread=question)
    assert record.content == "Because <so>."
    assert [ping.author_id for ping in fake.ledger.pings] == [ada.id]
    assert fake.ledger.transcript(channel.id) == (
        "ada: @GLaDOS is 1 < 2 & why? https://a.example/?x=1&y=2\n  GLaDOS: Because <so>."
    )


async def test_the_kind_of_place_decides_which_events_come(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    secret = fake.team.add_channel("secret", private=True)
    group = fake.team.add_group(ada)
    outside = fake.add_channel("outside", with_bot=False)
    for place in (channel, secret, group, outside):
        await ada.say(place, f"{fake.bot.mention} {place.name}")
    await ada.dm(f"{fake.bot.mention} direct")
    await fake.wait_for(lambda: len(app.bodies) == 7)
    assert [event["channel_type"] for event in app.seen("message")] == ["channel", "group", "mpim", "im"]
    assert [event["channel"] for event in app.seen("app_mention")] == [channel.id, secret.id, group.id]
    fake.app.events -= {"message.channels"}
    fake.team.installation.scopes -= {"groups:history"}
    for place in (channel, secret, group):
        await ada.say(place, "again")
    await fake.wait_for(lambda: len(app.bodies) == 8)
    assert app.seen("message")[-1]["channel"] == group.id


async def test_edits_and_deletions_are_told_as_slack_tells_them(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    question = await ada.say(channel, "why?")
    await ada.edit(question, f"{fake.bot.mention} why not?")
    await fake.wait_for(lambda: app.seen("app_mention"))
    changed = app.seen("message")[-1]
    assert (changed["subtype"], changed["hidden"]) == ("message_changed", True)
    assert changed["previous_message"]["text"] == "why?"
    assert changed["message"]["edited"]["user"] == ada.id
    assert app.seen("app_mention")[0]["edited"]["user"] == ada.id
    await ada.edit(question, f"{fake.bot.mention} why not now?")
    await app.client.chat_postMessage(channel=channel.id, text="x", thread_ts=question.ts)
    reply = await ada.say(channel, "reply", thread=question)
    await ada.delete(reply)
    await ada.delete(question)
    await fake.wait_for(lambda: app.seen("message")[-1].get("message", {}).get("subtype") == "tombstone")
    assert len(app.seen("app_mention")) == 1
    deleted = next(event for event in app.seen("message") if event.get("subtype") == "message_deleted")
    assert (deleted["deleted_ts"], deleted["previous_message"]["thread_ts"]) == (reply.ts, question.ts)
    assert fake.ledger.of(question).deleted_at is not None


async def test_own_and_foreign_bots_carry_their_bot_id(
    fake: FakeSlack, channel: Channel, app: RecordingApp, ada: Person
) -> None:
    wheatley = fake.team.add_bot("wheatley")
    said = await wheatley.say(channel, f"{fake.bot.mention} hello")
    await fake.wait_for(lambda: len(app.seen("message")) == 1)
    heard = app.seen("message")[0]
    assert heard["bot_id"] == wheatley.bot_id
    assert "client_msg_id" not in heard
    await app.client.chat_postMessage(channel=channel.id, text="hi", thread_ts=said.ts, reply_broadcast=True)
    await fake.wait_for(lambda: len(fake.ledger.deliveries) == 3)
    # slack_bolt leaves out what its own bot says; this app's middleware stands behind that.
    assert len(app.seen("message")) == 1
    assert [one.content for one in fake.answers()] == ["hi"]
    assert fake.answers()[0].broadcast
    assert [one.author.name for one in fake.ledger.messages.values()] == ["wheatley", "GLaDOS"]
    assert ada.name not in fake.ledger.transcript(channel.id)


async def test_a_broadcast_reply_shows_its_root(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    question = await ada.say(channel, "why?", client_msg_id="same")
    await ada.say(channel, "listen!", thread=question, broadcast=True, client_msg_id="same")
    await fake.wait_for(lambda: len(app.bodies) == 2)
    told = app.seen("message")[1]
    assert (told["subtype"], told["root"]["ts"]) == ("thread_broadcast", question.ts)
    assert told["client_msg_id"] == app.seen("message")[0]["client_msg_id"] == "same"


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({}, "no_text"),
        ({"text": "  "}, "no_text"),
        ({"text": "x", "thread_ts": "1.000001"}, "cannot_reply_to_message"),
        ({"markdown_text": "x", "text": "y"}, "markdown_text_conflict"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"blocks": "nonsense"}, "invalid_blocks_format"),
        ({"text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"text": "x", "channel": "C404"}, "channel_not_found"),
    ],
)
async def test_what_a_post_refuses(
    fake: FakeSlack, channel: Channel, client: AsyncWebClient, args: dict[str, Any], error: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        await client.api_call("chat.postMessage", json={"channel": channel.id} | args)
    assert error_of(refused) == error
    assert fake.answers() == []


async def test_places_where_the_bot_may_not_write(
    fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient
) -> None:
    outside = fake.add_channel("outside", with_bot=False)
    hidden = fake.add_channel("hidden", private=True, with_bot=False)
    archived, closed = fake.add_channel("archived"), fake.add_channel("closed")
    archived.is_archived = True
    closed.refuses = "restricted_action_read_only_channel"
    places = {
        outside: "not_in_channel",
        hidden: "channel_not_found",
        archived: "is_archived",
        closed: "restricted_action_read_only_channel",
    }
    for place, error in places.items():
        with pytest.raises(SlackApiError) as refused:
            await client.chat_postMessage(channel=place.id, text="hi")
        assert error_of(refused) == error
    root = await ada.say(channel, "why?")
    channel.locked_threads.add(root.ts)
    with pytest.raises(SlackApiError) as locked:
        await client.chat_postMessage(channel=channel.id, text="hi", thread_ts=root.ts)
    assert error_of(locked) == "restricted_action_thread_locked"
    fake.app.messages_tab = False
    with pytest.raises(SlackApiError) as no_tab:
        await client.chat_postMessage(channel=ada.id, text="hi")
    assert error_of(no_tab) == "messages_tab_disabled"
    fake.app.messages_tab = True
    await client.chat_postMessage(channel=ada.id, text="hi")
    assert [one.channel_id for one in fake.answers()] == [ada.direct.id]


async def test_a_long_text_is_cut_into_messages_and_an_edit_refuses_it(
    fake: FakeSlack, channel: Channel, client: AsyncWebClient
) -> None:
    posted = await client.chat_postMessage(channel=channel.id, text="x" * 9_000)
    assert [len(one.content) for one in fake.answers()] == [4_000, 4_000, 1_000]
    with pytest.raises(SlackApiError) as refused:
        await client.chat_update(channel=channel.id, ts=posted["ts"], text="y" * 4_001)
    assert error_of(refused) == "msg_too_long"
    await client.chat_update(channel=channel.id, ts=posted["ts"], text="short")
    assert fake.answers()[0].contents == ["x" * 4_000, "short"]


async def test_only_own_messages_are_changed(
    fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient
) -> None:
    theirs = await ada.say(channel, "mine")
    for attempt, error in [
        (client.chat_update(channel=channel.id, ts=theirs.ts, text="?"), "cant_update_message"),
        (client.chat_delete(channel=channel.id, ts=theirs.ts), "cant_delete_message"),
        (client.chat_delete(channel=channel.id, ts="1.000001"), "message_not_found"),
    ]:
        with pytest.raises(SlackApiError) as refused:
            await attempt
        assert error_of(refused) == error
    own = await client.chat_postMessage(channel=channel.id, text="mine")
    link = await client.chat_getPermalink(channel=channel.id, message_ts=own["ts"])
    assert link["permalink"].endswith(own["ts"].replace(".", ""))
    await client.chat_delete(channel=channel.id, ts=own["ts"])
    assert fake.answers() == []


async def test_an_ephemeral_message_is_seen_by_one(
    fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient, app: RecordingApp
) -> None:
    told = await client.chat_postEphemeral(channel=channel.id, user=ada.id, text="psst")
    (record,) = fake.answers(channel)
    assert (record.visible_to, record.ts) == (ada.id, told["message_ts"])
    outsider = fake.add_user("bob")
    channel.members.remove(outsider.id)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postEphemeral(channel=channel.id, user=outsider.id, text="psst")
    assert error_of(refused) == "user_not_in_channel"
    with pytest.raises(SlackApiError) as gone:
        await client.chat_update(channel=channel.id, ts=told["message_ts"], text="?")
    assert error_of(gone) == "message_not_found"
    assert app.bodies == []


async def test_the_ledger_knows_who_was_pinged_and_what_was_unfurled(
    fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient
) -> None:
    fake.rate_limits.loosen()
    quiet: dict[str, Any] = {"channel": channel.id, "unfurl_links": False, "unfurl_media": False}
    inert = "&lt;!channel&gt; @channel https://a.example"
    await client.chat_postMessage(**quiet, text=inert)
    literal = {"type": "rich_text_section", "elements": [{"type": "text", "text": "<!channel> <@U1>"}]}
    posted = await client.chat_postMessage(**quiet, text="x", blocks=[{"type": "rich_text", "elements": [literal]}])
    assert (fake.ledger.pings, fake.ledger.unfurls) == ([], [])
    await client.chat_update(channel=channel.id, ts=posted["ts"], text=f"{ada.mention} <!subteam^S1|@all>")
    assert [(ping.kind, ping.target, ping.by_edit) for ping in fake.ledger.pings] == [
        ("user", ada.id, True), ("group", "S1", True),
    ]  # fmt: skip
    await client.chat_postMessage(channel=channel.id, text="@here", link_names=True)
    await client.chat_postMessage(**quiet, text="x", blocks=[{"type": "markdown", "text": "hi <!everyone>"}])
    named = {"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "channel"}]}
    await client.chat_postMessage(**quiet, text="x", blocks=[{"type": "rich_text", "elements": [named]}])
    assert [ping.target for ping in fake.ledger.pings[2:]] == ["here", "everyone", "channel"]
    await client.chat_postMessage(channel=channel.id, text="<https://b.example|safe>", unfurl_links=False)
    assert [unfurl.url for unfurl in fake.ledger.unfurls] == ["https://b.example"]
    assert fake.answers()[-1].content == "[safe](https://b.example)"


async def test_history_and_replies_page(fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient) -> None:
    roots = [await ada.say(channel, f"root {number}") for number in range(3)]
    said = [await ada.say(channel, f"reply {number}", thread=roots[1]) for number in range(5)]
    history = await client.conversations_history(channel=channel.id)
    assert [one["text"] for one in history["messages"]] == ["root 2", "root 1", "root 0"]
    assert history["messages"][1]["reply_count"] == 5
    first = await client.conversations_replies(channel=channel.id, ts=said[2].ts, limit=4)
    rest = await client.conversations_replies(
        channel=channel.id, ts=roots[1].ts, cursor=first["response_metadata"]["next_cursor"], limit=4
    )
    texts = [one["text"] for page in (first, rest) for one in page["messages"]]
    assert texts == ["root 1", *(f"reply {number}" for number in range(5))]
    newer = await client.conversations_replies(channel=channel.id, ts=roots[1].ts, oldest=said[3].ts)
    assert [one["text"] for one in newer["messages"]] == ["root 1", "reply 4"]
    with pytest.raises(SlackApiError) as missing:
        await client.conversations_replies(channel=channel.id, ts="1.000001")
    assert error_of(missing) == "thread_not_found"
    fake.restrict_history()
    fake.clock.advance(61)
    few = await client.conversations_history(channel=channel.id, limit=100)
    assert len(few["messages"]) == 3
    with pytest.raises(SlackApiError) as limited:
        await client.conversations_history(channel=channel.id)
    assert error_of(limited) == "ratelimited"


async def test_who_and_where(fake: FakeSlack, channel: Channel, ada: Person, client: AsyncWebClient) -> None:
    black_mesa = fake.add_team("Black Mesa")
    stranger, unknown = black_mesa.add_user("gordon"), black_mesa.add_user("gman")
    fake.team.share(channel, stranger)
    assert (await client.users_info(user=ada.id))["user"]["profile"]["display_name"] == "ada"
    for person, is_stranger in ((stranger, False), (unknown, True)):
        told = (await client.users_info(user=person.id))["user"]
        assert (told["team_id"], told["is_stranger"]) == (black_mesa.id, is_stranger)
    assert (await client.conversations_info(channel=channel.id))["channel"]["is_ext_shared"]
    assert stranger.id in (await client.conversations_members(channel=channel.id))["members"]
    direct = await client.conversations_open(users=[ada.id])
    assert direct["channel"]["id"] == ada.direct.id
    group = await client.conversations_open(users=[ada.id, stranger.id])
    assert fake.world.channels[group["channel"]["id"]].kind == "mpim"
    with pytest.raises(SlackApiError) as missing:
        await client.users_info(user="U404")
    assert error_of(missing) == "user_not_found"


async def test_the_language_of_a_person_is_told_to_who_asks_for_it(fake: FakeSlack, client: AsyncWebClient) -> None:
    bert = fake.add_user("bert", locale="de-DE")
    assert "locale" not in (await client.users_info(user=bert.id))["user"]
    assert (await client.users_info(user=bert.id, include_locale=True))["user"]["locale"] == "de-DE"
    bert.locale = ""
    assert "locale" not in (await client.users_info(user=bert.id, include_locale=True))["user"]


async def test_a_stranger_is_told_with_his_own_team(fake: FakeSlack, channel: Channel, app: RecordingApp) -> None:
    stranger = fake.add_team("Black Mesa").add_user("gordon")
    fake.team.share(channel, stranger)
    await stranger.say(channel, f"{fake.bot.mention} hello")
    await fake.wait_for(lambda: app.seen("app_mention"))
    body = app.bodies[-1]
    assert body["is_ext_shared_channel"] is True
    assert (body["team_id"], body["event"]["user_team"]) == (fake.team.id, stranger.team.id)


async def test_reactions(fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp) -> None:
    posted = await app.client.chat_postMessage(channel=channel.id, text="rate me")
    await app.client.reactions_add(channel=channel.id, timestamp=posted["ts"], name="eyes")
    with pytest.raises(SlackApiError) as twice:
        await app.client.reactions_add(channel=channel.id, timestamp=posted["ts"], name="eyes")
    assert error_of(twice) == "already_reacted"
    await ada.react(fake.message(fake.answers()[0]), "tada")
    await ada.unreact(fake.message(fake.answers()[0]), "tada")
    await fake.wait_for(lambda: app.seen("reaction_removed"))
    assert app.seen("reaction_added")[-1]["item"] == {"type": "message", "channel": channel.id, "ts": posted["ts"]}
    found = await app.client.conversations_history(channel=channel.id)
    assert found["messages"][0]["reactions"] == [{"name": "eyes", "users": [fake.bot.id], "count": 1}]


async def test_a_preview_changes_a_message_that_nobody_edited(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    question = await ada.say(channel, f"{fake.bot.mention} see https://a.example")
    await fake.preview(question, "https://a.example")
    await fake.wait_for(lambda: len(app.bodies) == 3)
    changed = app.seen("message")[-1]
    assert changed["subtype"] == "message_changed"
    assert "edited" not in changed["message"]
    assert changed["message"]["text"] == changed["previous_message"]["text"]
    assert len(app.seen("app_mention")) == 1


async def test_a_webhook_has_no_user(fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp) -> None:
    assert ada.id in channel.members
    await fake.webhook_says(channel, f"{fake.bot.mention} from a webhook")
    await fake.wait_for(lambda: len(app.bodies) == 2)
    heard = app.seen("message")[0]
    assert (heard["subtype"], heard["username"]) == ("bot_message", "hook")
    assert "user" not in heard


async def test_what_only_reads_takes_no_json(channel: Channel, ada: Person, client: AsyncWebClient) -> None:
    await ada.say(channel, "hi")
    with pytest.raises(SlackApiError) as failure:
        await client.api_call("conversations.history", json={"channel": channel.id})
    assert error_of(failure) == "invalid_arguments"
    read = await client.api_call("conversations.history", data={"channel": channel.id})
    assert [one["text"] for one in read["messages"]] == ["hi"]
