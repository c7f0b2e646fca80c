"""Changes of a message that are no edits, and lines that Discord writes: nothing of it is a question."""

import pytest

from glados_bots.store.connection import Client
from tests.discord.conftest import World
from tests.fakes.discord import Message, Permission, Person


@pytest.fixture
def mod(world: World) -> Person:
    """Somebody who may pin messages."""
    person = world.fake.add_user("mod")
    world.guild.add_member(person, world.guild.add_role("mods", Permission.MANAGE_MESSAGES))
    return person


async def preview(world: World, mod: Person, question: Message) -> None:
    del mod
    await world.fake.preview(question, title="Lemons", url="https://lemon.example")


async def pin(world: World, mod: Person, question: Message) -> None:
    del world
    await mod.pin(question)
    await mod.unpin(question)


@pytest.mark.parametrize("change", [preview, pin])
@pytest.mark.parametrize("was_edited", [False, True])
async def test_a_preview_or_a_pin_is_no_edit(world: World, mod: Person, change: object, was_edited: bool) -> None:
    assert callable(change)
    async with world.bot() as bot:
        question = await world.ask("what is https://lemon.example?")
        await world.answered(question)
        if was_edited:
            await world.ada.edit(question, f"{world.fake.bot.mention} what is https://lemon.example/2?")
            await world.until(lambda: len(world.engine.asked) == 2)
            await world.answered(question)
        await world.quiet(bot)
        asked = len(world.engine.asked)
        await change(world, mod, question)
        await world.quiet(bot)
    assert len(world.engine.asked) == asked
    assert world.said(world.channel) == []
    assert world.said(world.thread(question)) == ["Hello **world**"]


async def test_an_edited_question_that_was_forgotten_is_not_answered_because_somebody_pins_it(
    world: World, mod: Person, admin: Client
) -> None:
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        await world.ada.edit(question, f"{world.fake.bot.mention} what is a lime?")
        await world.until(lambda: len(world.engine.asked) == 2)
        await world.answered(question)
        await world.quiet(bot)
        await admin.flushall()
        await mod.pin(question)
        await world.quiet(bot)
    assert len(world.engine.asked) == 2


async def test_lines_that_discord_writes_are_no_questions(world: World, mod: Person) -> None:
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        thread = world.thread(question)
        await mod.pin(world.fake.message(world.finished(thread)[0]))  # a line in a thread where no mention is needed
        await mod.open_thread(world.channel, f"{world.fake.bot.mention} and limes?")
        await world.quiet(bot)
    assert len(world.engine.asked) == 1
    assert world.said(world.channel) == []
