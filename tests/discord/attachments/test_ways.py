"""The same bytes of a file reach the model by every way on which a question may come."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.discord.attachments.conftest import FILES, LOG, PDF, PICTURE, Scene, sums
from tests.discord.test_gaps import caught_up
from tests.fakes.discord import Channel, Message
from tests.fakes.recording_model import pictures_of, words_of
from tests.waiting import until

Way = Callable[[Scene], Awaitable[Channel]]  # asks, and returns the place of the answer


async def thread_of(scene: Scene, question: Message) -> Channel:
    await scene.world.until(lambda: question.thread)
    return scene.world.thread(question)


def named(scene: Scene, text: str = "why?") -> str:
    return f"{scene.world.fake.bot.mention} {text}"


async def mention(scene: Scene) -> Channel:
    world = scene.world
    return await thread_of(scene, await world.ada.say(world.channel, named(scene), files=FILES))


async def mention_without_words(scene: Scene) -> Channel:
    world = scene.world
    return await thread_of(scene, await world.ada.say(world.channel, named(scene, ""), files=FILES))


async def direct(scene: Scene) -> Channel:
    return (await scene.world.ada.dm("why?", files=FILES)).channel


async def direct_without_words(scene: Scene) -> Channel:
    return (await scene.world.ada.dm("", files=FILES)).channel


async def reply(scene: Scene) -> Channel:
    world = scene.world
    shown = await world.bob.say(world.channel, "look", files=FILES)
    await world.bob.say(world.channel, "never mind")
    return await thread_of(scene, await world.ada.say(world.channel, named(scene), reply_to=shown))


async def reply_with_one_file_to_another(scene: Scene) -> Channel:
    world = scene.world
    shown = await world.bob.say(world.channel, files=[PICTURE, PDF])
    return await thread_of(scene, await world.ada.say(world.channel, named(scene), reply_to=shown, files=[LOG]))


async def reply_to_a_forward(scene: Scene) -> Channel:
    world = scene.world
    shown = await world.bob.say(world.guild.add_text_channel("pumps"), files=FILES)
    forwarded = await world.bob.forward(shown, world.channel)
    return await thread_of(scene, await world.ada.say(world.channel, named(scene), reply_to=forwarded))


async def forward(scene: Scene) -> Channel:
    world = scene.world
    shown = await world.bob.say(world.channel, files=FILES)
    return (await world.ada.forward(shown, world.fake.world.direct(world.ada))).channel


async def beginning_of_a_thread(scene: Scene) -> Channel:
    world = scene.world
    thread = await world.bob.open_thread(await world.bob.say(world.channel, files=FILES), "Pumps")
    await world.ask("why?", where=thread)
    return thread


async def earlier_in_a_thread(scene: Scene) -> Channel:
    world = scene.world
    thread = await world.bob.open_thread(world.channel, "Pumps", "look at this")
    await world.bob.say(thread, files=FILES)
    await world.bob.say(thread, "oh dear")
    await world.ask("why?", where=thread)
    return thread


async def right_above(scene: Scene) -> Channel:
    world = scene.world
    await world.bob.say(world.channel, files=FILES)
    return await thread_of(scene, await world.ask("why?"))


async def command(scene: Scene) -> Channel:
    world = scene.world
    one, two, three = (world.ada.attachment(world.channel, file) for file in FILES)
    await world.ada.run(world.channel, "ask", question="why?", file=one, file2=two, file3=three)
    await world.until(lambda: world.guild.threads)
    return next(iter(world.guild.threads.values()))


async def edit(scene: Scene) -> Channel:
    """It adds the mention to a message with files."""
    world = scene.world
    shown = await world.ada.say(world.channel, "why?", files=FILES)
    await world.ada.edit(shown, named(scene))
    return await thread_of(scene, shown)


@pytest.mark.parametrize(
    "way",
    [
        mention, mention_without_words, direct, direct_without_words, reply, reply_with_one_file_to_another,
        reply_to_a_forward, forward, beginning_of_a_thread, earlier_in_a_thread, right_above, command, edit,
    ],
)  # fmt: skip
async def test_the_same_bytes_reach_the_model(scene: Scene, way: Way) -> None:
    async with scene.world.bot():
        await scene.answered(await way(scene))
    reached(scene)


def reached(scene: Scene) -> None:
    """All three files were read once, and the model was shown them."""
    assert sorted(scene.read) == sums(FILES)
    (asked,) = scene.model.asked
    words = words_of(asked)
    assert "Attached file pump.log:\n```log\npressure low\n```" in words
    assert "Bearing 7 is worn" in words
    assert len(pictures_of(asked)) == 1


async def test_and_after_a_gap(scene: Scene) -> None:
    world = scene.world
    async with world.bot() as bot:
        await caught_up(world, bot)
    question = await world.ada.say(world.channel, named(scene), files=FILES)
    async with world.bot():
        await scene.answered(await thread_of(scene, question))
    reached(scene)


async def test_files_of_messages_in_quick_succession_are_of_one_question(scene: Scene) -> None:
    world, ada, busy = scene.world, scene.world.ada, asyncio.Event()
    world.core["join_window"] = 60.0
    world.fake.cdn.faults.add(held_by=busy)
    async with world.bot() as bot:
        where = (await ada.dm("why?", files=[LOG])).channel
        await world.until(lambda: world.fake.cdn.served)
        await ada.dm("and this?", files=[PICTURE])
        last = await ada.dm("", files=[PDF])
        await until(lambda: bot.parts.facts.is_turn(last.id))
        busy.set()
        await scene.answered(where, 2)
    _, asked = scene.model.asked
    assert "Bearing 7 is worn" in words_of(asked)
    assert len(pictures_of(asked)) == 1
    assert sorted(scene.read) == sums(FILES)


async def test_in_a_followed_thread_files_come_with_words_and_alone_they_ask_nothing(scene: Scene) -> None:
    world = scene.world
    async with world.bot() as bot:
        thread = await thread_of(scene, await world.ask())
        await scene.answered(thread)
        await world.ada.say(thread, files=[PICTURE])
        await world.ada.say(thread, files=[LOG])
        await world.quiet(bot)
        assert len(scene.model.asked) == 1
        await world.ada.say(thread, "and this?", files=[PDF])
        await scene.answered(thread, 2)
    assert scene.read == sums([PDF])


async def test_a_file_that_an_edit_adds_or_takes_away_makes_the_question_new(scene: Scene) -> None:
    world = scene.world
    async with world.bot() as bot:
        question = await world.ask("why?")
        thread = await thread_of(scene, question)
        await scene.answered(thread)
        text = question.content
        await world.ada.edit(question, text, adds=[LOG, PDF])
        await world.until(lambda: len(scene.model.asked) == 2)
        await scene.answered(thread)
        await world.ada.edit(question, text, without="pump.log")
        await world.until(lambda: len(scene.model.asked) == 3)
        await scene.answered(thread)
        await world.ada.edit(question, text)  # nothing has changed
        await world.quiet(bot)
    assert len(scene.model.asked) == 3
    assert ["pressure" in words_of(asked) for asked in scene.model.asked] == [False, True, False]
    assert ["Bearing" in words_of(asked) for asked in scene.model.asked] == [False, True, True]
    assert sorted(scene.read) == sums([LOG, PDF])


async def test_files_of_people_on_the_deny_list_are_named_and_not_fetched(scene: Scene) -> None:
    world = scene.world
    shown = await world.bob.say(world.channel, files=[LOG])
    async with world.bot(denied_users=str(world.bob.id)):
        await scene.answered(await thread_of(scene, await world.ada.say(world.channel, named(scene), reply_to=shown)))
    assert "(attached: pump.log)" in words_of(scene.model.asked[0])
    assert world.fake.cdn.served == []


async def test_a_picture_that_a_program_uploads_for_its_card_is_seen(scene: Scene) -> None:
    world = scene.world
    (stored,) = world.fake.world.store_files(world.channel.id, [PICTURE])
    card = {"type": "rich", "title": "Pump 3", "image": {"url": stored.url, "proxy_url": stored.url}}
    elsewhere = {"url": "https://pumps.example/x.png", "proxy_url": "https://images.example/external/x.png"}
    shown = await world.fake.webhook_says(world.channel, embeds=[card, {"type": "rich", "image": elsewhere}])
    async with world.bot():
        await scene.answered(await thread_of(scene, await world.ada.say(world.channel, named(scene), reply_to=shown)))
    assert scene.read == sums([PICTURE])


async def test_a_file_keeps_the_letters_that_discord_leaves_out_of_its_name(scene: Scene) -> None:
    world = scene.world
    async with world.bot():
        await world.ada.say(world.channel, named(scene), files=[("Lagerprüfung.log", "text/plain", b"worn")])
        await world.until(lambda: scene.model.asked)
    assert "Attached file Lagerprüfung.log:\n```log\nworn\n```" in words_of(scene.model.asked[0])
