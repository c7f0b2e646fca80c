"""The connection and the process, several processes, and what is missed in between."""

import pytest
from prometheus_client import REGISTRY

from glados_bots.errors import ConfigError
from glados_bots.store.connection import Client
from glados_bots.wording.sentence import say
from glados_discord.run import Bot
from tests.discord.conftest import World
from tests.fakes.discord import Permission


async def test_a_lost_connection_is_resumed_and_nothing_is_answered_twice(world: World) -> None:
    lost = lost_connections()
    async with world.bot() as bot:
        for fault in ("drop", "reconnect"):
            resumed = world.fake.gateway.resumed
            getattr(world.fake.gateway, fault)()
            question = await world.ask(fault)
            await world.answered(question)
            await world.until(lambda: world.fake.gateway.resumed > resumed)  # noqa: B023
            await world.quiet(bot)
    assert [prompt[-1] for prompt in world.prompts] == ["drop", "reconnect"]
    assert world.fake.gateway.identified == 1
    assert lost_connections() == lost + 2


def lost_connections() -> float:
    """What the metrics page says of it."""
    return REGISTRY.get_sample_value("glados_reconnects_total", {"platform": "discord"}) or 0.0


async def test_a_session_outlives_tries_to_connect_that_fail(world: World) -> None:
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        world.fake.gateway.refused_connections = 2
        world.fake.gateway.drop()
        await world.until(lambda: bot.parts.catch_up._lost)
        await world.answered(await world.ask("meanwhile"))
    assert (world.fake.gateway.resumed, world.fake.gateway.identified) == (1, 1)


async def test_after_an_invalid_session_what_was_missed_is_found_and_answered_once(world: World) -> None:
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        seen = await world.ask("seen")
        await world.answered(seen)
        thread = world.thread(seen)
        await bot.parts.catch_up.stamp()
        world.fake.gateway.invalidate(resumable=False)
        missed = await world.ask("missed", by=world.bob)
        followed = await world.ada.say(thread, "followed")
        await world.bob.say(world.channel, "between people")
        await world.answered(missed)
        await world.until(lambda: len(world.finished(thread)) == 2)
    assert sorted(prompt[-1] for prompt in world.prompts) == ["followed", "missed", "seen"]
    assert followed.channel is thread


async def test_without_a_connection_no_time_is_stamped_however_ready_the_client_seems(world: World) -> None:
    async with world.bot(clock=world.fake.clock.now) as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        await bot.parts.catch_up.stamp()
        world.fake.gateway.refused_connections = 10_000
        world.fake.gateway.drop()
        await world.until(lambda: bot.parts.catch_up._lost)
        stamped = await bot.parts.facts.stamped("0")
        world.fake.clock.advance(300)
        assert bot._is_well()
        await bot.parts.catch_up.stamp()
        assert await bot.parts.facts.stamped("0") == stamped
        missed = await world.ask("missed")
        world.fake.clock.advance(300)
        world.fake.gateway.sessions.clear()
        world.fake.gateway.refused_connections = 0
        await world.answered(missed)
        await world.until(lambda: bot.parts.catch_up._caught)
        await bot.parts.catch_up.stamp()
        assert await bot.parts.facts.stamped("0") != stamped


async def test_while_it_ends_and_takes_nothing_more_no_time_is_stamped(world: World) -> None:
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        await bot.parts.catch_up.stamp()
        await bot.parts.order.drain()
        assert not bot._is_well()
        missed = await world.ask("asked in the last moment")
        await world.told(bot)
    async with world.bot():
        await world.answered(missed)


async def test_a_gap_that_cannot_be_read_at_once_is_read_later(world: World) -> None:
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        await bot.parts.catch_up.stamp()
    missed = await world.ask("missed")
    world.fake.faults.add(method="GET", path="/channels/*/messages", status=503)
    async with world.bot():
        await world.answered(missed)


async def test_after_a_restart_mentions_and_direct_messages_are_found(world: World) -> None:
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        direct = await world.ada.dm("hello")
        await world.until(lambda: world.finished(direct.channel))
    missed = await world.ask("missed", by=world.bob)
    await world.ada.dm("are you there?")
    async with world.bot():
        await world.answered(missed)
        await world.until(lambda: len(world.finished(direct.channel)) == 2)
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        await world.quiet(bot)
    assert sorted(prompt[-1] for prompt in world.prompts) == ["are you there?", "hello", "missed"]


async def test_what_is_looked_at_after_a_gap_is_bounded(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        await bot.parts.catch_up.stamp()
    for number in range(12):
        await world.bob.say(world.channel, f"chatter {number}")
    await world.ask("too much was said before this")
    async with world.bot(catch_up_messages=10) as bot:
        await world.until(lambda: "more was missed" in caplog.text)
        await world.quiet(bot)
    assert not world.engine.asked
    world.fake.clock.advance(3600)
    async with world.bot(catch_up_minutes=15, clock=world.fake.clock.now) as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        await world.quiet(bot)
    assert not world.engine.asked  # an hour old


async def test_a_first_connection_that_fails_is_tried_again_with_a_new_client(world: World) -> None:
    world.fake.gateway.refused_connections = 2
    async with world.bot():
        await world.answered(await world.ask())
    assert world.fake.gateway.identified == 1


async def test_a_login_that_fails_for_a_moment_is_tried_again(world: World) -> None:
    world.fake.faults.add(method="GET", path="/users/@me", status=503)
    async with world.bot():
        await world.answered(await world.ask())


async def test_a_bad_token_ends_the_process_with_a_sentence(world: World) -> None:
    with pytest.raises(ConfigError, match="GLADOS_DISCORD_TOKEN: Discord does not accept this token"):
        await Bot(*world.settings(token="wrong")).run()


@pytest.mark.parametrize(
    ("code", "text"),
    [(4004, "does not accept this token"), (4013, "refuses the intents"), (4011, "GLADOS_DISCORD_SHARDS")],
)
async def test_a_connection_that_is_closed_for_good_ends_the_process(world: World, code: int, text: str) -> None:
    world.fake.gateway.identify_close_code = code
    with pytest.raises(ConfigError, match=text):
        await Bot(*world.settings()).run()


async def test_a_missing_intent_is_named(world: World) -> None:
    world.fake.world.application.privileged_intents = 0
    with pytest.raises(ConfigError, match="Message Content Intent"):
        await Bot(*world.settings()).run()
    async with world.bot(message_content=False):
        await world.answered(await world.ask())


async def test_when_the_bot_is_removed_its_work_there_ends(world: World) -> None:
    world.hold()
    async with world.bot() as bot:
        first, second = await world.ask("one"), await world.ask("two", by=world.bob)
        await world.until(lambda: len(world.engine.asked) == 2)
        world.guild.kick(world.fake.bot)
        await world.quiet(bot)
        await world.until(lambda: world.engine.cancelled == 2)
    assert first.thread
    assert second.thread
    assert not [one for one in world.fake.answers() if "Hello" in one.content]


@pytest.mark.parametrize("purge", [True, False])
async def test_what_was_said_there_is_kept_or_forgotten_by_setting(world: World, purge: bool) -> None:
    async with world.bot(purge_on_leave=purge) as bot:
        question = await world.ask()
        await world.answered(question)
        await world.quiet(bot)
        world.guild.kick(world.fake.bot)
        await world.quiet(bot)
        assert len(await bot.core.store.history(str(question.id))) == (0 if purge else 1)


async def test_an_outage_of_a_server_is_no_removal(world: World) -> None:
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        world.guild.set_unavailable(unavailable=True)
        world.guild.set_unavailable(unavailable=False)
        await world.ada.say(world.thread(question), "still there?")
        await world.until(lambda: len(world.finished(world.thread(question))) == 2)
        await world.quiet(bot)
    assert world.prompts[-1] == ["what is a lemon?", "still there?"]


async def test_where_it_may_not_write_the_person_is_told_and_no_model_asked(world: World) -> None:
    world.guild.overwrite(world.channel, world.guild.bot_role, deny=Permission.SEND_MESSAGES)
    async with world.bot() as bot:
        await world.ask()
        await world.until(world.fake.answers)
        obstacle = say("needs-permission", permission=say("permission-send"))
        told = say("cannot-write-in", place=world.channel.mention, obstacle=obstacle)
        assert world.fake.answers()[0].content == str(told)
        assert world.said(world.channel) == []
        world.bob.dms_closed = True
        question = await world.ask(by=world.bob)
        await world.until(lambda: question.reactions)
        await world.quiet(bot)
    assert not world.engine.asked
    assert list(question.reactions) == ["🔇"]


async def test_a_bot_that_is_timed_out_waits_for_better_days(world: World) -> None:
    async with world.bot() as bot:
        world.guild.time_out(world.fake.bot, 60)
        await world.told(bot)
        await world.ask()
        await world.until(world.fake.answers)
    assert str(say("needs-end-of-timeout")) in world.fake.answers()[0].content
    assert not world.engine.asked


async def test_without_history_it_answers_without_a_reference(world: World) -> None:
    world.guild.overwrite(world.channel, world.guild.everyone, deny=Permission.READ_MESSAGE_HISTORY)
    async with world.bot(answer_in="reply"):
        await world.ask()
        await world.until(lambda: world.finished(world.channel))


async def test_a_session_that_begins_anew_changes_nothing(world: World) -> None:
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        client = bot.current.client
        assert client is not None
        for _ in range(3):
            client.dispatch("ready")
        await world.answered(await world.ask())
        await world.quiet(bot)
    assert len(world.engine.asked) == 1
    assert len([one for one in world.fake.ledger.requests if one.method == "PUT"]) == 1


async def test_an_orderly_end_lets_the_running_answer_finish_and_takes_no_new_one(world: World) -> None:
    world.hold()
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        running = await world.ask("running")
        await world.until(lambda: world.engine.asked)
        bot.stop()
        await world.until(lambda: bot.parts.order.is_closing)
        late = await world.ask("late", by=world.bob)
        world.go_on()
        await world.answered(running)
    assert len(world.engine.asked) == 1
    async with world.bot():
        await world.answered(late)


async def test_an_answer_that_does_not_finish_in_time_goes_on_after_the_restart(world: World) -> None:
    world.core["grace"] = 0.1
    world.hold()
    async with world.bot():
        question = await world.ask()
        world.go_on(1)
        await world.until(lambda: question.thread and world.said(question.thread) == ["Hello"])
    world.go_on()
    async with world.bot():
        await world.answered(question)
    assert world.said(world.thread(question)) == ["Hello **world**"]


async def test_two_processes_give_one_answer_each(world: World) -> None:
    async with world.bot() as one, world.bot() as two:
        questions = [await world.ask(f"question {number}") for number in range(5)]
        for question in questions:
            await world.answered(question)
        await world.bob.say(world.thread(questions[0]), world.fake.bot.mention)
        for bot in (one, two):
            await world.quiet(bot)
    assert len(world.engine.asked) == 5
    assert [len(world.said(world.thread(question))) for question in questions] == [2, 1, 1, 1, 1]


async def test_while_redis_is_away_a_question_waits_and_is_answered(
    world: World, admin: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.bot():
        await admin.config_set("maxmemory", 1)  # every write is refused
        try:
            question = await world.ask()
            await world.until(lambda: "an event of Discord waits for Redis" in caplog.text)
        finally:
            await admin.config_set("maxmemory", 0)
        await world.answered(question)


async def test_shards_of_one_process_share_the_work(world: World) -> None:
    world.fake.users.shards = 2
    other = world.fake.add_guild("Black Mesa")
    channel = other.add_text_channel("general")
    async with world.bot(shards=2):
        await world.answered(await world.ask())
        await world.answered(await world.ask(where=channel))
        direct = await world.ada.dm("hello")
        await world.until(lambda: world.finished(direct.channel))
        await world.until(lambda: world.fake.gateway.identified == 2)  # shards begin five seconds apart


async def test_a_deleted_thread_ends_what_was_to_be_answered_there(world: World) -> None:
    moderator = world.fake.add_user("mod")
    world.guild.add_member(moderator, world.guild.add_role("mods", Permission.MANAGE_THREADS))
    world.hold()
    async with world.bot() as bot:
        question = await world.ask()
        await world.until(lambda: world.engine.asked)
        await moderator.delete_thread(world.thread(question))
        await world.quiet(bot)
        assert await bot.core.store.load() == (0, 0)
