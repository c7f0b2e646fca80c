"""Ways to make the bot speak by slash commands and buttons, with all their refusals. See `pseudo.py`."""

from dataclasses import replace
from typing import Any

from glados_bots.errors import StoreUnavailableError
from glados_bots.wording.sentence import NOTHING, Sentence
from tests.discord.languages.pseudo import NOTES, PseudoWorld, button, way
from tests.fakes.discord import Permission, Person
from tests.servers import free_port

MANAGES = Permission.MANAGE_CHANNELS | Permission.MANAGE_MESSAGES


def manager_of(world: PseudoWorld) -> Person:
    manager = world.fake.add_user("9")
    guild = world.world.guild
    guild.add_member(manager, guild.add_role("9", MANAGES))
    manager.locale = world.world.ada.locale
    return manager


@way("question-taken", "question-taken-behind", "asks", "no-question")
async def asking(world: PseudoWorld) -> None:
    file = world.world.ada.attachment(world.channel, NOTES)
    async with world.world.bot(answer_in="channel") as bot:
        world.world.hold()
        await world.private("ask", question="1?", file=file)
        await world.private("ask", question="2?")
        await world.private("ask", question="\u200b")
        world.world.go_on()
        await world.world.quiet(bot)


@way("cannot-write-here", "needs-permission", "permission-send", "permission-view", "permission-send-threads")
async def asking_where_it_cannot_write(world: PseudoWorld) -> None:
    guild, ada = world.world.guild, world.world.ada
    thread = await ada.open_thread(world.channel, "9", "9")
    guild.overwrite(world.channel, ada, allow=Permission.SEND_MESSAGES | Permission.VIEW_CHANNEL)
    for denied in (Permission.SEND_MESSAGES, Permission.SEND_MESSAGES_IN_THREADS, Permission.VIEW_CHANNEL):
        guild.overwrite(world.channel, guild.bot_role, deny=denied)
        async with world.world.bot():
            where = thread if denied is Permission.SEND_MESSAGES_IN_THREADS else world.channel
            interaction = await ada.run(where, "ask", question="1?")
            await world.world.until(lambda: interaction.content)  # noqa: B023 - awaited here


@way("not-for-you")
async def asking_by_who_is_denied(world: PseudoWorld) -> None:
    async with world.world.bot(denied_users=str(world.world.ada.id)):
        await world.private("ask", question="1?")


@way("nothing-to-stop", "nothing-to-stop-yours", "stopped-questions", "not-alone", "conversation-forgotten")
async def stopping_and_forgetting_a_conversation(world: PseudoWorld) -> None:
    async with world.world.bot(answer_in="channel") as bot:
        manager = manager_of(world)
        await world.private("stop")
        await world.private("stop", manager)
        await world.ask()
        await world.world.quiet(bot)
        world.world.hold()
        for number in range(2):
            await world.ask(f"{number}?")
        await world.world.until(lambda: len(world.world.engine.asked) == 2)
        await world.private("reset", world.world.bob)
        await world.private("stop", manager)
        await world.private("reset", manager)
        world.world.go_on()


@way("model-is", "model-is-default", "no-such-model", "model-set", "model-unset", "not-manager", "persona-is",
     "no-persona", "persona-set", "persona-unset", "persona-too-long", "persona-marks", "language-is-auto",
     "no-such-language", "language-unset")  # fmt: skip
async def settings_of_a_channel(world: PseudoWorld) -> None:
    async with world.world.bot():
        manager = manager_of(world)
        for command, option, values in (
            ("model", "name", ["43", "42", "", "default"]),
            ("persona", "text", ["9" * 4001, "9" + "\u0301" * 40, "9", "", "default"]),
            ("language", "language", ["9", "", "default"]),
        ):
            await world.private(command)
            refused: dict[str, Any] = {option: "42"}
            await world.private(command, **refused)
            for value in values:
                given: dict[str, Any] = {option: value} if value else {}
                await world.private(command, manager, **given)


@way("thinking-is", "thinking-is-default", "thinking-none", "no-such-thinking", "thinking-set", "thinking-unset")
async def how_much_the_model_thinks(world: PseudoWorld) -> None:
    async with world.world.bot():
        manager = manager_of(world)
        await world.private("thinking")
        await world.private("thinking", manager, level="high")
        world.world.engine.thinking_levels = ("on", "off")
        for level in ("high", "off", "", "default"):
            given: dict[str, Any] = {"level": level} if level else {}
            await world.private("thinking", manager, **given)
        await world.private("thinking")


@way("language-is", "language-set")
async def the_language_of_a_channel(world: PseudoWorld) -> None:
    async with world.world.bot():
        manager = manager_of(world)
        await world.private("language", manager, language="en-XA")
        world.world.bob.locale = "fr"
        await world.private("language", world.world.bob)
        await world.private("help", world.world.bob)


@way("export-here", "export-too-large", "not-sure", "forgotten", "privacy", "days", "help", "how-discord", "no-limit",
     "status-model", "status-idle", "status-busy", "status-up")  # fmt: skip
async def what_people_may_know(world: PseudoWorld) -> None:
    async with world.world.bot() as bot:
        await world.thread(await world.ask())
        await world.world.quiet(bot)
        for command in ("export", "privacy", "help", "usage", "status"):
            await world.private(command)
        world.monkeypatch.setattr("glados_discord.incoming.replies.LARGEST_FILE", 1)
        await world.private("export")
        await world.private("forget")
        await world.private("forget", sure=True)
        world.world.hold()
        await world.ask()
        await world.world.until(lambda: len(world.world.engine.asked) == 2)
        await world.private("status")
        world.world.go_on()


@way("model-list-unreachable", "status-no-model")
async def a_model_that_is_not_reachable_for_commands(world: PseudoWorld) -> None:
    world.world.inference_url = f"http://127.0.0.1:{free_port()}/v1"
    async with world.world.bot():
        await world.private("model")
        await world.private("status")
        proposed = await world.world.ada.complete(world.channel, "model", "name", "")
        await world.world.until(lambda: proposed.choices is not None)
        assert [choice["name"] for choice in proposed.choices or []] == ["default"]  # what people type


@way("store-unreachable", "broken", "done", "closing")
async def commands_that_fail(world: PseudoWorld) -> None:
    async with world.world.bot() as bot:
        for found in (StoreUnavailableError("away"), RuntimeError("broken"), NOTHING):
            world.monkeypatch.setattr(bot.core.commands, "status", ending_with(found))
            await world.private("status")
        bot.parts.order.is_closing = True
        await world.private("ask", question="1?")
        bot.parts.order.is_closing = False


def ending_with(found: Exception | Sentence) -> object:
    async def status() -> Sentence:
        if isinstance(found, Exception):
            raise found
        return found

    return status


@way("too-old", "not-yours-discord", "no-vote-yet", "thanks-for-vote", "vote-withdrawn")
async def pressing_buttons(world: PseudoWorld) -> None:
    async with world.world.bot() as bot:
        _, answer = await world.thread(await world.ask())
        await world.world.quiet(bot)
        await world.click(answer, button("button-redo"), world.world.bob)
        for _ in range(2):
            await world.click(answer, "👍")
        as_seen = replace(answer)  # with the buttons of a complete answer, which somebody still sees
        world.world.hold()
        await world.world.ada.click(answer, button("button-redo"))
        await world.world.until(lambda: len(world.world.engine.asked) == 2)
        await world.click(as_seen, "👎")
        world.world.go_on()
        await world.world.quiet(bot)
        await world.private("forget", sure=True)
        await world.click(answer, button("button-redo"))


@way("not-for-you")
async def pressing_by_who_is_denied(world: PseudoWorld) -> None:
    async with world.world.bot() as bot:
        _, answer = await world.thread(await world.ask())
        await world.world.quiet(bot)
    async with world.world.bot(denied_users=str(world.world.ada.id)):
        await world.click(answer, button("button-redo"))
