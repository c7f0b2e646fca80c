"""Who is answered, where and about what."""

import pytest

from glados_bots.wording.sentence import say
from tests.discord.conftest import World, buttons
from tests.discord.sentences import beginning
from tests.fakes.discord import MessageRecord, Permission


async def test_messages_of_itself_of_bots_of_webhooks_and_of_discord_are_ignored(world: World) -> None:
    mention = world.fake.bot.mention
    async with world.bot() as bot:
        other = world.fake.add_user("other", bot=True)
        await other.say(world.channel, f"{mention} are you a bot, too?")
        await world.fake.webhook_says(world.channel, f"{mention} build failed")
        question = await world.ask()
        await world.answered(question)  # its own answer stands in its own thread, and nothing follows
        await world.quiet(bot)
    assert len(world.engine.asked) == 1
    assert world.said(world.channel) == []


async def test_a_message_that_is_delivered_twice_is_answered_once(world: World) -> None:
    async with world.bot() as bot:
        world.fake.gateway.repeat(2)
        question = await world.ask()
        await world.answered(question)
        await world.quiet(bot)
    assert len(world.engine.asked) == 1
    assert len(world.said(world.thread(question))) == 1


async def test_a_mention_may_be_of_the_user_the_nickname_the_role_or_by_a_reply(world: World) -> None:
    bot_id, role = world.fake.bot.id, world.guild.bot_role
    role.mentionable = True
    async with world.bot(answer_in="reply"):
        for text in (f"<@{bot_id}> one", f"<@!{bot_id}> two", f"{role.mention} three", f"and <@{bot_id}>, four?"):
            await world.ada.say(world.channel, text)
        await world.until(lambda: len(world.finished(world.channel)) == 4)
        answer = world.fake.message(world.finished(world.channel)[0])
        await world.bob.say(world.channel, "five", reply_to=answer)
        await world.until(lambda: len(world.finished(world.channel)) == 5)
    asked = [prompt[-1].removeprefix("bob: ") for prompt in world.prompts]
    assert sorted(asked) == ["and four?", "five", "one", "three", "two"]
    assert len(world.prompts[-1]) == 2  # a reply goes on with the conversation


async def test_everyone_is_nobody_in_particular(world: World) -> None:
    world.guild.set_permissions(world.guild.everyone, world.guild.everyone.permissions | Permission.MENTION_EVERYONE)
    async with world.bot() as bot:
        await world.ada.say(world.channel, "@everyone lunch is ready")
        await world.answered(await world.ask())
        await world.quiet(bot)
    assert len(world.engine.asked) == 1


async def test_without_the_content_intent_a_thread_hears_once_that_mentions_are_needed(world: World) -> None:
    async with world.bot(message_content=False) as bot:
        question = await world.ask()
        await world.answered(question)
        thread = world.thread(question)
        await world.ada.say(thread, "and limes?")
        await world.until(lambda: len(world.said(thread)) == 2)
        await world.ada.say(thread, "hello?")
        await world.ask("and limes?", where=thread)
        await world.until(lambda: len(world.finished(thread)) == 2)
        await world.quiet(bot)
    assert world.said(thread)[1] == str(say("mention-me"))
    assert len(world.said(thread)) == 3
    assert world.prompts[-1] == ["what is a lemon?", "and limes?"]


async def test_a_direct_message_is_answered_directly(world: World) -> None:
    async with world.bot():
        first = await world.ada.dm("hello")
        await world.until(lambda: world.finished(first.channel))
        await world.ada.dm("and again")
        await world.until(lambda: len(world.finished(first.channel)) == 2)
    assert world.prompts[-1] == ["hello", "and again"]


async def test_closed_direct_messages_are_given_up_and_recorded(world: World) -> None:
    world.hold()
    async with world.bot() as bot:
        await world.ada.dm("hello")
        await world.until(lambda: world.engine.asked)
        world.ada.dms_closed = True
        world.fake.faults.add(method="PATCH", path="/channels/*/messages/*", status=403, code=50007, times=None)
        world.go_on()
        await world.quiet(bot)
        _, dead = await bot.core.store.load()
    assert dead == 1


@pytest.mark.parametrize("code", [50001, 50013, 50024, 160006])
async def test_where_no_thread_can_be_made_the_answer_is_a_reply(world: World, code: int) -> None:
    path = "/channels/*/messages/*/threads"
    world.fake.faults.add(method="POST", path=path, status=400 if code > 50020 else 403, code=code, times=None)
    async with world.bot():
        question = await world.ask()
        await world.until(lambda: world.finished(world.channel))
        record = world.finished(world.channel)[0]
        answer = world.fake.message(record)
        assert answer.reference is not None
        assert answer.reference["message_id"] == str(question.id)
        # Whoever replies to it goes on with the conversation, without another thread.
        await world.bob.say(world.channel, "and limes?", reply_to=answer)
        await world.until(lambda: len(world.finished(world.channel)) == 2)
    assert world.prompts[-1] == ["ada: what is a lemon?", "bob: and limes?"]


async def test_a_channel_without_the_permission_is_not_even_tried(world: World) -> None:
    world.guild.overwrite(world.channel, world.guild.everyone, deny=Permission.CREATE_PUBLIC_THREADS)
    async with world.bot():
        await world.ask()
        await world.until(lambda: world.finished(world.channel))
    assert not world.fake.ledger.invalid_requests


async def test_a_thread_that_somebody_else_made_is_used(world: World) -> None:
    world.fake.faults.add(method="POST", path="/channels/*/messages/*/threads", delay_s=0.3)
    async with world.bot():
        question = await world.ask()
        thread = await world.bob.open_thread(question, "Citrus")
        answer = await world.answered(question)
    assert answer.channel_id == thread.id == question.id


async def test_forums_and_voice_chats_are_answered_in_place(world: World) -> None:
    forum, voice = world.guild.add_forum("help"), world.guild.add_voice_channel("lounge")
    async with world.bot():
        post = await world.ada.open_thread(forum, "Lemons", f"{world.fake.bot.mention} what is a lemon?")
        await world.until(lambda: world.finished(post))
        await world.ada.say(post, "and limes?")  # no mention needed: it takes part now
        await world.until(lambda: len(world.finished(post)) == 2)
        await world.ask(where=voice)
        await world.until(lambda: world.finished(voice))


async def test_a_message_unarchives_a_thread_and_so_does_an_answer(world: World) -> None:
    moderator = world.fake.add_user("mod")
    world.guild.add_member(moderator, world.guild.add_role("mods", Permission.MANAGE_THREADS))
    world.hold()
    async with world.bot():
        question = await world.ask()
        await world.until(lambda: question.thread and world.said(world.thread(question)))
        await moderator.change_thread(world.thread(question), archived=True)
        world.go_on()
        await world.answered(question)
        await moderator.change_thread(world.thread(question), archived=True)
        await world.ada.say(world.thread(question), "and limes?")
        await world.until(lambda: len(world.finished(world.thread(question))) == 2)
    assert world.prompts[-1] == ["what is a lemon?", "and limes?"]


async def test_a_locked_thread_is_given_up(world: World, caplog: pytest.LogCaptureFixture) -> None:
    moderator = world.fake.add_user("mod")
    world.guild.add_member(moderator, world.guild.add_role("mods", Permission.MANAGE_THREADS))
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        thread = world.thread(question)
        await moderator.change_thread(thread, locked=True)
        late = await moderator.say(thread, "still there?")
        await world.until(lambda: "its place is gone" in caplog.text)
        await world.quiet(bot)
        assert await bot.core.store.turn(str(late.id))
    assert len(world.said(thread)) == 1


async def test_quotas_of_a_person_and_of_a_server_stop_questions_before_the_queue(world: World) -> None:
    world.core["limit_user_per_minute"] = 2
    async with world.bot(limit_guild_per_minute=3) as bot:
        for _ in range(3):
            await world.ask()
        await world.until(lambda: told(world, "limit-minute-user"))
        refused = told(world, "limit-minute-user")[0]
        assert refused.channel_id not in world.guild.channels  # told directly, not before everybody
        for _ in range(2):
            await world.ask(by=world.bob)
        await world.until(lambda: told(world, "limit-minute-server"))
        await world.ada.dm("and here?")  # the person's own limit follows them
        await world.quiet(bot)
    assert len(told(world, "limit-minute-user")) == 1  # and nobody is told twice within a short time
    assert len(world.engine.asked) == 3


async def test_the_quota_of_a_server_holds_for_commands_edits_and_regenerate_too(world: World) -> None:
    async with world.bot(limit_guild_per_minute=2) as bot:
        question = await world.ask()
        answer = await world.answered(question)
        await world.ada.edit(question, f"{world.fake.bot.mention} what is a lime?")
        await world.until(lambda: len(world.engine.asked) == 2)
        await world.quiet(bot)
        await world.ada.run(world.channel, "ask", question="why?")
        await world.until(
            lambda: [text for text in world.told_to(world.ada) if beginning("limit-minute-server") in text]
        )
        await world.ada.click(world.fake.message(answer), "Regenerate")
        await world.until(lambda: len(told(world, "limit-minute-server")) == 2)
        await world.ada.edit(question, f"{world.fake.bot.mention} what is an orange?")
        await world.until(lambda: told(world, "limit-minute-server")[2:])
    assert len(world.engine.asked) == 2


async def test_who_is_not_allowed_any_more_gets_no_further_answer_by_edit_or_regenerate(world: World) -> None:
    async with world.bot() as bot:
        question = await world.ask(by=world.bob)
        answer = await world.answered(question)
        await world.quiet(bot)
    async with world.bot(denied_users=str(world.bob.id)) as bot:
        await world.bob.click(world.fake.message(answer), "Regenerate")
        await world.until(lambda: [text for text in world.told_to(world.bob) if "not on the list" in text])
        await world.bob.edit(question, f"{world.fake.bot.mention} what is a lime?")
        await world.until(lambda: [text for text in world.said(world.channel) if "not on the list" in text])
        await world.quiet(bot)
    assert len(world.engine.asked) == 1


async def test_a_mention_without_words_gets_a_short_help_and_no_model(world: World) -> None:
    async with world.bot() as bot:
        await world.ada.say(world.channel, world.fake.bot.mention)
        await world.until(lambda: world.said(world.channel))
        await world.quiet(bot)
    assert "/help" in world.said(world.channel)[0]
    assert not world.engine.asked


async def test_in_its_threads_no_mention_is_needed_but_people_may_talk_to_each_other(world: World) -> None:
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        thread = world.thread(question)
        note = await world.bob.say(thread, f"{world.ada.mention} is that right?")
        await world.ada.say(thread, "I think so", reply_to=note)
        await world.bob.say(thread, "what do you think?")
        await world.until(lambda: len(world.finished(thread)) == 2)
        await world.quiet(bot)
    assert world.prompts[-1] == ["ada: what is a lemon?", "bob: what do you think?"]


async def test_a_thread_of_people_is_joined_by_invitation_and_left_by_removal(world: World) -> None:
    async with world.bot() as bot:
        thread = await world.ada.open_thread(world.channel, "Citrus", "lemons are nice")
        await world.ada.say(thread, "are they?")
        await world.quiet(bot)
        await world.ada.add_to_thread(thread, world.fake.bot)
        await world.quiet(bot)
        await world.ada.say(thread, "and limes?")
        await world.until(lambda: len(world.finished(thread)) == 1)
        client = bot.current.client
        assert client is not None
        await client.get_channel(thread.id).leave()  # type: ignore[union-attr]  # as when somebody removes it
        await world.quiet(bot)
        await world.ada.say(thread, "and oranges?")
        await world.quiet(bot)
    assert world.prompts == [["The thread is called:\n> Citrus\n\nand limes?"]]


async def test_a_reply_to_somebody_elses_message_brings_it_along(world: World) -> None:
    async with world.bot():
        first = await world.bob.say(world.channel, "Lemons are **blue**.")
        second = await world.ada.say(world.channel, "Are they?", reply_to=first)
        question = await world.ada.say(world.channel, f"{world.fake.bot.mention} who is right?", reply_to=second)
        await world.answered(question)
    assert world.prompts[0] == ["bob wrote:\n> Lemons are **blue**.\n\nada wrote:\n> Are they?\n\nwho is right?"]
    assert world.thread(question).name == "who is right?"


async def test_in_a_thread_of_others_the_first_question_brings_along_what_it_is_about(world: World) -> None:
    forum = world.guild.add_forum("help")
    async with world.bot() as bot:
        post = await world.bob.open_thread(forum, "Lemons", "Lemons are blue.")
        started = await world.bob.say(world.channel, "Limes are red.")
        thread = await world.bob.open_thread(started, "Limes")
        loose = await world.bob.open_thread(world.channel, "No beginning")
        for place in (post, thread, loose):
            question = await world.ask("is that right?", where=place)
            await world.until(lambda: world.finished(place))  # noqa: B023 - awaited here
            await world.quiet(bot)
        await world.ada.say(post, "really?")
        await world.until(lambda: len(world.finished(post)) == 2)
        await world.ada.edit(question, f"{world.fake.bot.mention} is it?")
        await world.until(lambda: len(world.prompts) == 5)
        await world.quiet(bot)
    about = "bob wrote:\n> Lemons\n> \n> Lemons are blue.\n\nis that right?"
    assert world.prompts == [
        [about],
        ["bob wrote:\n> Limes are red.\n\nis that right?"],
        ["The thread is called:\n> No beginning\n\nis that right?"],
        [about, "really?"],
        ["The thread is called:\n> No beginning\n\nis it?"],
    ]


async def test_what_was_said_just_before_the_bot_was_called_in_is_no_question(world: World) -> None:
    """Both arrive at once, and the mention has made the bot a member of the thread."""
    async with world.bot() as bot:
        started = await world.bob.say(world.channel, "Limes are red.")
        thread = await world.bob.open_thread(started, "Limes")
        await world.bob.say(thread, "I think they are green.")
        await world.ask("is that right?", where=thread)
        await world.until(lambda: world.finished(thread))
        await world.ada.say(thread, "really?")
        await world.until(lambda: len(world.finished(thread)) == 2)
        await world.quiet(bot)
    assert [prompt[-1] for prompt in world.prompts] == ["bob wrote:\n> Limes are red.\n\nis that right?", "really?"]


async def test_names_stand_for_ids_in_what_the_model_reads(world: World) -> None:
    async with world.bot():
        text = f"ask {world.bob.mention} in {world.channel.mention} about <:lemon:123456789012345678>"
        await world.answered(await world.ask(text))
    assert world.prompts[0] == ["ask @bob in #general about :lemon:"]


@pytest.mark.parametrize("answer_in", ["reply", "channel"])
async def test_answers_in_the_channel_by_setting(world: World, answer_in: str) -> None:
    async with world.bot(answer_in=answer_in):
        await world.ask("one")
        await world.until(lambda: len(world.finished(world.channel)) == 1)
        await world.ask("two")
        await world.until(lambda: len(world.finished(world.channel)) == 2)
    replies = [world.fake.message(one).reference is not None for one in world.finished(world.channel)]
    assert replies == [answer_in == "reply"] * 2
    assert world.prompts[-1] == (["two"] if answer_in == "reply" else ["one", "two"])
    assert not world.guild.threads


async def test_who_is_not_allowed_hears_so_once(world: World) -> None:
    async with world.bot(denied_users=str(world.bob.id), dms="nobody") as bot:
        await world.ask(by=world.bob)
        await world.ask(by=world.bob)
        await world.ada.dm("hello")
        await world.until(lambda: len(world.fake.answers()) == 2)
        await world.answered(await world.ask())
        await world.quiet(bot)
    assert world.said(world.channel) == [str(say("not-for-you"))]
    assert len(world.engine.asked) == 1


async def test_buttons_stand_under_the_last_message_only(world: World) -> None:
    world.script(*(f"Line {number} of many, many lines of text.\n\n" for number in range(100)))
    async with world.bot():
        question = await world.ask()
        await world.answered(question, "Line 99")
    records = world.fake.answers(world.thread(question))
    assert len(records) > 1
    assert [bool(buttons(record)) for record in records] == [False] * (len(records) - 1) + [True]


def told(world: World, name: str) -> list[MessageRecord]:
    """Where the bot has said a sentence whose figures are not known."""
    return [one for one in world.fake.answers() if beginning(name) in one.content]
