"""Files come from Discord's own hosts, within the limits; addresses expire, and hosts lie, refuse and fail."""

import asyncio
from typing import Any

import pytest

from glados_bots.wording.sentence import Sentence, say
from tests.discord.attachments.conftest import ANSWER, LOG, PDF, Scene, sums
from tests.discord.sentences import unread
from tests.fakes.discord import Message
from tests.fakes.recording_model import words_of

DAY_S = 24 * 3600


def refused(name: str, reason: Sentence) -> str:
    return str(say("not-read", files=(say("file-unread", name=name, reason=reason),)))


async def asked_about(scene: Scene, shown: Message) -> str:
    """The answer to a reply to a message."""
    world = scene.world
    question = await world.ada.say(world.channel, f"{world.fake.bot.mention} why?", reply_to=shown)
    await world.until(lambda: question.thread)
    return await scene.answered(world.thread(question))


async def test_an_address_that_has_expired_is_told_anew_by_its_message(scene: Scene) -> None:
    world = scene.world
    shown = await world.bob.say(world.channel, files=[LOG])
    forwarded = await world.bob.forward(shown, world.channel)
    world.fake.clock.advance(DAY_S + 1)
    async with world.bot():
        assert await asked_about(scene, shown) == ANSWER
        assert await asked_about(scene, forwarded) == ANSWER
    assert scene.read == sums([LOG, LOG])
    assert len(world.fake.cdn.served) == 4  # each address once in vain


async def test_an_address_is_told_anew_once_only(scene: Scene) -> None:
    world = scene.world
    async with world.bot():
        world.fake.cdn.faults.add(status=403)
        assert await scene.notice(LOG) == ANSWER
        fault = world.fake.cdn.faults.add(status=403, times=None)
        assert await scene.notice(PDF) == refused("report.pdf", say("file-status", status="403"))
    assert fault.hits == 2
    assert scene.read == sums([LOG])


@pytest.mark.parametrize("what", ["message", "file"])
async def test_what_was_deleted_meanwhile_is_gone(scene: Scene, what: str) -> None:
    world, going = scene.world, asyncio.Event()
    shown = await world.bob.say(world.channel, "look", files=[LOG])
    world.fake.cdn.faults.add(status=404, held_by=going)
    async with world.bot():
        asking = asyncio.create_task(asked_about(scene, shown))
        await world.until(lambda: world.fake.cdn.served)
        if what == "message":
            await world.bob.delete(shown)
        else:
            await world.bob.edit(shown, "look", without="pump.log")
        going.set()
        assert refused("pump.log", say("file-gone")) in await asking
    assert scene.read == []


async def test_a_file_of_a_command_has_no_other_address(scene: Scene) -> None:
    world = scene.world
    file = world.ada.attachment(world.channel, LOG)
    world.fake.clock.advance(DAY_S + 1)
    async with world.bot():
        await world.ada.run(world.channel, "ask", question="why?", file=file)
        await world.until(lambda: world.guild.threads)
        answer = await scene.answered(next(iter(world.guild.threads.values())))
    assert refused("pump.log", say("file-gone")) in answer


async def test_no_size_that_is_announced_is_believed(scene: Scene) -> None:
    world = scene.world
    world.core["attachment_max_mb"] = 1
    async with world.bot():
        files = world.fake.world.store_files
        small, large = files(world.channel.id, [LOG, PDF])
        small.announced, large.announced = 10, 2**30
        world.fake.cdn.bodies[small.id] = b"x" * (2**20 + 1)
        await world.ada.run(world.channel, "ask", question="why?", file=small, file2=large)
        await world.until(lambda: world.guild.threads)
        answer = await scene.answered(next(iter(world.guild.threads.values())))
    too_large = say("file-too-large", most=1)
    names = tuple(say("file-unread", name=name, reason=too_large) for name in ("pump.log", "report.pdf"))
    assert str(say("not-read", files=names)) in answer
    assert world.fake.cdn.served == [small.id]
    assert scene.read == []


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"drop": True}])
async def test_an_outage_is_waited_for_and_then_told(scene: Scene, fault: dict[str, Any]) -> None:
    faults = scene.world.fake.cdn.faults
    async with scene.world.bot():
        faults.add(**fault)
        assert await scene.notice(LOG) == ANSWER
        faults.add(**fault, times=None)
        assert await scene.notice(PDF) == refused("report.pdf", say("file-slow", platform="Discord"))
    assert scene.read == sums([LOG])


async def test_files_come_from_discords_own_hosts_only(scene: Scene) -> None:
    async with scene.world.bot(cdn_hosts="cdn.discordapp.com"):
        assert await scene.notice(LOG) == refused("pump.log", say("file-elsewhere"))
    assert scene.world.fake.cdn.served == []


async def test_a_damaged_file_alone_is_answered_without_the_model(scene: Scene) -> None:
    name, kind, content = PDF
    async with scene.world.bot():
        notice = await scene.notice((name, kind, content[:60]), text="")
    assert notice == unread("report.pdf")
    assert scene.model.asked == []


async def test_a_slow_file_holds_up_no_other_conversation(scene: Scene) -> None:
    world, arriving = scene.world, asyncio.Event()
    world.fake.cdn.faults.add(held_by=arriving)
    async with world.bot():
        slow = asyncio.create_task(scene.notice(LOG))
        await world.until(lambda: world.fake.cdn.served)
        assert await scene.notice(text="and you?") == ANSWER
        arriving.set()
        assert await slow == ANSWER
    assert [words_of(asked)[:4] for asked in scene.model.asked] == ["and ", "why?"]
