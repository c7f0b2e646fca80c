"""What people may tell the bot besides asking."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest

from glados_bots.commands import Commands, first_word
from glados_bots.conversation import Turn
from glados_bots.errors import GladosError
from glados_bots.operations import audit
from glados_bots.store.channels import LONGEST_PERSONA, ChannelBook
from glados_bots.store.connection import Client
from glados_bots.store.limits import Limit, Limits
from glados_bots.wire.client import InferenceClient
from tests.servers import free_port
from tests.turns.world import World, a_world
from tests.waiting import until


@pytest.fixture
async def world(client: Client) -> AsyncIterator[World]:
    async with a_world(client) as found:
        yield found


def commands(world: World, client: InferenceClient | None = None) -> Commands:
    return Commands(world.store, world.records, ChannelBook(world.store), client or world.client)


@pytest.mark.parametrize("space", [" ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028", " \n "])
def test_any_white_space_ends_the_word_of_a_command(space: str) -> None:
    assert first_word(f"{space}ask{space}why is{space}that?\n") == ("ask", f"why is{space}that?")


@pytest.mark.parametrize(("text", "expected"), [("", ("", "")), (" \n", ("", "")), ("help\t", ("help", ""))])
def test_a_command_may_have_no_word_or_no_rest(text: str, expected: tuple[str, str]) -> None:
    assert first_word(text) == expected


async def test_a_model_can_be_chosen_among_those_served_and_taken_back(world: World) -> None:
    world.engine.models = ("scripted", "other")
    desk = commands(world)
    assert await desk.models() == ["scripted", "other"]
    assert "`other`" in await desk.set_model("room", "other")
    assert "uses `other`" in await desk.model("room")
    assert "default, `scripted`" in await desk.model("elsewhere")
    await desk.set_model("room", "")
    assert "default, `scripted`" in await desk.model("room")
    with pytest.raises(GladosError, match=r"no model `x` here\. Served: `scripted`, `other`"):
        await desk.set_model("room", "x")


async def test_a_persona_is_kept_per_channel_within_bounds(world: World) -> None:
    desk = commands(world)
    await desk.set_persona("room", "  You are a pirate. ")
    assert (await desk.persona("room")).endswith("\n\nYou are a pirate.")
    with pytest.raises(GladosError, match=str(LONGEST_PERSONA)):
        await desk.set_persona("room", "x" * (LONGEST_PERSONA + 1))
    await desk.set_persona("room", "")
    assert "no persona" in await desk.persona("room")
    assert not await world.store.client.exists("glados:{test}:ch:room")


@pytest.mark.parametrize("text", ["a" + "\u0301" * 2_500, "\u200d".join("👩" * 40), "ok \u1100" * 2 + "\u1100" * 40])
async def test_a_persona_that_no_message_could_show_is_refused(world: World, text: str) -> None:
    desk = commands(world)
    with pytest.raises(GladosError, match="more than 32 marks"):
        await desk.set_persona("room", text)
    await desk.set_persona("room", "Zalgo: h\u0336\u0310i\u0337, ก็ and 👩\u200d👩\u200d👧\u200d👦")
    assert "Zalgo" in await desk.persona("room")


async def test_what_an_admin_sets_is_written_down_without_its_words(world: World) -> None:
    world.engine.models = ("scripted", "other")
    desk = commands(world)
    await desk.set_model("room", "other", by="7")
    await desk.set_persona("room", "You are a pirate.", by="7")
    await desk.set_persona("room", "")
    written = [(entry.actor, entry.act, entry.target) for entry in await audit.entries(world.store.client)]
    assert written == [("test:7", "set persona", "room: 17 characters"), ("test:7", "set model", "room: other")]


async def test_usage_tells_each_limit_that_is_set(world: World) -> None:
    world.store.limits = Limits(user=Limit(per_minute=3), everybody=Limit(tokens_per_day=1000))
    desk = commands(world)
    await world.intake.accept(Turn("1", "c", "ada", "Hi", channel="room"))
    assert "You: 1 of 3 questions in this minute" in await desk.usage("ada", "room")
    assert "You: 0 of 3" in await desk.usage("bob", "room")
    assert re.search(r"Everybody together: 0 of 1\s000 tokens today", await desk.usage("bob"))
    world.store.limits = Limits()
    assert await desk.usage("ada") == "There is no limit here."


async def test_stop_ends_what_is_the_persons_own_and_a_moderator_everything(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    async with world.working():
        await world.say(1)
        await until(lambda: world.engine.asked)
        await world.say(2, author="bob")
        await world.say(3)
        assert "nothing of yours" in await commands(world).stop("c", "eve")
        assert await commands(world).stop("c", "bob") == "Stopped."
        assert await commands(world).stop("c") == "Stopped 3 questions."
        exchanges = await world.settled(3)
    assert {exchange.outcome for exchange in exchanges} == {"stopped"}
    assert len(world.engine.asked) == 1
    assert "nothing to stop" in await commands(world).stop("c")


async def test_export_holds_everything_of_one_person_and_forget_empties_it(world: World) -> None:
    async with world.working():
        await world.say(1, text="mine 🎂")
        await world.say(2, author="bob")
        await world.settled(2)
    for person in ("ada", "bob"):
        await world.records.vote("t1", person, "up")
    await world.say(3, "other", text="not answered yet")
    data = json.loads(await commands(world).export("ada"))
    assert (data["platform"], data["author"]) == ("test", "ada")
    (exchange,) = data["exchanges"]
    assert (exchange["question"], exchange["answer"], exchange["votes"]) == (
        "mine 🎂",
        "Hello **world**",
        {"ada": "up"},
    )
    assert [each["question"] for each in data["unanswered_or_given_up"]] == ["not answered yet"]
    assert "2 questions" in await commands(world).forget("ada")
    assert json.loads(await commands(world).export("ada"))["exchanges"] == []
    assert len(json.loads(await commands(world).export("bob"))["exchanges"]) == 1


async def test_reset_makes_a_conversation_start_anew(world: World) -> None:
    async with world.working():
        await world.say(1)
        await world.settled(1)
        await commands(world).reset("c")
        await world.say(2)
        await world.settled(1)
    assert [message.content for message in world.engine.asked[-1][0] if message.role == "user"] == ["question 2"]


async def test_reset_for_a_person_spares_what_others_asked_answered_or_waiting(world: World) -> None:
    desk = commands(world)
    await world.say(1, author="bob")
    assert "not only yours" in await desk.reset("c", "ada")
    async with world.working():
        await world.settled(1)
    assert "not only yours" in await desk.reset("c", "ada")
    assert len(await world.answers()) == 1
    assert "starts anew" in await desk.reset("c", "bob")
    assert await world.answers() == []


async def test_status_tells_the_model_the_queue_and_the_time_up(world: World) -> None:
    await world.say(1)
    text = await commands(world).status()
    assert "`scripted`, ready" in text
    assert "1 conversation." in text
    nobody = InferenceClient(f"http://127.0.0.1:{free_port()}/v1")
    assert "Model: away" in await commands(world, nobody).status()
    await nobody.aclose()


async def test_privacy_and_help_say_what_holds_here(world: World) -> None:
    desk = commands(world)
    assert "for a day" in desk.privacy()
    assert desk.help("Say my name.").startswith("Say my name.")
    for word in ("stop", "reset", "model", "persona", "export", "forget", "privacy", "status"):
        assert f"`{word}`" in desk.help()
