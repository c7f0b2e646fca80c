"""Slash commands and buttons."""

import json

import pytest

from glados_bots.commands import NAMES
from glados_bots.wording.sentence import say
from tests.contents import holding
from tests.discord.conftest import World, buttons
from tests.discord.sentences import beginning
from tests.fakes.discord import Permission, UnknownCommandError


async def test_ask_writes_the_question_down_and_answers_it_in_a_thread(world: World) -> None:
    async with world.bot():
        interaction = await world.ada.run(world.channel, "ask", question="what is a *lemon*?")
        await world.until(lambda: [thread for thread in world.guild.threads.values() if world.finished(thread)])
        (thread,) = world.guild.threads.values()
        assert interaction.is_ephemeral
        assert interaction.content == str(say("question-taken"))
        assert world.said(world.channel) == [
            str(say("asks", name=world.ada.mention, question="> what is a \\*lemon\\*?"))
        ]
        assert thread.name == "what is a lemon ?"
        await world.bob.say(thread, "and limes?")
        await world.until(lambda: len(world.finished(thread)) == 2)
    assert world.prompts[-1] == ["ada: what is a *lemon*?", "bob: and limes?"]


async def test_ask_in_a_thread_and_in_direct_messages_belongs_to_that_conversation(world: World) -> None:
    async with world.bot():
        question = await world.ask("one")
        await world.answered(question)
        await world.ada.run(world.thread(question), "ask", question="two")
        await world.until(lambda: len(world.finished(world.thread(question))) == 2)
        assert world.prompts[-1] == ["one", "two"]
        direct = await world.ada.dm("three")
        await world.until(lambda: world.finished(direct.channel))
        await world.ada.run(direct.channel, "ask", question="four")
        await world.until(lambda: len(world.finished(direct.channel)) == 2)
    assert world.prompts[-1] == ["three", "four"]


async def test_commands_are_acknowledged_at_once_and_by_one_process_only(world: World) -> None:
    async with world.bot(), world.bot():
        for number in range(5):
            await world.ada.run(world.channel, "ask", question=f"question {number}")
        await world.until(lambda: len([one for one in world.guild.threads.values() if world.finished(one)]) == 5)
    callbacks = [one for one in world.fake.ledger.requests if one.path.startswith("/interactions/")]
    assert [one.status for one in callbacks] == [200] * 5
    assert len(world.engine.asked) == 5


async def test_a_click_that_was_heard_too_late_is_only_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with world.bot() as bot:
        world.fake.gateway.hold()
        await world.ada.run(world.channel, "help")
        world.fake.clock.advance(4)
        world.fake.gateway.release()
        await world.until(lambda: "too late" in caplog.text)
        await world.answered(await world.ask())
        await world.quiet(bot)
    assert "Traceback" not in caplog.text


async def test_an_answer_outlives_the_interaction_that_asked_for_it(world: World) -> None:
    world.hold()
    async with world.bot(clock=world.fake.clock.now):
        await world.ada.run(world.channel, "ask", question="what is a lemon?")
        await world.until(lambda: world.engine.asked)
        world.fake.clock.advance(16 * 60)
        world.go_on()
        await world.until(lambda: [one for one in world.guild.threads.values() if world.finished(one)])
    follow_ups = [
        one for one in world.fake.ledger.requests if one.method == "POST" and one.path.startswith("/webhooks/")
    ]
    assert not follow_ups


async def test_the_commands_are_for_servers_and_direct_messages_the_bot_is_in(world: World) -> None:
    async with world.bot():
        offered = world.fake.world.commands[None]
    assert {command["name"] for command in offered} == set(NAMES)
    assert {tuple(command["integration_types"]) for command in offered} == {(0,)}
    assert {tuple(command["contexts"]) for command in offered} == {(0, 1)}


async def test_what_concerns_one_person_is_shown_to_that_person_only(world: World) -> None:
    async with world.bot():
        for command in (name for name in NAMES if name != "ask"):
            interaction = await world.ada.run(world.channel, command)
            await world.until(lambda: interaction.content)  # noqa: B023 - awaited here
            assert interaction.is_ephemeral, command
    assert world.said(world.channel) == []


async def test_buttons_work_after_a_restart_for_the_asker_and_moderators_only(world: World) -> None:
    moderator = world.fake.add_user("mod")
    world.guild.add_member(moderator, world.guild.add_role("mods", Permission.MANAGE_MESSAGES))
    async with world.bot():
        question = await world.ask()
        record = await world.answered(question)
    async with world.bot() as bot:
        message = world.fake.message(record)
        await world.bob.click(message, "Regenerate")
        await world.until(lambda: world.told_to(world.bob))
        assert world.told_to(world.bob) == [str(say("not-yours-discord"))]
        assert len(world.engine.asked) == 1
        for person, count in ((world.ada, 2), (moderator, 3)):
            await person.click(message, "Regenerate")
            await world.until(lambda: len(world.engine.asked) == count)  # noqa: B023
            await world.quiet(bot)
    assert world.said(world.thread(question)) == ["Hello **world**"]
    assert "Regenerate" in buttons(record)


async def test_stop_keeps_what_was_written(world: World) -> None:
    world.hold()
    async with world.bot() as bot:
        question = await world.ask()
        world.go_on(1)
        await world.until(lambda: question.thread and world.said(question.thread) == ["Hello"])
        (record,) = world.fake.answers(world.thread(question))
        assert buttons(record) == ["Stop"]
        await world.ada.click(world.fake.message(record), "Stop")
        await world.until(lambda: str(say("stopped")) in record.content)
        await world.quiet(bot)
    assert record.content == f"Hello\n-# {say('stopped')}"
    assert buttons(record) == ["Regenerate", "👍", "👎", "As file"]


async def test_votes_are_kept_changed_and_withdrawn(world: World) -> None:
    async with world.bot() as bot:
        question = await world.ask()
        message = world.fake.message(await world.answered(question))
        await world.quiet(bot)
        for person, button, expected in (
            (world.ada, "👍", {str(world.ada.id): "up"}),
            (world.bob, "👎", {str(world.ada.id): "up", str(world.bob.id): "down"}),
            (world.ada, "👎", {str(world.ada.id): "down", str(world.bob.id): "down"}),
            (world.ada, "👎", {str(world.bob.id): "down"}),
        ):
            before = len(world.told_to(person))
            await person.click(message, button)
            await world.until(lambda: len(world.told_to(person)) > before)  # noqa: B023
            assert await bot.core.records.votes(str(question.id)) == expected


async def test_stop_and_reset_end_and_forget_a_conversation(world: World) -> None:
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        thread = world.thread(question)
        world.hold()
        await world.ada.say(thread, "and limes?")
        await world.until(lambda: len(world.engine.asked) == 2)
        assert await _private(world, "stop", where=thread, by=world.bob) == str(say("nothing-to-stop-yours"))
        assert await _private(world, "stop", where=thread) == str(say("stopped-questions", count=1))
        await world.quiet(bot)
        assert await _private(world, "reset", where=thread, by=world.bob) == str(say("not-alone"))
        assert await _private(world, "reset", where=thread) == str(say("conversation-forgotten"))
        world.go_on()
        await world.ada.say(thread, "hello again")
        await world.until(lambda: len(world.engine.asked) == 3)
    assert world.prompts[-1] == ["hello again"]


async def test_persona_and_model_are_set_by_those_who_may_manage_the_channel(world: World) -> None:
    manager = world.fake.add_user("manager")
    world.guild.add_member(manager, world.guild.add_role("managers", Permission.MANAGE_CHANNELS))
    no_such = say("no-such-model", model="huge", models=("`scripted`",))
    async with world.bot():
        assert await _private(world, "persona", text="You are a lemon.") == str(say("not-manager"))
        assert await _private(world, "persona", by=manager, text="You are a lemon.") == str(say("persona-set"))
        assert await _private(world, "persona") == str(say("persona-is", persona="You are a lemon."))
        assert await _private(world, "model", name="scripted") == str(say("not-manager"))
        assert await _private(world, "model", by=manager, name="huge") == str(no_such)
        assert await _private(world, "model", by=manager, name="scripted") == str(say("model-set", model="scripted"))
        assert [one["value"] for one in (await _typed(world, "scr"))] == ["scripted"]
        question = await world.ask()
        await world.answered(question)
        (messages, _), *_ = world.engine.asked
        assert messages[0].content == "You are a lemon."
        assert await _private(world, "model", by=manager, name="default") == str(say("model-unset"))
        assert await _private(world, "persona", by=manager, text="default") == str(say("persona-unset"))


async def test_a_persona_that_was_kept_before_such_were_refused_is_shown_and_can_be_taken_back(world: World) -> None:
    direct = (await world.ada.dm("hello")).channel
    marks = "a" + "\u0301" * 2_500
    async with world.bot() as bot:
        assert await _private(world, "persona", where=direct, text=marks) == str(say("persona-marks", most=32))
        await bot.core.store.client.hset(f"glados:{{discord}}:ch:{direct.id}", "persona", marks)
        assert (await _private(world, "persona", where=direct)).startswith(beginning("persona-is").strip())
        assert await _private(world, "persona", where=direct, text="default") == str(say("persona-unset"))


async def test_whom_the_bot_does_not_talk_to_sets_nothing_in_direct_messages(world: World) -> None:
    direct = (await world.ada.dm("hello")).channel
    async with world.bot(denied_users=str(world.ada.id)):
        assert await _private(world, "persona", where=direct, text="x") == str(say("not-manager"))
        assert await _private(world, "model", where=direct, name="scripted") == str(say("not-manager"))


async def test_export_and_forget_reach_everything_of_a_person(world: World) -> None:
    async with world.bot() as bot:
        await world.answered(await world.ask("my canary is yellow"))
        await world.answered(await world.ask("what is a lime?", by=world.bob))
        await world.quiet(bot)
        interaction = await world.ada.run(world.channel, "export")
        await world.until(lambda: interaction.original and interaction.original.attachments)
        assert interaction.original is not None
        data = json.loads(interaction.original.attachments[0].content)
        assert [one["question"] for one in data["exchanges"]] == ["my canary is yellow"]
        assert await _private(world, "forget") == str(say("not-sure", command="/forget sure:True"))
        assert await _private(world, "forget", sure=True) == str(say("forgotten", count=1))
        assert await holding(bot.core.store.client, "canary") == []


async def test_help_privacy_and_status_say_what_they_should(world: World) -> None:
    async with world.bot():
        called = {name: f"/{name}" for name in NAMES}
        assert await _private(world, "help") == str(say("help", how=say("how-discord"), **called))
        assert str(say("days", count=30)) in await _private(world, "privacy")
        assert str(say("status-model", model="scripted")) in await _private(world, "status")


async def test_commands_are_told_to_discord_only_when_they_changed(world: World) -> None:
    for _ in range(2):
        async with world.bot() as bot:
            await world.told(bot)
    puts = [one for one in world.fake.ledger.requests if one.method == "PUT"]
    assert len(puts) == 1
    async with world.bot(commands=str(world.guild.id)):
        assert {command["name"] for command in world.fake.world.commands[world.guild.id]} == set(NAMES)
        assert world.fake.world.commands[None] == []
    async with world.bot(commands="off"):
        with pytest.raises(UnknownCommandError):
            await world.fake.add_user("guest").dm("hello") and await world.ada.run(
                (await world.ada.dm("hi")).channel, "help"
            )


async def test_a_command_where_the_bot_may_not_write_says_what_is_missing(world: World) -> None:
    world.guild.overwrite(world.channel, world.guild.everyone, deny=Permission.SEND_MESSAGES)
    world.guild.overwrite(world.channel, world.ada, allow=Permission.SEND_MESSAGES)
    obstacle = say("needs-permission", permission=say("permission-send"))
    async with world.bot():
        assert await _private(world, "ask", question="hello") == str(say("cannot-write-here", obstacle=obstacle))
    assert not world.engine.asked


async def test_limits_are_told_privately(world: World) -> None:
    world.core["limit_user_per_minute"] = 1
    async with world.bot():
        assert await _private(world, "ask", question="one") == str(say("question-taken"))
        assert (await _private(world, "ask", question="two")).startswith(beginning("limit-minute-user"))


async def _private(world: World, command: str, **options: object) -> str:
    """What a command answers, which only its user sees."""
    person, where = options.pop("by", world.ada), options.pop("where", world.channel)
    interaction = await person.run(where, command, **options)  # type: ignore[attr-defined]
    await world.until(lambda: interaction.content)
    assert interaction.is_ephemeral
    return str(interaction.content)


async def _typed(world: World, text: str) -> list[dict[str, str]]:
    interaction = await world.ada.complete(world.channel, "model", "name", text)
    await world.until(lambda: interaction.choices is not None)
    return interaction.choices or []
