"""What people read, as tests of languages look at it."""

from glados_bots.wording.sentence import say
from tests.discord.conftest import World, buttons
from tests.fakes.discord import Channel, Interaction, MessageRecord, Person

PICTURE = ("cat.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(9))  # damaged
NOTES = ("notes.md", "text/markdown", b"# Citrus")


def small(name: str, language: str = "de") -> str:
    """A sentence as small print."""
    return f"-# {say(name).in_language(language)}"


async def private(world: World, command: str, **options: object) -> str:
    """What a command answers, which only its user sees."""
    person, where = options.pop("by", world.ada), options.pop("where", world.channel)
    assert isinstance(person, Person)
    assert isinstance(where, Channel)
    interaction = await person.run(where, command, **options)
    return await shown(world, interaction)


async def shown(world: World, interaction: Interaction) -> str:
    await world.until(lambda: interaction.content)
    assert interaction.is_ephemeral
    return interaction.content


async def begun(world: World, question: str = "why?", where: Channel | None = None) -> Channel:
    """A thread in which an answer has begun and waits for more words of the model."""
    asked = await world.ask(question, where=where)
    await world.until(lambda: asked.thread and world.said(asked.thread))
    return world.thread(asked)


def last(world: World, where: Channel) -> MessageRecord:
    return world.fake.answers(where)[-1]


async def finished(world: World, where: Channel, count: int = 1) -> MessageRecord:
    """The last answer in a place when it has so many that are complete; their buttons are in German."""
    redo = say("button-redo").in_language("de")
    await world.until(lambda: len([one for one in world.fake.answers(where) if redo in buttons(one)]) == count)
    return last(world, where)
