"""The real discord.py sends, edits, deletes and reads messages on the fake."""

import discord
import pytest

from tests.fakes.discord import Channel, FakeDiscord, Intent, Limit, Person, RecordingClient, running

NOBODY = discord.AllowedMentions.none()


def place(bot: RecordingClient, channel: Channel) -> discord.TextChannel:
    found = bot.get_channel(channel.id)
    assert isinstance(found, discord.TextChannel)
    return found


async def test_a_mention_is_answered_by_reply_and_edit(
    fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    question = await ada.say(channel, f"{fake.bot.mention} hi")
    await fake.wait_for(lambda: bot.seen("message"))
    (heard,) = bot.seen("message")
    assert heard.content == question.content
    assert bot.user in heard.mentions
    assert isinstance(heard.author, discord.Member)
    answer = await heard.reply("…", allowed_mentions=NOBODY)
    await answer.edit(content="Hello.")
    (record,) = fake.answers(channel)
    assert record.contents == ["…", "Hello."]
    assert fake.message(record).reference is not None
    assert [ping.author_id for ping in fake.ledger.pings] == [ada.id]
    assert fake.ledger.invalid_requests == []
    assert fake.ledger.transcript(channel.id) == f"ada: {question.content}\nGLaDOS: Hello."


async def test_an_enforced_nonce_makes_a_resend_return_the_first_message(
    fake: FakeDiscord, channel: Channel, bot: RecordingClient
) -> None:
    first = await place(bot, channel).send("one", nonce="job-1")
    assert (await place(bot, channel).send("one again", nonce="job-1")).id == first.id
    assert (await place(bot, channel).send("two", nonce="job-2")).id != first.id
    fake.clock.advance(301)
    assert (await place(bot, channel).send("much later", nonce="job-1")).id != first.id
    assert [record.content for record in fake.answers()] == ["one", "two", "much later"]


@pytest.mark.parametrize(
    ("content", "code"), [("x" * 2000, None), ("x" * 2001, 50035), ("😀" * 2000, None), (" ", 50006)]
)
async def test_the_length_is_counted_in_code_points(
    channel: Channel, bot: RecordingClient, content: str, code: int | None
) -> None:
    if code is None:
        assert (await place(bot, channel).send(content)).content == content
        return
    with pytest.raises(discord.HTTPException) as refused:
        await place(bot, channel).send(content)
    assert (refused.value.status, refused.value.code) == (400, code)


async def test_what_is_gone_is_unknown(fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient) -> None:
    mine = await place(bot, channel).send("soon gone")
    await mine.delete()
    for attempt in (mine.edit(content="?"), mine.delete(), place(bot, channel).fetch_message(mine.id)):
        with pytest.raises(discord.NotFound) as missing:
            await attempt
        assert missing.value.code == 10008
    with pytest.raises(discord.NotFound) as missing:
        await bot.fetch_channel(1)
    assert missing.value.code == 10003
    assert fake.ledger.of(mine.id).deleted_at is not None
    question = await ada.say(channel, "?")
    await ada.edit(question, "??")
    await ada.delete(question)
    await fake.wait_for(lambda: len(bot.seen("raw_message_delete")) == 2)
    assert bot.seen("raw_message_edit")[-1].message.content == "??"
    with pytest.raises(discord.HTTPException, match="Unknown message"):
        await place(bot, channel).send("late", reference=discord.MessageReference(message_id=question.id, channel_id=1))
    lenient = discord.MessageReference(message_id=question.id, channel_id=channel.id, fail_if_not_exists=False)
    assert (await place(bot, channel).send("late", reference=lenient)).reference is None


async def test_history_pages_in_every_direction(
    fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    said = [await ada.say(channel, f"line {number}") for number in range(120)]
    text = place(bot, channel)
    assert [one.id async for one in text.history(limit=None)] == [one.id for one in reversed(said)]
    after = [one.content async for one in text.history(after=discord.Object(said[110].id), limit=3)]
    assert after == ["line 111", "line 112", "line 113"]
    before = [one.content async for one in text.history(before=discord.Object(said[2].id))]
    assert before == ["line 1", "line 0"]
    around = [one.content async for one in text.history(around=discord.Object(said[50].id), limit=3)]
    assert sorted(around) == ["line 49", "line 50", "line 51"]
    assert (await text.fetch_message(said[7].id)).content == "line 7"
    assert fake.ledger.invalid_requests == []


async def test_without_the_content_intent_only_what_is_meant_for_the_bot_is_readable(
    fake: FakeDiscord, channel: Channel, ada: Person
) -> None:
    blind = RecordingClient(discord.Intents(guilds=True, guild_messages=True, dm_messages=True))
    fake.world.application.privileged_intents = int(Intent(0))
    async with running(fake, blind):
        await ada.say(channel, "secret")
        await ada.say(channel, f"{fake.bot.mention} open")
        mine = await place(blind, channel).send("mine")
        await ada.say(channel, "reply", reply_to=channel.messages[mine.id])
        await ada.say(channel, "quiet reply", reply_to=channel.messages[mine.id], pings=False)
        await ada.dm("direct")
        await fake.wait_for(lambda: len(blind.seen("message")) == 6)
        assert [message.content for message in blind.seen("message")] == [
            "", f"{fake.bot.mention} open", "mine", "reply", "", "direct",
        ]  # fmt: skip
        (first,) = [one async for one in place(blind, channel).history(oldest_first=True, limit=1)]
        assert first.content == ""


async def test_direct_messages_work_both_ways_until_they_are_closed(
    fake: FakeDiscord, ada: Person, bot: RecordingClient
) -> None:
    await ada.dm("hello")
    await fake.wait_for(lambda: bot.seen("message"))
    heard = bot.seen("message")[0]
    assert isinstance(heard.channel, discord.DMChannel)
    await heard.channel.send("hello you")
    user = await bot.fetch_user(ada.id)
    await user.send("again")
    assert [record.content for record in fake.answers()] == ["hello you", "again"]
    ada.dms_closed = True
    with pytest.raises(discord.Forbidden) as closed:
        await user.send("?")
    assert closed.value.code == 50007


async def test_the_ledger_knows_who_was_pinged_and_what_was_unfurled(
    fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    text = f"@everyone {ada.mention} `{ada.mention}` https://a.example <https://b.example> [c](https://c.example)"
    await place(bot, channel).send(text, allowed_mentions=NOBODY, suppress_embeds=True)
    assert (fake.ledger.pings, fake.ledger.unfurls) == ([], [])
    only_ada = discord.AllowedMentions(everyone=False, users=[discord.Object(ada.id)], roles=False)
    await place(bot, channel).send(text, allowed_mentions=only_ada, suppress_embeds=True)
    assert [(ping.kind, ping.target) for ping in fake.ledger.pings] == [("user", str(ada.id))]
    loud = await place(bot, channel).send("calm")
    await loud.edit(content=text)
    assert [(ping.kind, ping.by_edit) for ping in fake.ledger.pings[1:]] == [("user", True), ("everyone", True)]
    assert [unfurl.url for unfurl in fake.ledger.unfurls] == ["https://a.example", "https://c.example"]


async def test_reactions_and_typing(fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient) -> None:
    mine = await place(bot, channel).send("rate me")
    await mine.add_reaction("👍")
    await ada.react(channel.messages[mine.id], "👍")
    await ada.unreact(channel.messages[mine.id], "👍")
    await fake.wait_for(lambda: bot.seen("raw_reaction_remove"))
    assert [str(event.emoji) for event in bot.seen("raw_reaction_add")] == ["👍", "👍"]
    assert bot.seen("raw_reaction_add")[1].user_id == ada.id
    assert (await place(bot, channel).fetch_message(mine.id)).reactions[0].me
    async with place(bot, channel).typing():
        assert [where for _, where in fake.ledger.typing] == [channel.id]


async def test_files_travel_both_ways_and_their_addresses_expire(
    fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    await ada.say(channel, "read this", files=[("notes.txt", "text/plain; charset=utf-8", b"cake")])
    await fake.wait_for(lambda: bot.seen("message"))
    (attachment,) = bot.seen("message")[0].attachments
    assert (attachment.filename, attachment.size) == ("notes.txt", 4)
    assert await attachment.read() == b"cake"
    fake.clock.advance(25 * 3600)
    with pytest.raises(discord.NotFound):
        await attachment.read()
    answer = await place(bot, channel).send("done", file=discord.File(__file__, filename="me.py"))
    assert await answer.attachments[0].read() == fake.message(fake.answers()[0]).attachments[0].content


async def test_moderation_and_old_placeholders_refuse(
    fake: FakeDiscord, channel: Channel, ada: Person, bot: RecordingClient
) -> None:
    assert channel.guild is not None
    channel.guild.blocked_words.add("neurotoxin")
    fake.world.harmful_links.add("https://bad.example")
    for text, code in [("free neurotoxin", 200000), ("see https://bad.example/x", 240000)]:
        with pytest.raises(discord.HTTPException) as blocked:
            await place(bot, channel).send(text)
        assert blocked.value.code == code
    theirs = await ada.say(channel, "mine")
    with pytest.raises(discord.Forbidden) as foreign:
        await place(bot, channel).get_partial_message(theirs.id).edit(content="?")
    assert foreign.value.code == 50005


async def test_an_old_message_takes_few_edits(fake: FakeDiscord, channel: Channel, bot: RecordingClient) -> None:
    mine = await place(bot, channel).send("…")
    fake.world.late_edits = Limit(3, 0.3)
    fake.rate_limits.limits["edit"] = Limit(100, 5.0)
    fake.clock.advance(3601)
    for number in range(3):
        await mine.edit(content=str(number))
    await mine.edit(content="late")  # discord.py waits, and tries again
    assert [request.limited_by for request in fake.ledger.requests].count("resource") == 1
    assert fake.answers()[0].contents == ["…", "0", "1", "2", "late"]
    assert fake.ledger.rate_limit_faults == []


async def test_others_that_no_bot_should_answer(fake: FakeDiscord, channel: Channel, bot: RecordingClient) -> None:
    other = fake.add_user("wheatley", bot=True)
    await other.say(channel, f"{fake.bot.mention} from a bot")
    await fake.webhook_says(channel, f"{fake.bot.mention} from a webhook")
    await fake.wait_for(lambda: len(bot.seen("message")) == 2)
    by_bot, by_hook = bot.seen("message")
    assert by_bot.author.bot
    assert by_hook.webhook_id is not None
