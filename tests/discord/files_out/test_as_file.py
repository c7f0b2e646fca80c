"""The button As file gives an answer to one person, as the model wrote it."""

import copy

import pytest

from glados_bots.wording.sentence import say
from tests.discord.conftest import World
from tests.discord.files_out.test_files import files
from tests.fakes.discord import Interaction, Message, Permission, Person

TEXT = "| a | b |\n|---|---|\n| 1 | 2 |\n\n<b>Hello</b> **world**"


async def pressed(world: World, message: Message, by: Person) -> Interaction:
    interaction = await by.click(message, "As file")
    await world.until(lambda: interaction.follow_ups)
    return interaction


def told(interaction: Interaction) -> str:
    (answer,) = interaction.follow_ups
    return answer.content


@pytest.mark.parametrize("by", ["ada", "bob"])
async def test_everybody_who_may_read_an_answer_gets_its_markdown_alone(world: World, by: str) -> None:
    world.script(TEXT)
    person = getattr(world, by)
    person.locale = "de"
    async with world.bot():
        answer = await world.answered(await world.ask(), "Hello")
        interaction = await pressed(world, world.fake.message(answer), person)
    (given,) = interaction.follow_ups
    assert given.visible_to == person.id
    assert [(one.filename, one.content) for one in given.attachments] == [("answer.md", TEXT.encode())]
    assert given.content == say("answer-here").in_language("de")
    assert files(answer) == {}


async def test_it_needs_no_permission_to_attach_files(world: World) -> None:
    world.guild.overwrite(world.channel, world.guild.bot_role, deny=Permission.ATTACH_FILES)
    async with world.bot():
        answer = await world.answered(await world.ask())
        interaction = await pressed(world, world.fake.message(answer), world.bob)
    assert [one.content for one in interaction.follow_ups[0].attachments] == [b"Hello **world**"]


async def test_an_answer_that_is_forgotten_or_elsewhere_is_not_given(world: World) -> None:
    other = world.guild.add_text_channel("secret")
    async with world.bot() as bot:
        answer = await world.answered(await world.ask())
        message = world.fake.message(answer)
        hidden = await world.answered(await world.ask(where=other))
        forged = copy.copy(message)  # with the button of an answer that stands elsewhere
        forged.components = world.fake.message(hidden).components
        assert told(await pressed(world, forged, world.bob)) == str(say("too-old"))
        await bot.core.commands.forget(str(world.ada.id))
        assert told(await pressed(world, message, world.bob)) == str(say("too-old"))


async def test_an_answer_that_begins_again_is_not_given(world: World) -> None:
    async with world.bot() as bot:
        message = world.fake.message(await world.answered(await world.ask()))
        before = copy.copy(message)
        world.hold()
        await world.ada.click(message, "Regenerate")
        await world.until(lambda: len(world.engine.asked) == 2)
        assert told(await pressed(world, before, world.bob)) == str(say("answer-not-ended"))
        world.go_on()
        await world.quiet(bot)


async def test_an_apology_has_no_such_button(world: World) -> None:
    world.script()  # no word
    async with world.bot():
        question = await world.ask()
        await world.until(lambda: question.thread and world.finished(question.thread, ""))
    (answer,) = world.fake.answers(world.thread(question))
    labels = [part.get("label") for row in answer.revisions[-1].components for part in row["components"]]
    assert str(say("as-file")) not in labels
