"""The real slack_bolt hears of messages that are no plain text, and of changes that are no edits."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from tests.fakes.slack import ApiError, Channel, FakeSlack, Person, RecordingApp


@pytest.fixture
def ada(fake: FakeSlack, channel: Channel) -> Person:
    assert channel.team is fake.team
    return fake.team.add_user("ada", real_name="Ada Lovelace")


async def heard(fake: FakeSlack, app: RecordingApp, count: int) -> list[dict[str, Any]]:
    """The events of messages, once there are so many."""
    await fake.wait_for(lambda: len(app.seen("message")) >= count)
    return app.seen("message")


async def test_a_shared_message_stands_in_an_attachment(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    elsewhere = fake.add_channel("elsewhere", with_bot=False)
    original = await ada.say(elsewhere, "1 < 2", files=[("a.txt", "text/plain", b"a")])
    root = await ada.say(channel, "look")
    await ada.share(channel, original, thread=root)
    await ada.share(channel, original, f"{fake.bot.mention} true?")
    _, bare, commented = await heard(fake, app, 3)
    (attachment,) = bare["attachments"]
    assert (bare["text"], bare["thread_ts"], "blocks" in bare) == ("", root.ts, False)
    assert (attachment["is_share"], attachment["is_msg_unfurl"]) == (True, True)
    assert (attachment["channel_id"], attachment["ts"]) == (elsewhere.id, original.ts)
    assert (attachment["author_id"], attachment["author_name"]) == (ada.id, "Ada Lovelace")
    assert attachment["text"] == "1 &lt; 2"
    assert attachment["text"] in attachment["fallback"]
    assert attachment["message_blocks"][0]["message"]["blocks"] == original.blocks
    assert attachment["from_url"].endswith(f"/archives/{elsewhere.id}/p{original.ts.replace('.', '')}")
    assert [file["name"] for file in attachment["files"]] == ["a.txt"]
    assert (commented["text"], commented["attachments"]) == (f"{fake.bot.mention} true?", [attachment])
    await fake.wait_for(lambda: app.seen("app_mention"))
    assert app.seen("app_mention")[0]["attachments"] == [attachment]


async def test_nobody_shares_what_they_do_not_see(fake: FakeSlack, channel: Channel, ada: Person) -> None:
    secret = fake.team.add_channel("secret", private=True)
    bob = fake.add_user("bob")
    hidden = await ada.say(secret, "psst")
    with pytest.raises(ApiError, match="message_not_found"):
        await bob.share(channel, hidden)
    await ada.delete(hidden)
    with pytest.raises(ApiError, match="message_not_found"):
        await ada.share(channel, hidden)


async def test_a_pasted_table_stands_in_the_attachments_and_not_in_the_text(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    rows = [["name", "home"], ["a & b", "https://a.example"]]
    await ada.paste_table(channel, rows, f"{fake.bot.mention} sum this up")
    (event,) = await heard(fake, app, 1)
    assert event["text"] == f"{fake.bot.mention} sum this up"
    ((table,),) = (attachment["blocks"] for attachment in event["attachments"])
    assert table["type"] == "table"
    head, (raw, rich) = table["rows"]
    assert head == [{"type": "raw_text", "text": "name"}, {"type": "raw_text", "text": "home"}]
    assert raw == {"type": "raw_text", "text": "a & b"}
    assert rich["type"] == "rich_text"
    assert rich["elements"][0]["elements"] == [{"type": "link", "url": "https://a.example"}]


async def test_a_monitoring_app_says_everything_in_a_legacy_attachment(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    sentry = fake.team.add_bot("sentry")
    fields = [{"title": "Host", "value": "web-1", "short": True}]
    await sentry.alert(channel, pretext="Production", title="Down", text="*No answer*", fields=fields)
    (event,) = await heard(fake, app, 1)
    assert (event["subtype"], event["bot_id"], event["text"]) == ("bot_message", sentry.bot_id, "")
    assert "user" not in event
    assert "blocks" not in event
    (attachment,) = event["attachments"]
    assert (attachment["pretext"], attachment["title"], attachment["fields"]) == ("Production", "Down", fields)
    assert attachment["fallback"] == attachment["text"] == "*No answer*"
    with pytest.raises(LookupError, match="no bot"):
        await ada.alert(channel, text="me too")


async def test_files_of_slack_connect_come_as_stubs_and_files_info_tells_the_rest(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    fake.world.telling.file_stubs = True
    stranger = fake.add_team("Elsewhere").add_user("eve")
    await ada.say(channel, "own", files=[("own.txt", "text/plain", b"own")])
    fake.team.share(channel, stranger)
    await stranger.say(channel, "see", files=[("a.txt", "text/plain", b"hello")])
    own, foreign = await heard(fake, app, 2)
    assert own["files"][0]["name"] == "own.txt"
    (stub,) = foreign["files"]
    assert (stub["mode"], stub["file_access"]) == ("file_access", "check_file_info")
    assert not {"name", "mimetype", "size", "url_private"} & stub.keys()
    told = await app.client.files_info(file=stub["id"])
    whole = told["file"]
    assert (whole["name"], whole["size"], whole["file_access"]) == ("a.txt", 5, "visible")
    assert whole["url_private"].startswith(fake.world.base_url)
    fake.team.installation.scopes -= {"files:read"}
    with pytest.raises(SlackApiError, match="missing_scope"):
        await app.client.files_info(file=stub["id"])


async def test_changes_can_come_without_what_was_before(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    question = await ada.say(channel, "why? https://a.example")
    fake.world.telling.leaves_out_before = True
    await fake.preview(question, "https://a.example")
    await ada.edit(question, "why not?")
    said, previewed, changed = await heard(fake, app, 3)
    assert {previewed["subtype"], changed["subtype"]} == {"message_changed"}
    assert "previous_message" not in previewed
    assert "previous_message" not in changed
    assert previewed["message"]["text"] == said["text"]
    assert previewed["message"]["attachments"]
    assert "edited" not in previewed["message"]
    assert (changed["message"]["text"], changed["message"]["edited"]["user"]) == ("why not?", ada.id)


async def test_a_pin_is_a_change_without_an_edit_an_event_and_a_line(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    question = await ada.say(channel, "why?")
    await ada.pin(question)
    said, changed, line = await heard(fake, app, 3)
    assert (changed["subtype"], changed["message"]["pinned_to"]) == ("message_changed", [channel.id])
    assert changed["message"]["text"] == changed["previous_message"]["text"] == said["text"]
    assert "pinned_to" not in changed["previous_message"]
    assert "edited" not in changed["message"]
    assert (line["subtype"], line["user"]) == ("pinned_item", ada.id)
    await fake.wait_for(lambda: app.seen("pin_added"))
    (added,) = app.seen("pin_added")
    assert (added["user"], added["channel_id"], added["pin_count"]) == (ada.id, channel.id, 1)
    assert added["item"]["message"]["ts"] == question.ts
    with pytest.raises(ApiError, match="already_pinned"):
        await ada.pin(question)
    await ada.unpin(question)
    await fake.wait_for(lambda: app.seen("pin_removed"))
    assert not app.seen("pin_removed")[0]["has_pins"]
    assert "pinned_to" not in (await heard(fake, app, 4))[3]["message"]
    with pytest.raises(ApiError, match="no_pin"):
        await ada.unpin(question)


async def test_what_people_say_of_themselves_has_a_subtype(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    await ada.me(channel, "yawns & stretches")
    (event,) = await heard(fake, app, 1)
    assert (event["subtype"], event["text"], event["user"]) == ("me_message", "yawns &amp; stretches", ada.id)
    assert "blocks" not in event


async def test_a_reply_can_be_told_of_at_its_root_too(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    fake.world.telling.replies = True
    root = await ada.say(channel, "why?")
    reply = await ada.say(channel, "because", thread=root)
    replied = (await heard(fake, app, 3))[2]
    assert (replied["subtype"], replied["hidden"], replied["channel"]) == ("message_replied", True, channel.id)
    assert (replied["message"]["ts"], replied["message"]["reply_count"]) == (root.ts, 1)
    assert replied["message"]["replies"] == [{"user": ada.id, "ts": reply.ts}]
    assert "user" not in replied


async def test_a_deleted_root_with_replies_becomes_a_tombstone_of_slack(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    root = await ada.paste_table(channel, [["1"]], "why?")
    await ada.say(channel, "because", thread=root)
    await ada.delete(root)
    change = (await heard(fake, app, 3))[2]
    left = change["message"]
    assert (change["subtype"], left["subtype"], left["user"]) == ("message_changed", "tombstone", "USLACKBOT")
    assert (left["text"], left["hidden"], left["reply_count"]) == ("This message was deleted.", True, 1)
    assert not {"blocks", "attachments", "files"} & left.keys()
    assert (change["previous_message"]["user"], change["previous_message"]["text"]) == (ada.id, "why?")
