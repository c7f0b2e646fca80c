"""Ways to make the bot speak about files: those of questions, and those that it gives back. See `pseudo.py`."""

import copy
from http import HTTPStatus

from glados_bots.wire.events import Delta, Finished
from tests.discord.languages.pseudo import NOTES, PseudoWorld, button, way
from tests.fakes.discord import Permission

LONG = ("9.9", "text/plain", b"1" * 5000)


@way("partly-read", "file-characters")
async def more_words_than_it_reads(world: PseudoWorld) -> None:
    async with world.world.bot():
        await world.thread(await world.ask_with(LONG))


@way("file-too-many")
async def more_files_than_it_reads(world: PseudoWorld) -> None:
    world.world.core["attachments_max"] = 2
    async with world.world.bot():
        await world.thread(await world.ask_with(*[NOTES] * 3))


@way("file-elsewhere")
async def files_of_other_hosts(world: PseudoWorld) -> None:
    async with world.world.bot(cdn_hosts="cdn.discordapp.com"):
        await world.thread(await world.ask_with(NOTES))


@way("file-slow", "file-status", "file-gone")
async def files_that_cannot_be_had(world: PseudoWorld) -> None:
    world.monkeypatch.setattr("glados_bots.turns.attached.NAP_S", 0.0)
    cdn, shown = world.fake.cdn.faults, await world.world.bob.say(world.channel, files=[NOTES])
    async with world.world.bot():
        for status in (HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE):
            fault = cdn.add(status=status, times=None)
            await world.thread(await world.ask_with(NOTES))
            cdn.remove(fault)
        cdn.add(status=HTTPStatus.NOT_FOUND)
        question = await world.world.ada.say(world.channel, f"{world.fake.bot.mention} 1?", reply_to=shown)
        await world.world.bob.delete(shown)
        await world.thread(question)


@way("as-file", "answer-here", "answer-not-ended")
async def an_answer_as_a_file(world: PseudoWorld) -> None:
    async with world.world.bot() as bot:
        _, message = await world.thread(await world.ask())
        before = copy.copy(message)
        await world.click(message, button("as-file"))
        world.world.hold()
        await world.world.ada.click(message, button("button-redo"))
        await world.world.until(lambda: len(world.world.engine.asked) > 1)
        await world.click(before, button("as-file"))
        world.world.go_on()
        await world.world.quiet(bot)


@way("files-refused", "permission-attach", "files-too-large")
async def files_that_discord_refuses(world: PseudoWorld) -> None:
    guild = world.world.guild
    world.world.engine.script = (Delta("42 " * 3000), Finished("stop", 5, 0, 2))
    async with world.world.bot():
        world.fake.world.largest_file = 10
        await world.thread(await world.ask())
        guild.overwrite(world.channel, guild.bot_role, deny=Permission.ATTACH_FILES)
        await world.thread(await world.ask())
