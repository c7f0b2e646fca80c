"""The promise: every accepted message gets exactly one final answer, in its own thread, in order."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from glados_bots.conversation import Exchange, Turn
from glados_bots.errors import GenerationFailedError, PromptTooLongError, StoreUnavailableError
from glados_bots.inference.api.app import create_app
from glados_bots.store import dead_letters
from glados_bots.store.channels import ChannelBook
from glados_bots.store.connection import Client
from glados_bots.store.store import Edited, Store
from glados_bots.surface import PlaceGoneError, View
from glados_bots.turns.display import Display
from glados_bots.wire.client import InferenceClient
from glados_bots.wire.events import Delta, Finished, Queued
from glados_bots.wording.sentence import say
from tests.fakes.engine import ScriptedEngine
from tests.fakes.surface import MemorySurface
from tests.servers import free_port, running
from tests.turns.world import World, a_world
from tests.waiting import until

DONE = Finished("stop", 5, 0, 2)
LONG = "one two three four five six seven eight nine ten"


@pytest.fixture
async def world(client: Client) -> AsyncIterator[World]:
    async with a_world(client) as found:
        yield found


async def test_a_question_is_answered_once_and_kept(world: World) -> None:
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert (exchange.answer, exchange.outcome, exchange.model) == ("Hello **world**", "done", "scripted")
    assert world.surface.seen("t1") == "Hello **world**"
    assert world.surface.last("t1").state == "done"
    assert len(world.surface.ledger) == 1


async def test_a_long_answer_goes_on_in_further_messages_and_full_ones_never_change(world: World) -> None:
    world.engine.script = (*(Delta(f"{word} ") for word in LONG.split()), DONE)
    async with world.working():
        await world.say(1)
        await world.settled(1)
    assert world.surface.seen("t1") == LONG + " "
    for _, views in list(world.surface.ledger.values())[:-1]:
        full = [view.chunk for view in views if len(view.chunk) == 20]
        assert len(set(full)) == 1


async def test_a_turn_that_cannot_be_read_holds_up_no_other_conversation(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.say(1, "broken")
    await world.store.client.hset(f"{world.store.prefix}t:t1", "data", "{")
    async with world.working():
        await world.say(2)
        await world.settled(1)
    assert "a turn could not be begun" in caplog.text


async def test_turns_are_answered_in_order_with_the_history_of_the_ones_before(world: World) -> None:
    async with world.working(workers=3):
        for number in range(6):
            await world.say(number)
        exchanges = await world.settled(6)
    assert [exchange.turn for exchange in exchanges] == [f"t{number}" for number in range(6)]
    last_prompt = [message.content for message in world.engine.asked[-1][0] if message.role == "user"]
    assert last_prompt == [f"question {number}" for number in range(6)]


async def test_the_place_in_the_models_queue_is_shown(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    world.engine.script = (Queued(2, 9.0), Delta("x"), DONE)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.ledger and "number 3 in line" in world.surface.last("t1").notice)
        world.engine.gate.release()
        world.engine.gate.release()
        await world.settled(1)
    assert world.surface.last("t1").notice == ""


async def test_a_question_behind_another_one_is_told_so_in_the_message_that_will_hold_its_answer(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    async with world.working():
        await world.say(1)
        await until(lambda: world.engine.asked)
        await world.say(2)
        await until(lambda: any(owner == "t2" for owner, _ in world.surface.ledger.values()))
        assert world.surface.last("t2").notice == str(say("queued-next"))
        for _ in range(6):
            world.engine.gate.release()
        await world.settled(2)
    assert [owner for owner, _ in world.surface.ledger.values()] == ["t1", "t2"]


async def test_a_dead_worker_is_followed_by_another_in_the_same_message(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.dying():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
    world.engine.gate = None
    async with world.working():
        (exchange,) = await world.settled(1)
    assert exchange.answer == world.surface.seen("t1") == "Hello **world**"
    assert len(world.surface.ledger) == 1


async def test_a_drained_worker_gives_its_turn_back_at_once(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
    world.engine.gate = None
    lease = await world.store.claim()
    assert lease is not None
    assert (lease.attempts, lease.posts) == (1, ("p0",))
    await world.store.release(lease)
    async with world.working():
        await world.settled(1)
    assert len(world.surface.ledger) == 1


async def test_stop_keeps_what_was_said(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        await world.store.change("t1", "stop")
        (exchange,) = await world.settled(1)
        await until(lambda: world.engine.cancelled)
    assert (exchange.answer, exchange.outcome) == ("Hello ", "stopped")
    assert world.surface.last("t1").notice == "Stopped."


async def test_stop_keeps_what_was_said_by_a_worker_that_lost_the_turn(world: World) -> None:
    """A machine under load may miss its heartbeats between the stop and the end: people keep what they saw."""
    world.engine.gate = asyncio.Semaphore(1)
    async with world.dying():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
    await world.store.change("t1", "stop")
    async with world.working():
        (exchange,) = await world.settled(1)
    assert (exchange.answer, exchange.outcome) == ("Hello ", "stopped")
    assert world.surface.seen("t1") == "Hello "


async def test_redo_answers_again_in_place(world: World) -> None:
    async with world.working():
        await world.say(1)
        await world.say(2)
        await world.settled(2)
        world.engine.script = (Delta("Better"), DONE)
        await world.store.change("t1", "redo", Edited("new question"))
        await until(lambda: world.surface.seen("t1") == "Better")
        exchanges = await world.settled(2)
    assert (exchanges[0].turn, exchanges[0].question, exchanges[0].answer) == ("t1", "new question", "Better")
    assert [m.content for m in world.engine.asked[-1][0] if m.role == "user"] == ["new question"]
    assert len(world.surface.ledger) == 2


async def test_a_question_edited_while_it_is_answered_is_answered_anew(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        await world.store.change("t1", "redo", Edited("edited"))
        await until(lambda: len(world.engine.asked) == 2)
        for _ in range(3):
            world.engine.gate.release()
        (exchange,) = await world.settled(1)
    assert (exchange.question, exchange.answer) == ("edited", "Hello **world**")
    assert len(world.surface.ledger) == 1


async def test_a_deleted_question_takes_its_answer_with_it(world: World) -> None:
    async with world.working():
        await world.say(1)
        await world.settled(1)
        await world.store.change("t1", "delete")
        await until(lambda: not world.surface.ledger)
        assert await world.settled(0) == []


async def test_a_failure_in_the_middle_is_tried_again_and_half_an_answer_is_never_final(world: World) -> None:
    world.engine.script = (Delta("Half"), GenerationFailedError("bang"))
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.ledger and "not reachable" in world.surface.last("t1").notice)
        assert world.surface.last("t1").state == "waiting"
        world.engine.script = (Delta("Whole"), DONE)
        (exchange,) = await world.settled(1)
    assert exchange.answer == world.surface.seen("t1") == "Whole"


async def test_a_model_that_is_away_is_waited_for(client: Client) -> None:
    port = free_port()
    inference = InferenceClient(f"http://127.0.0.1:{port}/v1")
    world = World(Store(client, "test", ttl=60, max_exchanges=5), MemorySurface(), ScriptedEngine(), inference)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.ledger and "not reachable" in world.surface.last("t1").notice)
        async with running(create_app(world.engine), port):
            (exchange,) = await world.settled(1)
            assert exchange.outcome == "done"
    await inference.aclose()


async def test_a_prompt_that_is_too_long_loses_its_oldest_exchanges_and_says_so(world: World) -> None:
    async with world.working():
        for number in range(4):
            await world.say(number)
        await world.settled(4)
        refusals = iter([PromptTooLongError(2000, 900, 1000)])

        async def refuse_once(*args: object) -> AsyncIterator[object]:
            error = next(refusals, None)
            if error:
                raise error
            async for event in answer(*args):  # type: ignore[arg-type]
                yield event

        answer = world.engine.generate
        world.engine.generate = refuse_once  # type: ignore[method-assign, assignment]
        await world.say(9, text="long " * 300)
        exchanges = await world.settled(5)
    assert exchanges[-1].outcome == "done"
    assert "did not fit" in world.surface.last("t9").notice


async def test_a_question_that_alone_is_too_long_gets_an_apology_with_the_figures(world: World) -> None:
    world.engine.script = (PromptTooLongError(2000, 900, 1000),)
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "failed"
    assert "2,000 tokens" in world.surface.seen("t1")
    assert world.surface.last("t1").state == "failed"


async def test_an_empty_answer_is_an_apology_not_silence(world: World) -> None:
    world.engine.script = (Finished("stop", 5, 0, 0),)
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "failed"
    assert "rephrase" in world.surface.seen("t1")


async def test_faults_of_the_platform_are_outlasted_without_doubles(world: World) -> None:
    world.surface.faults = [OSError("reset"), TimeoutError("slow")]
    async with world.working():
        await world.say(1)
        await world.settled(1)
    assert world.surface.seen("t1") == "Hello **world**"
    assert len(world.surface.ledger) == 1


async def test_an_answer_deleted_by_a_user_while_it_grows_is_said_again(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        world.surface.deleted.add("p0")
        world.engine.gate.release()
        world.engine.gate.release()
        await world.settled(1)
    assert world.surface.ledger["p1"][1][-1].chunk == "Hello **world**"


async def test_a_thread_that_is_gone_ends_its_turn(world: World) -> None:
    world.surface.gone = True
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "failed"


async def test_a_poison_turn_ends_with_an_apology_and_a_dead_letter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poison(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("glados_bots.turns.prompts.fit", poison)
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "failed"
    assert "operator" in world.surface.seen("t1")
    assert await world.store.client.zrange("glados:{test}:dead", 0, -1) == ["t1"]


async def test_many_conversations_at_once_never_mix(world: World) -> None:
    async with world.working(workers=2):
        for number in range(30):
            await world.say(number, conversation=f"c{number % 10}")
        for number in range(10):
            exchanges = await world.settled(3, f"c{number}")
            assert [exchange.turn for exchange in exchanges] == [f"t{n}" for n in range(number, 30, 10)]
    assert len(world.surface.ledger) == 30


# --- what is asked of a turn in its last moment, or while it waits ---------------------------------------------------


async def test_a_question_deleted_while_its_whole_answer_is_being_shown_goes_with_the_answer(world: World) -> None:
    edits = world.surface.edit

    async def delete_first(turn: Turn, post: str, view: View) -> None:
        if view.state == "done":
            await world.store.change("t1", "delete")
        await edits(turn, post, view)

    world.surface.edit = delete_first  # type: ignore[method-assign]
    async with world.working():
        await world.say(1)
        await until(lambda: world.engine.asked)
        await world.settled(0)
    assert await world.answers() == []
    assert not world.surface.ledger


async def test_a_question_edited_while_its_whole_answer_is_being_shown_is_answered_anew(world: World) -> None:
    edits = world.surface.edit
    changed: list[str | None] = []

    async def edit_first(turn: Turn, post: str, view: View) -> None:
        if view.state == "done" and not changed:
            changed.append(await world.store.change("t1", "redo", Edited("edited")))
        await edits(turn, post, view)

    world.surface.edit = edit_first  # type: ignore[method-assign]
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert changed == ["running"]
    assert exchange.question == "edited"
    assert len(world.engine.asked) == 2
    assert len(world.surface.ledger) == 1


async def test_a_whole_answer_that_a_dead_worker_left_is_not_shown_for_a_question_deleted_since(world: World) -> None:
    await world.say(1)
    lease = await world.store.claim()
    assert lease
    await world.store.note_answer(lease, Exchange("t1", "question 1", "stale", "done", "ada"))
    await world.store.change("t1", "delete")
    async with world.working():
        await world.settled(0)
    assert await world.answers() == []
    assert not world.surface.ledger


async def test_places_in_the_queue_are_kept_true(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    async with world.working():
        await world.say(1)
        await until(lambda: world.engine.asked)
        await world.say(2)
        await world.say(3)
        await until(lambda: str(say("queued", count=2)) in world.surface.notice("t3"))
        for _ in range(3):
            world.engine.gate.release()
        await until(lambda: "next" in world.surface.notice("t3"))
        for _ in range(6):
            world.engine.gate.release()
        await world.settled(3)
    assert [owner for owner, _ in world.surface.ledger.values()] == ["t1", "t2", "t3"]


async def test_a_waiting_question_that_is_stopped_says_so_at_once_and_is_never_asked(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    async with world.working():
        await world.say(1)
        await until(lambda: world.engine.asked)
        await world.say(2)
        await until(lambda: "next" in world.surface.notice("t2"))
        await world.store.change("t2", "stop")
        await until(lambda: world.surface.notice("t2") == "Stopped.")
        for _ in range(3):
            world.engine.gate.release()
        exchanges = await world.settled(2)
    assert [exchange.outcome for exchange in exchanges] == ["done", "stopped"]
    assert len(world.engine.asked) == 1


async def test_parts_of_a_joined_question_follow_their_edits_and_deletions(world: World) -> None:
    async with world.working():
        await world.say(0)
        await world.settled(1)
    lease_holder = Turn("t1", "c", "ada", "one")
    await world.store.accept(lease_holder)
    await world.intake.accept(Turn("t2", "c", "ada", "two"))
    assert (await world.intake.accept(Turn("t3", "c", "ada", "three"))).turn == "t1"
    async with world.working():
        assert (await world.settled(2))[1].question == "one\ntwo\nthree"
        await world.intake.redo("t2", "ada", Edited("TWO"))
        await until(lambda: len(world.engine.asked) == 3)
        assert (await world.settled(2))[1].question == "one\nTWO\nthree"
        await world.store.change("t1", "delete")
        await until(lambda: len(world.engine.asked) == 4)
        assert (await world.settled(2))[1].question == "TWO\nthree"
        await world.store.change("t3", "delete")
        await until(lambda: len(world.engine.asked) == 5)
        assert (await world.settled(2))[1].question == "TWO"
        await world.store.change("t2", "delete")
        await until(lambda: not world.surface.seen("t1"))
        assert len(await world.settled(1)) == 1


# --- ends ------------------------------------------------------------------------------------------------------------


async def test_an_answer_interrupted_by_a_shutdown_keeps_its_text_says_so_and_is_never_taken_for_the_whole(
    world: World,
) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
    assert world.surface.seen("t1") == "Hello "
    assert "restart" in world.surface.notice("t1")
    assert world.surface.last("t1").state == "waiting"


async def test_who_lost_a_turn_says_no_goodbye_under_the_answer_of_another(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working() as (worker,):
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        run, task, _ = worker._runs["t1"]
        ending = await world.store.finish(run.lease, Exchange("t1", "question 1", "Hello there", "done", "ada"))
        await worker._hand_over(run, task)
    assert ending == "ended"
    assert "restart" not in world.surface.notice("t1")


async def test_a_running_answer_gets_the_grace_time_to_finish(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working() as (worker,):
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        draining = asyncio.create_task(worker.drain(15))
        await world.say(2, "other")
        world.engine.gate.release()
        world.engine.gate.release()
        await draining
        assert [exchange.outcome for exchange in await world.answers()] == ["done"]
        assert await world.store.queue("other") == ("t2",)
    assert len(world.engine.asked) == 1


async def test_a_poison_turn_whose_apology_cannot_be_shown_either_holds_nobody_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glados_bots.turns.insistence.TRIES", 1)

    async def refuse(turn: Turn, view: View, nonce: str) -> str:
        if turn.id == "t1":
            raise ValueError("the platform refuses this text")
        return await posts(turn, view, nonce)

    posts, world.surface.post = world.surface.post, refuse  # type: ignore[method-assign]
    async with world.working():
        await world.say(1)
        await world.say(2)
        exchanges = await world.settled(2)
    assert [exchange.outcome for exchange in exchanges] == ["failed", "done"]
    (letter,) = await dead_letters.dead(world.store)
    assert letter.error == "ValueError: the platform refuses this text"


async def test_a_channel_has_its_own_model_and_persona(world: World) -> None:
    world.engine.models = ("scripted", "other")
    book = ChannelBook(world.store)
    await book.set_model("c", "other")
    await book.set_persona("c", "You are a pirate.")
    async with world.working():
        await world.say(1)
        await world.say(2, "elsewhere")
        (exchange,) = await world.settled(1)
        (default,) = await world.settled(1, "elsewhere")
    assert (exchange.model, default.model) == ("other", "scripted")
    systems = {messages[0].content for messages, _ in world.engine.asked}
    assert systems == {"You are a pirate.", world.settings.system_prompt}


async def test_the_channels_level_of_thinking_travels_with_the_turn_where_the_model_knows_it(world: World) -> None:
    world.engine.thinking_levels = ("off", "on")
    book = ChannelBook(world.store)
    await book.set_thinking("c", "off")
    await book.set_thinking("d", "high")
    async with world.working():
        for number, place in enumerate(("c", "d", "e")):
            await world.say(number, place)
            await world.settled(1, place)
    assert [sampling.effort for _, sampling in world.engine.asked] == ["none", None, None]
    told = str(say("thinking-unknown", level="high", model="scripted"))
    notices = [view.notice for _, views in world.surface.ledger.values() for view in views if view.state == "done"]
    assert [told in notice for notice in notices] == [False, True, False]


async def test_a_model_that_is_not_served_any_more_is_said_in_the_thread_with_those_that_are(world: World) -> None:
    await ChannelBook(world.store).set_model("c", "gone")
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "failed"
    assert "gone" in world.surface.seen("t1")
    assert "scripted" in world.surface.seen("t1")


async def test_a_lora_that_came_and_went_since_the_list_was_read_is_noticed(world: World) -> None:
    book = ChannelBook(world.store)
    async with world.working():
        await world.say(1)
        await world.settled(1)
        await world.engine.load_lora("new", "new")
        await book.set_model("c", "new")
        await world.say(2)
        assert [exchange.model for exchange in await world.settled(2)] == ["scripted", "new"]
        await world.engine.unload_lora("new")
        await world.say(3)
        gone = (await world.settled(3))[-1]
    assert gone.answer == str(say("cannot-answer", reason=say("model-gone", model="new", models=("scripted",))))


@pytest.mark.parametrize(("shown", "name"), [(False, ""), (True, "scripted")])
async def test_the_model_is_named_under_the_whole_answer_when_that_is_set(
    client: Client, shown: bool, name: str
) -> None:
    async with a_world(client, show_model=shown) as world, world.working():
        await world.say(1)
        await world.settled(1)
        views = [view for _, views in world.surface.ledger.values() for view in views]
    assert views[-1].model == name
    assert {view.model for view in views if view.state != "done"} == {""}


async def test_a_turn_whose_process_died_again_and_again_is_not_taken_for_poison(world: World) -> None:
    await world.say(1)
    for attempt in range(1, 9):
        lease = await world.store.claim()
        assert lease
        assert (lease.attempts, lease.failures) == (attempt, 0)
        await world.store.client.zadd("glados:{test}:ready", {"c": 0})  # its lease runs out
    async with world.working():
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "done"


@pytest.mark.parametrize("method", ["history", "save_posts", "finish"])
async def test_a_store_that_is_away_for_a_while_is_waited_for_and_no_failure_of_the_turn(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    calls, real = [], getattr(world.store, method)

    async def away_at_first(*args: object) -> object:
        calls.append(args)
        if len(calls) <= 2:
            raise StoreUnavailableError("the conversation store does not answer")
        return await real(*args)

    monkeypatch.setattr(world.store, method, away_at_first)
    async with world.working():
        await world.say(1)
        await until(lambda: len(calls) > 2)
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "done"
    assert len(world.surface.ledger) == 1
    assert len(world.engine.asked) == 1


async def test_messages_stand_in_the_order_of_their_questions_even_when_posting_is_slow_or_fails(world: World) -> None:
    posts, refused = world.surface.post, {"t2": 1}
    go_on = asyncio.Event()

    async def slow_or_failing(turn: Turn, view: View, nonce: str) -> str:
        if turn.id == "t1":
            await go_on.wait()
        if refused.pop(turn.id, 0):
            raise OSError("reset")
        return await posts(turn, view, nonce)

    world.surface.post = slow_or_failing  # type: ignore[method-assign]
    world.engine.gate = asyncio.Semaphore(0)
    async with world.working():
        for number in (1, 2, 3):
            await world.say(number)
        await asyncio.sleep(0.5)  # two heartbeats
        assert not world.surface.ledger
        go_on.set()
        await until(lambda: world.surface.notice("t3"))
        for _ in range(9):
            world.engine.gate.release()
        await world.settled(3)
    assert [owner for owner, _ in world.surface.ledger.values()] == ["t1", "t2", "t3"]


async def test_what_is_refused_for_good_while_the_answer_is_completed_is_not_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete, tried, pause = asyncio.Event(), [], Display.pause

    def complete_and_pause(display: Display) -> None:
        complete.set()
        pause(display)

    async def refuse(turn: Turn, *_: object) -> str:
        tried.append(turn.id)
        await complete.wait()
        raise PlaceGoneError("is_archived")

    monkeypatch.setattr(Display, "pause", complete_and_pause)
    monkeypatch.setattr(world.surface, "post", refuse)
    await world.say(1)
    async with world.working():
        (exchange,) = await world.settled(1)
    assert (exchange.outcome, tried) == ("failed", ["t1"])
