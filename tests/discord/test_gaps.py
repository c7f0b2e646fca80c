"""What happens to known questions while the bot has no session, and in which order things are taken in afterwards."""

import asyncio

import pytest

from glados_bots.store.leases import Action
from glados_bots.store.store import Store
from glados_bots.turns.turn import TurnRun
from glados_bots.wording.sentence import say
from glados_discord.incoming.channel_order import ChannelOrder
from glados_discord.run import Bot
from tests.discord.conftest import World
from tests.fakes.discord import Channel, Message, Permission


async def caught_up(world: World, bot: Bot) -> None:
    """Return when the bot has looked back and its time is stamped."""
    await world.until(lambda: bot.parts.catch_up._caught)
    await bot.parts.catch_up.stamp()


async def answered_before_a_gap(world: World, answer_in: str = "thread") -> Message:
    """A question that was answered by a bot that is stopped now."""
    async with world.bot(answer_in=answer_in) as bot:
        question = await world.ask()
        await world.until(lambda: [one for one in world.fake.answers() if "Hello **world**" in one.content])
        await world.quiet(bot)
        await caught_up(world, bot)
    return question


def look_of(thread: Channel) -> tuple[str, bool]:
    """Its name, and whether it is archived."""
    assert thread.thread
    return thread.name, thread.thread.archived


def asked_for(world: World, question: Message) -> int:
    """How often Discord was asked for this one message."""
    return len([one for one in world.fake.ledger.requests if one.method == "GET" and f"/{question.id}" in one.path])


@pytest.mark.parametrize("answer_in", ["thread", "reply"])
async def test_a_question_deleted_during_a_restart_takes_its_answer_along(world: World, answer_in: str) -> None:
    question = await answered_before_a_gap(world, answer_in=answer_in)
    await world.ada.delete(question)
    async with world.bot(answer_in=answer_in) as bot:
        await world.until(lambda: not world.fake.answers())
        await world.quiet(bot)
        assert await bot.core.store.turn(str(question.id)) is None


async def test_a_question_edited_during_a_restart_is_answered_anew_in_place(world: World) -> None:
    question = await answered_before_a_gap(world)
    await world.ada.edit(question, f"{world.fake.bot.mention} what is a lime?")
    async with world.bot() as bot:
        await world.until(lambda: len(world.engine.asked) == 2)
        await world.answered(question)
        await world.quiet(bot)
        await caught_up(world, bot)
    async with world.bot() as bot:
        await caught_up(world, bot)
        await world.quiet(bot)
    assert [prompt[-1] for prompt in world.prompts] == ["what is a lemon?", "what is a lime?"]
    assert world.said(world.thread(question)) == ["Hello **world**"]


async def test_what_happens_to_questions_around_an_invalid_session_is_found(world: World) -> None:
    async with world.bot() as bot:
        first, second = await world.ask("one"), await world.ask("two", by=world.bob)
        await world.answered(first)
        await world.answered(second)
        await world.quiet(bot)
        await caught_up(world, bot)
        world.fake.gateway.invalidate(resumable=False)
        await world.ada.delete(first)
        await world.bob.edit(second, f"{world.fake.bot.mention} three")
        await world.until(lambda: not world.said(world.thread(first)))
        await world.until(lambda: len(world.engine.asked) == 3)
        await world.answered(second)
    assert world.prompts[-1] == ["three"]


async def test_questions_are_looked_at_by_pages_and_each_that_is_gone_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glados_discord.incoming.second_look.PAGE", 2)
    async with world.bot(answer_in="reply") as bot:
        questions = [await world.ask(f"question {number}") for number in range(5)]
        await world.until(lambda: len(world.finished(world.channel)) == 5)
        await world.quiet(bot)
        await caught_up(world, bot)
    for gone in (questions[0], questions[3]):
        await world.ada.delete(gone)
    async with world.bot(answer_in="reply") as bot:
        await world.until(lambda: len(world.finished(world.channel)) == 3)
        await caught_up(world, bot)
        await world.quiet(bot)
        kept = [await bot.core.store.turn(str(question.id)) is not None for question in questions]
    assert kept == [False, True, True, False, True]


async def test_a_place_whose_history_cannot_be_read_any_more_counts_as_unchanged(world: World) -> None:
    question = await answered_before_a_gap(world, answer_in="reply")
    world.guild.overwrite(world.channel, world.guild.everyone, deny=Permission.READ_MESSAGE_HISTORY)
    async with world.bot(answer_in="reply") as bot:
        await caught_up(world, bot)
        await world.quiet(bot)
        assert await bot.core.store.turn(str(question.id))
    assert len(world.finished(world.channel)) == 1


async def test_a_half_written_answer_to_a_question_that_is_gone_is_not_written_to_its_end(world: World) -> None:
    world.core["grace"] = 0.1
    world.hold()
    async with world.bot() as bot:
        question = await world.ask()
        world.go_on(1)
        await world.until(lambda: question.thread and world.said(question.thread) == ["Hello"])
        await caught_up(world, bot)
    await world.ada.delete(question)
    thread = world.thread(question)
    async with world.bot() as bot:
        await world.until(lambda: not world.said(thread))
        world.go_on()
        await caught_up(world, bot)
        await world.quiet(bot)
        assert await bot.core.store.load() == (0, 0)
        assert await bot.core.store.turn(str(question.id)) is None
    assert world.said(thread) == []


@pytest.mark.parametrize("answer_in", ["thread", "reply"])
async def test_a_question_deleted_before_its_answer_was_begun_is_answered_nowhere(world: World, answer_in: str) -> None:
    world.core["grace"] = 0.1
    async with world.bot(answer_in=answer_in):
        fault = world.fake.faults.add(method="POST", path="/channels/*", status=503, times=None)
        question = await world.ask()
        await world.until(lambda: fault.hits)
    world.fake.faults.remove(fault)
    await world.ada.delete(question)
    async with world.bot(answer_in=answer_in) as bot:
        await caught_up(world, bot)
        await world.quiet(bot)
        assert await bot.core.store.load() == (0, 0)
        assert await bot.core.store.turn(str(question.id)) is None
    assert not world.fake.answers()


async def test_it_goes_too_when_the_deletion_is_heard_of_while_discord_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn's run knows that it is to be deleted before the surface says that its question is gone."""
    world.core["grace"] = 0.1
    world.hold()
    async with world.bot() as bot:
        question = await world.ask()
        world.go_on(1)
        await world.until(lambda: question.thread and world.said(question.thread) == ["Hello"])
        await caught_up(world, bot)
    thread = world.thread(question)
    await world.ada.delete(question)
    interrupted, interrupt = asyncio.Event(), TurnRun.interrupt
    asked_of = Store.asked_of

    def interrupt_and_tell(run: TurnRun, action: Action) -> None:
        interrupt(run, action)
        interrupted.set()

    async def asked_after_the_interrupt(store: Store, turn: str) -> Action | None:
        if interrupted.is_set():
            return await asked_of(store, turn)
        await interrupted.wait()
        return "delete"

    monkeypatch.setattr(TurnRun, "interrupt", interrupt_and_tell)
    monkeypatch.setattr(Store, "asked_of", asked_after_the_interrupt)
    async with world.bot() as bot:
        await world.until(lambda: not world.said(thread))
        await world.quiet(bot)
        assert await bot.core.store.turn(str(question.id)) is None
    assert look_of(thread) == (str(say("thread-deleted")), True)


async def test_a_thread_that_cannot_be_made_because_the_question_is_gone_means_that_it_was_deleted(
    world: World,
) -> None:
    async with world.bot() as bot:
        world.fake.faults.add(method="POST", path="/channels/*/threads", status=404, code=10008)
        question = await world.ask()
        await world.quiet(bot)
        assert await bot.core.store.turn(str(question.id)) is None
    assert not world.fake.answers()


async def test_a_question_that_was_heard_is_never_asked_for(world: World) -> None:
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        await world.quiet(bot)
    assert asked_for(world, question) == 0


async def test_a_question_of_the_gap_goes_before_one_asked_right_after(world: World) -> None:
    question = await answered_before_a_gap(world)
    thread, sessions = world.thread(question), world.fake.gateway.identified
    await world.ada.say(thread, "missed")
    async with asyncio.TaskGroup() as group:

        async def ask_as_soon_as_it_listens() -> None:
            await world.until(lambda: world.fake.gateway.identified > sessions)
            await world.bob.say(thread, "right after")

        group.create_task(ask_as_soon_as_it_listens())
        async with world.bot():
            await world.until(lambda: len(world.finished(thread)) == 3)
    assert world.prompts[-1] == ["ada: what is a lemon?", "ada: missed", "bob: right after"]


async def test_a_gap_that_cannot_be_read_holds_new_questions_for_a_bounded_time(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("glados_discord.incoming.channel_order.LONGEST_UNREAD_S", 0.1)
    monkeypatch.setattr("glados_discord.incoming.channel_order.LONGEST_HOLD_S", 0.1)
    first = await answered_before_a_gap(world)
    await world.ada.say(world.thread(first), "missed")
    world.fake.faults.add(method="GET", path="/channels/*/messages", status=503, times=None)
    async with world.bot():
        await world.answered(await world.ask("asked meanwhile"))
    assert "new events wait no longer" in caplog.text


async def test_new_questions_are_held_as_long_as_discord_is_away_or_the_gap_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else what was missed would be answered below what was asked later."""
    monkeypatch.setattr("glados_discord.incoming.catch_up.LONGEST_NAP_S", 1.0)
    first, other = await answered_before_a_gap(world), await answered_before_a_gap(world)
    thread = world.thread(first)
    await world.ada.say(world.thread(other), f"{world.fake.bot.mention} elsewhere")
    await world.ada.say(thread, f"{world.fake.bot.mention} missed")
    histories = "/channels/*/messages"
    outage = world.fake.faults.add(method="GET", path=histories, status=503, times=None)
    async with world.bot() as bot:
        await world.until(lambda: outage.hits)
        await world.ada.say(thread, f"{world.fake.bot.mention} asked meanwhile")
        await world.until(lambda: outage.hits > 2)
        (hold,) = bot.parts.order._holds.values()
        assert hold.is_read
        world.fake.faults.remove(outage)
        world.fake.faults.add(method="GET", path=histories, delay_s=1.0, times=2)
        await world.until(lambda: len(world.prompts) == 5)
        await world.quiet(bot)
    said = [prompt[-1] for prompt in world.prompts]
    assert said.index("missed") < said.index("asked meanwhile")
    assert "new events wait no longer" not in caplog.text


async def test_what_is_written_in_a_thread_waits_for_the_message_it_stands_on() -> None:
    order, done, is_read = ChannelOrder(), list[str](), asyncio.Event()

    async def read() -> None:
        await is_read.wait()
        done.append("question")

    async def follow() -> None:
        done.append("in its thread")

    async def elsewhere() -> None:
        done.append("elsewhere")

    works = [
        asyncio.create_task(order.do(1, read, opens=10)),
        asyncio.create_task(order.do(10, follow, opens=11)),
        asyncio.create_task(order.do(2, elsewhere, opens=12)),
    ]
    await works[2]
    assert done == ["elsewhere"]
    is_read.set()
    await asyncio.gather(*works)
    assert done == ["elsewhere", "question", "in its thread"]


async def test_what_is_held_follows_what_is_late_in_its_own_order_and_other_shards_go_on() -> None:
    order, done = ChannelOrder(), list[str]()
    hold = order.hold(0, 2)

    def note(word: str) -> asyncio.Task[None]:
        async def work() -> None:
            done.append(word)

        channel, guild = (6, 1 << 22) if word == "other shard" else (5, 2 << 22)
        return asyncio.create_task(order.do(channel, work, guild=guild, late=word == "missed"))

    held = [note("first"), note("second")]
    await note("other shard")
    await note("missed")
    assert done == ["other shard", "missed"]
    hold.free(2 << 22)
    await asyncio.gather(*held, note("third"))
    assert done == ["other shard", "missed", "first", "second", "third"]


async def test_a_hold_lasts_longer_while_its_gap_is_read_and_so_do_those_behind_it() -> None:
    order = ChannelOrder()
    first = order.hold()
    second = order.hold()
    before = first.ends_at, second.ends_at
    first.is_read = True
    assert first.ends_at > before[0]
    assert second.ends_at == first.ends_at  # else it would let loose what the first holds
    first.free_all()
    assert second.ends_at == before[1]


async def test_a_session_that_ends_before_its_gap_was_read_lets_nothing_overtake_what_was_missed(world: World) -> None:
    first = await answered_before_a_gap(world)
    thread = world.thread(first)
    await world.ada.say(thread, f"{world.fake.bot.mention} missed")
    outage = world.fake.faults.add(method="GET", path="/channels/*/messages", status=503, times=None)
    async with world.bot() as bot:
        await world.until(lambda: outage.hits)
        await world.ada.say(thread, f"{world.fake.bot.mention} asked meanwhile")
        sessions = world.fake.gateway.identified
        world.fake.gateway.invalidate(resumable=False)
        await world.until(lambda: world.fake.gateway.identified > sessions)
        await world.until(lambda: outage.hits > 2)
        world.fake.faults.remove(outage)
        await world.until(lambda: len(world.prompts) == 3)
        await world.quiet(bot)
    assert [prompt[-1] for prompt in world.prompts][1:] == ["missed", "asked meanwhile"]


@pytest.mark.parametrize("reader", ["of the first gap", "of the second gap"])
async def test_what_is_held_goes_on_waiting_for_its_gap_when_another_session_begins(reader: str) -> None:
    order, done = ChannelOrder(), list[str]()

    def note(word: str, *, late: bool = False) -> asyncio.Task[None]:
        async def work() -> None:
            done.append(word)

        return asyncio.create_task(order.do(5, work, late=late))

    first = order.hold()
    held = [note("in the first session")]
    await asyncio.sleep(0)
    second = order.hold()
    held.append(note("in the second session"))
    await note("missed before the first", late=True)
    assert done == ["missed before the first"]
    if reader == "of the first gap":
        first.free_all()
        await held[0]
        assert len(done) == 2
    second.free_all()
    await asyncio.gather(*held)
    assert done == ["missed before the first", "in the first session", "in the second session"]
    assert first.is_free


async def test_what_is_held_when_the_end_comes_is_left_for_the_next_process() -> None:
    order, done = ChannelOrder(), list[str]()
    order.hold()

    async def work() -> None:
        done.append("held")

    held = asyncio.create_task(order.do(5, work))
    await asyncio.sleep(0)
    assert order.pending == 1
    await order.drain()
    await held
    assert not done
