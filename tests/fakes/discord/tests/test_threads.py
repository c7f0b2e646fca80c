"""The real discord.py opens, finds and uses threads on the fake, and is refused as on Discord."""

import discord
import pytest

from tests.fakes.discord import FakeDiscord, FakeGuild, Permission, Person, RecordingClient, running


@pytest.fixture
def ada(fake: FakeDiscord, guild: FakeGuild) -> Person:
    user = fake.add_user("ada")
    guild.add_member(user, guild.add_role("mods", Permission.MANAGE_THREADS))
    return user


async def heard(fake: FakeDiscord, bot: RecordingClient, text: str) -> discord.Message:
    """The message with this text, as the bot heard it."""
    await fake.wait_for(lambda: text in bot.texts, what=f"for {text!r}")
    found = [message for message in bot.seen("message") if message.content == text][-1]
    assert isinstance(found, discord.Message)
    return found


async def test_a_thread_on_a_message_has_its_id_and_carries_the_conversation(
    fake: FakeDiscord, guild: FakeGuild, ada: Person, bot: RecordingClient
) -> None:
    channel = guild.add_text_channel("general")
    question = await ada.say(channel, "why?")
    thread = await (await heard(fake, bot, "why?")).create_thread(name="Why", auto_archive_duration=60)
    assert thread.id == question.id
    await thread.send("because")
    place = fake.world.channels[thread.id]
    await ada.say(place, "really?")
    follow_up = await heard(fake, bot, "really?")
    assert isinstance(follow_up.channel, discord.Thread)
    assert follow_up.channel.parent_id == channel.id
    assert follow_up.channel.owner_id == fake.bot.id
    assert bot.seen("message")[1].type is discord.MessageType.thread_starter_message
    assert [record.content for record in fake.answers(place)] == ["because"]
    assert {member.id for member in await thread.fetch_members()} == {fake.bot.id, ada.id}


async def test_one_thread_a_message_and_a_limit_a_guild(
    fake: FakeDiscord, guild: FakeGuild, ada: Person, bot: RecordingClient
) -> None:
    channel = guild.add_text_channel("general")
    await ada.say(channel, "first")
    message = await heard(fake, bot, "first")
    await message.create_thread(name="one")
    guild.max_active_threads = 1
    await ada.say(channel, "second")
    for where, code in [(message, 160004), (await heard(fake, bot, "second"), 160006)]:
        with pytest.raises(discord.HTTPException) as refused:
            await where.create_thread(name="two")
        assert refused.value.code == code
    for name in ("", "x" * 101):
        guild.max_active_threads = 1000
        with pytest.raises(discord.HTTPException) as refused:
            await bot.http.start_thread_with_message(channel.id, message.id + 1, name=name, auto_archive_duration=60)
        assert refused.value.code in {50035, 10008}


async def test_where_threads_cannot_be(fake: FakeDiscord, guild: FakeGuild, ada: Person, bot: RecordingClient) -> None:
    voice, closed = guild.add_voice_channel("voice"), guild.add_text_channel("closed")
    guild.overwrite(closed, guild.everyone, deny=Permission.CREATE_PUBLIC_THREADS)
    await ada.dm("direct")
    await ada.say(voice, "spoken")
    await ada.say(closed, "no threads")
    for text, code in [("direct", 50024), ("spoken", 50024), ("no threads", 50013)]:
        message = await heard(fake, bot, text)
        with pytest.raises(discord.HTTPException) as refused:
            await bot.http.start_thread_with_message(message.channel.id, message.id, name="t", auto_archive_duration=60)
        assert refused.value.code == code


async def test_sending_wakes_an_archived_thread_but_not_a_locked_one(
    fake: FakeDiscord, guild: FakeGuild, ada: Person, bot: RecordingClient
) -> None:
    place = await ada.open_thread(guild.add_text_channel("general"), "talk", "in thread")
    thread = (await heard(fake, bot, "in thread")).channel
    mine = await thread.send("mine")
    await ada.change_thread(place, archived=True)
    await fake.wait_for(lambda: bot.seen("thread_update"))
    with pytest.raises(discord.Forbidden) as refused:
        await mine.edit(content="edited")
    assert refused.value.code == 50083
    await thread.send("awake")
    assert place.thread is not None
    assert not place.thread.archived
    await ada.change_thread(place, archived=True, locked=True)
    with pytest.raises(discord.Forbidden) as refused:
        await thread.send("locked out")
    assert refused.value.code == 160005
    await ada.delete_thread(place)
    await fake.wait_for(lambda: bot.seen("raw_thread_delete"))
    with pytest.raises(discord.NotFound) as gone:
        await thread.send("gone")
    assert gone.value.code == 10003


async def test_threads_have_their_own_send_permission(
    fake: FakeDiscord, guild: FakeGuild, ada: Person, bot: RecordingClient
) -> None:
    channel = guild.add_text_channel("general")
    guild.overwrite(channel, fake.bot, deny=Permission.SEND_MESSAGES_IN_THREADS)
    await ada.open_thread(channel, "talk", "in thread")
    message = await heard(fake, bot, "in thread")
    with pytest.raises(discord.Forbidden) as refused:
        await message.channel.send("no")
    assert refused.value.code == 50013


async def test_forum_posts_from_both_sides(
    fake: FakeDiscord, guild: FakeGuild, ada: Person, bot: RecordingClient
) -> None:
    forum = guild.add_forum("help")
    post = await ada.open_thread(forum, "How?", f"{fake.bot.mention} how?")
    assert list(post.messages) == [post.id]
    message = await heard(fake, bot, f"{fake.bot.mention} how?")
    assert isinstance(message.channel, discord.Thread)
    await message.reply("so")
    place = bot.get_channel(forum.id)
    assert isinstance(place, discord.ForumChannel)
    made = await place.create_thread(name="News", content="first line")
    assert made.message.id == made.thread.id
    with pytest.raises(discord.HTTPException) as refused:
        await bot.http.send_message(forum.id, params=discord.http.handle_message_parameters("not here"))
    assert refused.value.code == 50008


async def test_private_threads_are_seen_by_their_members(
    fake: FakeDiscord, guild: FakeGuild, ada: Person, bot: RecordingClient
) -> None:
    thread = await ada.open_thread(guild.add_text_channel("general"), "secret", private=True)
    await ada.say(thread, "unheard")
    with pytest.raises(discord.Forbidden) as refused:
        await bot.fetch_channel(thread.id)
    assert refused.value.code == 50001
    await ada.add_to_thread(thread, fake.bot)
    await ada.say(thread, "heard")
    assert (await heard(fake, bot, "heard")).channel.id == thread.id
    assert "unheard" not in bot.texts
    assert bot.seen("thread_join")


async def test_the_bot_is_told_which_threads_it_is_a_member_of(
    fake: FakeDiscord, bot: RecordingClient, guild: FakeGuild, ada: Person
) -> None:
    channel = guild.add_text_channel("general")
    theirs = await ada.open_thread(channel, "between people")
    joined = await ada.open_thread(channel, "with the bot")
    await ada.add_to_thread(joined, fake.bot)
    await fake.wait_for(lambda: bot.seen("thread_join"))
    assert [thread.id for thread in bot.seen("thread_join") if thread.me] == [joined.id]
    await bot.close()
    async with running(fake) as again:
        threads = {thread.id: thread.me is not None for thread in again.guilds[0].threads}
    assert threads == {theirs.id: False, joined.id: True}


async def test_only_who_manages_threads_opens_a_locked_one_again(
    fake: FakeDiscord, bot: RecordingClient, guild: FakeGuild, ada: Person
) -> None:
    channel = guild.add_text_channel("general")
    await ada.say(channel, "hello")
    message = await heard(fake, bot, "hello")
    thread = await message.create_thread(name="mine")
    await ada.change_thread(fake.world.channels[thread.id], archived=True, locked=True)
    with pytest.raises(discord.Forbidden) as refused:
        await thread.edit(archived=False)
    assert refused.value.code == 50013
