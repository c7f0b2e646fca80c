"""Ways to make the bot speak around questions and their answers. See `pseudo.py`."""

from typing import Any

from glados_bots.store.limits import AT_ONCE
from glados_bots.wire.events import Delta, Finished
from glados_bots.wording.languages import PSEUDO
from tests.discord.conftest import buttons
from tests.discord.languages.pseudo import NOTES, PICTURE, PseudoWorld, Way, button, way
from tests.fakes.discord import Permission


@way("thinking", "a-question", "not-read", "file-unread", "file-damaged", "reading-files", "button-stop", "button-redo",
     "queued-next", "queued", "stopped", "paused")  # fmt: skip
async def beside_answers(world: PseudoWorld) -> None:
    ada = world.world.ada
    world.world.core["grace"] = 0.1
    world.world.hold()
    async with world.world.bot() as bot:
        question = await world.ask_with(NOTES, text="***")
        await world.until_heard("thinking")
        await world.world.until(lambda: world.world.engine.asked)
        thread = world.world.thread(question)
        for number in range(2):
            await ada.say(thread, f"{number}?", files=[PICTURE])
        await world.until_heard("queued")
        await ada.click(world.fake.message(world.fake.answers(thread)[0]), button("button-stop"))
        await world.until_heard("stopped")
        world.world.go_on()
        await world.world.quiet(bot)
        world.world.hold()
        await ada.say(thread, "3?")
        await world.world.until(lambda: len(world.world.engine.asked) == 4)
        await world.world.until(lambda: button("button-stop") in buttons(world.fake.answers(thread)[-1]))
    world.world.go_on()
    async with world.world.bot() as bot:
        await world.world.quiet(bot)


@way("how-to-ask-discord", "too-long")
async def what_cannot_be_read(world: PseudoWorld) -> None:
    world.world.core["message_max_chars"] = 1000
    async with world.world.bot() as bot:
        await world.ask("")
        await world.ask("1" * 1100)
        await world.until_heard("how-to-ask-discord", "too-long")
        await world.world.quiet(bot)


@way("queue-full")
async def a_full_queue(world: PseudoWorld) -> None:
    world.world.core["conversation_max_queued"] = 1
    world.world.hold()
    async with world.world.bot() as bot:
        question = await world.ask()
        await world.world.until(lambda: question.thread and world.world.said(question.thread))
        for number in range(3):
            await world.world.ada.say(world.world.thread(question), f"{number}?")
        await world.until_heard("queue-full")
        world.world.go_on()
        await world.world.quiet(bot)


@way("mention-me")
async def without_the_content_intent(world: PseudoWorld) -> None:
    async with world.world.bot(message_content=False) as bot:
        thread, _ = await world.thread(await world.ask())
        await world.world.ada.say(thread, "2?")
        await world.until_heard("mention-me")
        await world.world.quiet(bot)


@way("thread-nameless", "blocked-moderation", "blocked-link", "blocked")
async def what_discord_blocks(world: PseudoWorld) -> None:
    world.fake.faults.add(method="POST", path="/channels/*/messages/*/threads", status=400, code=200000)
    async with world.world.bot():
        _, answer = await world.thread(await world.ask())
        world.world.guild.blocked_words.add("4343434343")
        world.world.script("4343434343")
        await world.world.ada.click(answer, button("button-redo"))
        await world.until_heard("blocked-moderation")
        world.fake.world.harmful_links.add("4444444444")
        world.world.script("4444444444")
        await world.world.until(lambda: answer.components)
        await world.thread(await world.ask("2?"), "")
        await world.until_heard("blocked-link")
        world.world.script("45")
        world.world.hold()
        question = await world.ask("3?")
        await world.world.until(lambda: question.thread and world.world.said(question.thread))
        world.fake.faults.add(method="PATCH", path="/channels/*/messages/*", status=400, code=50035)
        world.world.go_on()
        await world.until_heard("blocked")
        await world.thread(question, "")


@way("thread-deleted")
async def a_deleted_question(world: PseudoWorld) -> None:
    world.world.hold()
    async with world.world.bot() as bot:
        question = await world.ask()
        await world.world.until(lambda: question.thread and world.world.said(question.thread))
        await world.world.ada.delete(question)
        await world.until_heard("thread-deleted")
        await world.world.quiet(bot)


@way("cannot-write-in", "needs-permission", "permission-send", "permission-send-threads", "needs-end-of-timeout")
async def missing_permissions(world: PseudoWorld) -> None:
    guild, ada, bob = world.world.guild, world.world.ada, world.world.bob
    async with world.world.bot() as bot:
        thread, _ = await world.thread(await world.ask())
        threads = guild.add_text_channel("9")
        other = await ada.open_thread(threads, "9", "9")
        guild.overwrite(threads, guild.bot_role, deny=Permission.SEND_MESSAGES_IN_THREADS)
        guild.overwrite(world.channel, guild.bot_role, deny=Permission.SEND_MESSAGES)
        await world.world.told(bot)
        await world.ask()
        await world.ask(where=other)
        await world.until_heard("permission-send", "permission-send-threads")
        guild.time_out(world.fake.bot, 60)
        await world.world.told(bot)
        await world.ask(by=bob, where=thread)
        await world.until_heard("needs-end-of-timeout")
        await world.world.quiet(bot)


@way("not-for-you", "no-direct-messages")
async def whom_it_does_not_answer(world: PseudoWorld) -> None:
    ada, bob = world.world.ada, world.world.bob
    async with world.world.bot() as bot:
        await bot.parts.facts.note_locale(world.fake.world.direct(ada).id, PSEUDO)
    async with world.world.bot(denied_users=str(bob.id), dms="nobody") as bot:
        await world.ask(by=bob)
        await ada.dm("1?")
        await world.until_heard("not-for-you", "no-direct-messages")
        await world.world.quiet(bot)


@way("not-on-server", "not-in-channel")
async def where_it_does_not_answer(world: PseudoWorld) -> None:
    settings: tuple[dict[str, Any], ...] = (
        {"denied_guilds": str(world.world.guild.id)},
        {"denied_channels": str(world.channel.id)},
    )
    for lists in settings:
        async with world.world.bot(**lists) as bot:
            await world.ask(by=world.world.bob if "denied_guilds" in lists else world.world.ada)
            await world.until_heard("not-on-server" if "denied_guilds" in lists else "not-in-channel")
            await world.world.quiet(bot)


MINUTES = {"user": "limit_user_per_minute", "channel": "limit_channel_per_minute", "all": "limit_per_minute"}
DAYS = {"user": "limit_user_tokens_per_day", "channel": "limit_channel_tokens_per_day", "all": "limit_tokens_per_day"}


def limit_of_a_minute(scope: str, *, closed: bool) -> Way:
    async def minute(world: PseudoWorld) -> None:
        world.world.core[MINUTES[scope]] = 1
        world.world.ada.dms_closed = closed
        async with world.world.bot() as bot:
            await world.thread(await world.ask())
            await world.ask("2?")
            await world.until_heard(f"limit-minute-{scope}")
            await world.private("usage")
            await world.world.quiet(bot)

    return minute


def limit_of_a_day(scope: str) -> Way:
    async def day(world: PseudoWorld) -> None:
        world.world.core |= {DAYS[scope]: 100, "max_answer_tokens": 100}
        world.world.engine.script = (Delta("42"), Finished("stop", 50, 0, 60))
        world.world.hold()
        async with world.world.bot() as bot:
            question = await world.ask()
            await world.world.until(lambda: world.world.engine.asked)
            for number in range(AT_ONCE):
                await world.ask(f"{number}?")
            await world.until_heard(f"limit-open-{scope}")
            world.world.go_on()
            await world.thread(question)
            await world.world.quiet(bot)
            await world.private("usage")
            await world.private("ask", question="5?")
            await world.until_heard(f"limit-day-{scope}")

    return day


for scope in MINUTES:
    for closed in (True, False):
        name = f"limit_of_a_minute_{scope}_{closed}"
        way(f"limit-minute-{scope}", f"used-minute-{scope}", called=name)(limit_of_a_minute(scope, closed=closed))
    day = (f"limit-day-{scope}", f"limit-open-{scope}", f"used-day-{scope}", "tokens-restart-in", "list-entry")
    way(*day, called=f"limit_of_a_day_{scope}")(limit_of_a_day(scope))


@way("limit-minute-server")
async def the_limit_of_a_server(world: PseudoWorld) -> None:
    async with world.world.bot(limit_guild_per_minute=1) as bot:
        await world.thread(await world.ask())
        await world.ask("2?")
        await world.until_heard("limit-minute-server")
        await world.world.quiet(bot)
