"""What the real discord.py makes of messages that are no plain text, and of changes that are no edits."""

import discord
import pytest

from tests.fakes.discord import ApiError, Channel, FakeDiscord, FakeGuild, Permission, Person, RecordingClient, running


@pytest.fixture
def ada(fake: FakeDiscord, guild: FakeGuild) -> Person:
    person = fake.add_user("ada")
    guild.add_member(person, guild.add_role("mods", Permission.MANAGE_MESSAGES))
    return person


async def last_heard(fake: FakeDiscord, bot: RecordingClient, count: int) -> discord.Message:
    """The newest of so many messages that the client was told of."""
    await fake.wait_for(lambda: len(bot.seen("message")) == count)
    found = bot.seen("message")[-1]
    assert isinstance(found, discord.Message)
    return found


async def test_a_forward_has_no_text_but_a_copy_of_what_was_forwarded(
    fake: FakeDiscord, guild: FakeGuild, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    elsewhere = guild.add_text_channel("elsewhere")
    original = await ada.say(channel, "lemons are **blue**", files=[("a.txt", "text/plain", b"lime")])
    forwarded = await ada.forward(original, elsewhere)
    heard = await last_heard(fake, bot, 2)
    assert (heard.type, heard.content) == (discord.MessageType.default, "")
    assert heard.reference is not None
    assert heard.reference.type is discord.MessageReferenceType.forward
    assert (heard.reference.channel_id, heard.reference.message_id) == (channel.id, original.id)
    assert heard.reference.resolved is None
    (snapshot,) = heard.message_snapshots
    assert snapshot.content == "lemons are **blue**"
    assert [attachment.filename for attachment in snapshot.attachments] == ["a.txt"]
    assert heard.flags.forwarded
    assert fake.ledger.pings == []
    fetched = await heard.channel.fetch_message(forwarded.id)
    assert fetched.message_snapshots[0].content == snapshot.content
    with pytest.raises(ApiError, match="50005"):
        await ada.edit(forwarded, "mine")


async def test_who_cannot_read_a_message_cannot_forward_it(
    fake: FakeDiscord, guild: FakeGuild, channel: Channel, ada: Person
) -> None:
    original = await ada.say(channel, "secret")
    bob = fake.add_user("bob")
    guild.overwrite(channel, bob, deny=Permission.VIEW_CHANNEL)
    with pytest.raises(ApiError, match="50001"):
        await bob.forward(original, guild.add_text_channel("elsewhere"))


async def test_a_poll_and_a_sticker_come_without_text(
    fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    await ada.poll(channel, "Which fruit?", "lemon", "lime")
    poll = (await last_heard(fake, bot, 1)).poll
    assert poll is not None
    assert (poll.question, [answer.text for answer in poll.answers]) == ("Which fruit?", ["lemon", "lime"])
    await ada.sticker(channel, "Wave")
    heard = await last_heard(fake, bot, 2)
    assert (heard.content, [sticker.name for sticker in heard.stickers]) == ("", ["Wave"])
    with pytest.raises(ApiError, match="50035"):
        await ada.poll(channel, "Nothing to choose from?")


async def test_a_webhook_may_say_nothing_but_embeds(fake: FakeDiscord, channel: Channel, bot: RecordingClient) -> None:
    await fake.webhook_says(channel, embeds=[{"type": "rich", "title": "Build failed", "description": "line 3"}])
    heard = await last_heard(fake, bot, 1)
    assert (heard.content, heard.embeds[0].title, heard.embeds[0].description) == ("", "Build failed", "line 3")
    assert heard.webhook_id == heard.author.id


async def test_a_preview_is_an_update_without_an_edit(
    fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    message = await ada.say(channel, "see https://lemon.example")
    await fake.preview(message, title="Lemons", url="https://lemon.example")
    await fake.wait_for(lambda: bot.seen("raw_message_edit"))
    update = bot.seen("raw_message_edit")[0].message
    assert (update.content, update.edited_at, update.embeds[0].title) == (message.content, None, "Lemons")
    assert message.edited_at is None


async def test_a_pin_is_an_update_a_new_state_of_the_channel_and_a_line_by_discord(
    fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    message = await ada.say(channel, "keep this")
    await ada.edit(message, "keep that")
    await ada.pin(message)
    await fake.wait_for(lambda: bot.seen("guild_channel_pins_update"))
    edit, update = (payload.message for payload in bot.seen("raw_message_edit"))
    assert (edit.pinned, update.pinned) == (False, True)
    assert update.edited_at == edit.edited_at is not None
    line = await last_heard(fake, bot, 2)
    assert (line.type, line.content, line.is_system()) == (discord.MessageType.pins_add, "", True)
    assert line.reference is not None
    assert line.reference.message_id == message.id
    await ada.unpin(message)
    await fake.wait_for(lambda: len(bot.seen("raw_message_edit")) == 3)
    assert not bot.seen("raw_message_edit")[-1].message.pinned
    assert len(bot.seen("message")) == 2
    with pytest.raises(ApiError, match="50013"):
        await fake.add_user("bob").pin(message)


async def test_threads_are_announced_by_lines_of_discord(
    fake: FakeDiscord, guild: FakeGuild, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    thread = await ada.open_thread(channel, "Citrus")
    line = await last_heard(fake, bot, 1)
    assert (line.type, line.content, line.channel.id) == (discord.MessageType.thread_created, "Citrus", channel.id)
    assert line.reference is not None
    assert line.reference.channel_id == thread.id
    message = await ada.say(channel, "limes")
    await ada.open_thread(message, "Limes")
    starter = await last_heard(fake, bot, 3)
    assert (starter.type, starter.content) == (discord.MessageType.thread_starter_message, "")
    assert isinstance(starter.reference and starter.reference.resolved, discord.Message)
    await ada.open_thread(guild.add_forum("help"), "Post", "its first message")
    assert (await last_heard(fake, bot, 4)).content == "its first message"


async def test_without_the_content_intent_none_of_this_can_be_read(
    fake: FakeDiscord, channel: Channel, ada: Person
) -> None:
    fake.world.application.privileged_intents = 0
    intents = discord.Intents(guilds=True, guild_messages=True)
    async with running(fake, RecordingClient(intents)) as bot:
        original = await ada.say(channel, "secret")
        await ada.forward(original, channel)
        assert (await last_heard(fake, bot, 2)).message_snapshots == []
        await ada.poll(channel, "secret?", "yes")
        assert (await last_heard(fake, bot, 3)).poll is None
