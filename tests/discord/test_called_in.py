"""When the bot is called into a conversation of people: what was said before it, beside it, or changed later."""

from collections.abc import Awaitable, Callable

import pytest

from glados_bots.wording.sentence import say
from tests.discord.conftest import World
from tests.discord.test_gaps import caught_up
from tests.fakes.discord import Channel, Message

HOUR_S = 3600.0


async def conversation(world: World) -> tuple[Channel, list[Message]]:
    """A thread in which two people talk, without the bot."""
    thread = await world.ada.open_thread(world.channel, "Citrus", "is a lemon a citron?")
    said = [await world.bob.say(thread, text) for text in ("I think it is", "or is it a lime?")]
    return thread, said


async def called_in(world: World, thread: Channel) -> None:
    await world.ask("who is right?", where=thread)
    await world.until(lambda: world.finished(thread))


async def test_what_was_said_before_the_bot_joined_is_not_answered_after_a_restart(world: World) -> None:
    async with world.bot() as bot:
        thread, _ = await conversation(world)
        await called_in(world, thread)
        await world.quiet(bot)
        await caught_up(world, bot)
    async with world.bot() as bot:  # it reads the last two minutes once more
        await caught_up(world, bot)
        await world.quiet(bot)
        assert len(world.engine.asked) == 1
        await world.bob.say(thread, "and an orange?")  # in its thread no mention is needed from now on
        await world.until(lambda: len(world.finished(thread)) == 2)


async def test_the_same_holds_for_a_conversation_that_was_missed_as_a_whole(world: World) -> None:
    async with world.bot() as bot:
        await world.answered(await world.ask())
        await world.quiet(bot)
        await caught_up(world, bot)
    thread, _ = await conversation(world)
    await world.ask("who is right?", where=thread)
    async with world.bot() as bot:
        await world.until(lambda: world.finished(thread))
        await caught_up(world, bot)
        await world.quiet(bot)
    assert len(world.engine.asked) == 2


async def test_a_letter_mended_in_what_was_said_before_asks_nothing(world: World) -> None:
    async with world.bot() as bot:
        thread, said = await conversation(world)
        await called_in(world, thread)
        await world.bob.edit(said[0], "I think it is.")
        await world.bob.edit(said[1], f"{world.fake.bot.mention} or is it a lime?")  # it is older than the joining
        await world.quiet(bot)
    assert len(world.engine.asked) == 1


@pytest.mark.parametrize(("age_s", "asks"), [(HOUR_S - 60, True), (HOUR_S + 60, False), (365 * 24 * HOUR_S, False)])
async def test_an_edit_that_names_the_bot_asks_if_the_message_is_young(world: World, age_s: float, asks: bool) -> None:
    async with world.bot() as bot:
        message = await world.ada.say(world.channel, "what is a lemon?")
        world.fake.clock.advance(age_s)
        await world.ada.edit(message, f"{world.fake.bot.mention} what is a lemon?")
        await world.quiet(bot)
    assert bool(world.engine.asked) is asks


async def test_a_message_of_last_year_that_names_the_bot_is_no_question_when_it_is_edited(world: World) -> None:
    message = await world.ask("what is a lemon?")
    world.fake.clock.advance(365 * 24 * HOUR_S)
    async with world.bot() as bot:
        await world.ada.edit(message, f"{world.fake.bot.mention} what is a lime?")
        await world.quiet(bot)
    assert not world.engine.asked
    assert message.thread is None


async def test_an_edit_that_was_missed_is_judged_in_the_same_way(world: World) -> None:
    async with world.bot() as bot:
        thread, said = await conversation(world)
        await called_in(world, thread)
        aside = await world.ada.say(world.channel, "what is a lime?")
        await world.quiet(bot)
        await caught_up(world, bot)
    await world.bob.edit(said[0], f"{world.fake.bot.mention} I think it is.")  # it is older than the joining
    await world.ada.edit(aside, f"{world.fake.bot.mention} what is a lime?")
    async with world.bot() as bot:
        await world.answered(aside)
        await caught_up(world, bot)
        await world.quiet(bot)
    assert len(world.engine.asked) == 2


async def picture(world: World, thread: Channel) -> None:
    await world.bob.say(thread, files=[("cat.png", "image/png", b"\x89PNG")])


async def invisible(world: World, thread: Channel) -> None:
    await world.bob.say(thread, "\u2800")


async def sticker(world: World, thread: Channel) -> None:
    await world.bob.sticker(thread)


async def poll(world: World, thread: Channel) -> None:
    await world.bob.poll(thread, "Lunch?", "Pizza", "Soup")


async def moving_picture(world: World, thread: Channel) -> None:
    await world.bob.say(thread, "https://tenor.com/view/cat-typing-gif-12345")


async def call_for_all(world: World, thread: Channel) -> None:
    await world.bob.say(thread, "@here can one of you look?")


@pytest.mark.parametrize("share", [picture, invisible, sticker, poll, moving_picture, call_for_all])
async def test_what_people_share_with_each_other_in_its_thread_is_left_alone(
    world: World, share: Callable[[World, Channel], Awaitable[None]]
) -> None:
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        await share(world, world.thread(question))
        await world.quiet(bot)
    assert len(world.engine.asked) == 1
    assert world.said(world.thread(question)) == ["Hello **world**"]


@pytest.mark.parametrize("code", ["`{}` is the bot", "```\n{} hi\n```", "``{}``"])
async def test_the_bot_s_mention_in_code_does_not_call_it(world: World, code: str) -> None:
    async with world.bot() as bot:
        await world.ada.say(world.channel, code.format(world.fake.bot.mention))
        await world.quiet(bot)
    assert not world.engine.asked
    assert not world.said(world.channel)


@pytest.mark.parametrize("words", ["", "\u200b", " \u2060\u3164", "\u034f\u2800"])
async def test_a_mention_followed_by_nothing_that_can_be_seen_asks_nothing(world: World, words: str) -> None:
    async with world.bot() as bot:
        await world.ask(words)
        await world.until(lambda: world.said(world.channel))
        await world.ada.run(world.channel, "ask", question=words or "\u200b")
        await world.until(lambda: world.told_to(world.ada)[-1:] == [str(say("no-question"))])
        await world.quiet(bot)
    assert world.said(world.channel) == [str(say("how-to-ask-discord", ask="`/ask`", help="`/help`"))]
    assert not world.engine.asked
