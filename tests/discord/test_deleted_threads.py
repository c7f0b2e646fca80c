"""A thread that was opened for a question, when the question is deleted: its name must not stay as what was asked."""

import pytest

from glados_bots.wording.sentence import say
from glados_discord.run import Bot
from tests.discord.conftest import World
from tests.fakes.discord import Channel, Message, Permission


async def half_written(world: World) -> tuple[Message, Channel]:
    """A question whose answer has begun, and its thread."""
    question = await world.ask("my secret")
    await world.until(lambda: question.thread and world.said(question.thread))
    return question, world.thread(question)


async def deleted(world: World, bot: Bot, question: Message) -> None:
    """Delete a question, and return when its answer is gone and the turn over."""
    thread = world.thread(question)
    await world.ada.delete(question)
    await world.until(lambda: not world.finished(thread) and str(say("thinking")) not in str(world.said(thread)))
    await world.quiet(bot)


def look(thread: Channel) -> tuple[str, bool]:
    """Its name, and whether it is archived."""
    assert thread.thread
    return thread.name, thread.thread.archived


async def test_a_thread_of_ours_that_is_empty_then_is_renamed_and_archived(world: World) -> None:
    world.hold()
    async with world.bot() as bot:
        question, thread = await half_written(world)
        await deleted(world, bot, question)
    assert look(thread) == (str(say("thread-deleted")), True)
    assert world.said(thread) == []


async def test_the_same_holds_for_a_question_that_was_answered_already(world: World) -> None:
    async with world.bot() as bot:
        question, thread = await half_written(world)
        await world.answered(question)
        await world.quiet(bot)
        await deleted(world, bot, question)
    assert look(thread) == (str(say("thread-deleted")), True)


async def test_a_thread_that_was_archived_meanwhile_loses_the_answer_and_the_name_all_the_same(world: World) -> None:
    moderator = world.fake.add_user("mod")
    world.guild.add_member(moderator, world.guild.add_role("mods", Permission.MANAGE_THREADS))
    async with world.bot() as bot:
        question, thread = await half_written(world)
        await world.answered(question)
        await world.quiet(bot)
        await moderator.change_thread(thread, archived=True)
        await deleted(world, bot, question)
    assert look(thread) == (str(say("thread-deleted")), True)
    assert world.said(thread) == []


async def test_the_same_holds_for_a_question_that_is_deleted_before_the_first_message_of_its_answer(
    world: World,
) -> None:
    world.hold()  # an answer that is whole is shown first, and then taken away
    async with world.bot() as bot:
        question = await world.ask("my secret")
        fault = world.fake.faults.add(method="POST", path=f"/channels/{question.id}/messages", status=503, times=None)
        await world.until(lambda: question.thread and fault.hits)
        await world.ada.delete(question)
        await world.until(lambda: look(world.thread(question)) == (str(say("thread-deleted")), True))
        await world.quiet(bot)
    assert world.said(world.thread(question)) == []


async def test_a_thread_in_which_somebody_wrote_stays_as_it_is(world: World) -> None:
    world.hold()
    async with world.bot() as bot:
        question, thread = await half_written(world)
        await world.bob.say(thread, f"{world.ada.mention} what is that about?")
        await deleted(world, bot, question)
    assert look(thread) == ("my secret", False)


async def test_a_thread_that_somebody_else_opened_stays_as_it_is(world: World) -> None:
    world.hold()
    async with world.bot() as bot:
        question = await world.ada.say(world.channel, "my secret")
        thread = await world.bob.open_thread(question, "Citrus")
        await world.ada.edit(question, f"{world.fake.bot.mention} my secret")
        await world.until(lambda: world.said(thread))
        await deleted(world, bot, question)
    assert look(thread) == ("Citrus", False)


@pytest.mark.parametrize(("status", "code"), [(403, 50013), (400, 50083)])
async def test_where_a_thread_may_not_be_changed_that_is_logged_and_the_turn_ends(
    world: World, caplog: pytest.LogCaptureFixture, status: int, code: int
) -> None:
    caplog.set_level("INFO", "glados_discord")
    world.hold()
    async with world.bot() as bot:
        question, thread = await half_written(world)
        world.fake.faults.add(method="PATCH", path=f"/channels/{thread.id}", status=status, code=code, times=None)
        await deleted(world, bot, question)
        assert await bot.core.store.load() == (0, 0)
    assert f"could not be archived ({code})" in caplog.text


async def test_an_answer_that_gets_shorter_leaves_its_thread_alone(world: World) -> None:
    world.script(*(f"Line {number} of many, many lines of text.\n\n" for number in range(100)))
    async with world.bot() as bot:
        question = await world.ask("what is a lemon?")
        await world.answered(question, "Line 99")
        world.script("Hello ", "**world**")
        await world.ada.edit(question, f"{world.fake.bot.mention} what is a lime?")
        await world.answered(question)
        await world.quiet(bot)
    assert look(world.thread(question)) == ("what is a lemon?", False)
    assert world.said(world.thread(question)) == ["Hello **world**"]
