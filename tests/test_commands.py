"""What people may tell the bot besides asking."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from glados_bots.commands import NAMES, Commands, first_word, why
from glados_bots.conversation import Turn
from glados_bots.errors import GladosError, ServiceUnavailableError, StoreUnavailableError
from glados_bots.operations import audit
from glados_bots.store.channels import LONGEST_PERSONA, ChannelBook
from glados_bots.store.connection import Client
from glados_bots.store.limits import Limit, Limits
from glados_bots.wire.client import InferenceClient
from glados_bots.wording.sentence import say
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
    assert await desk.set_model("room", "other") == say("model-set", model="other")
    assert "uses `other`" in str(await desk.model("room"))
    assert "default model, `scripted`" in str(await desk.model("elsewhere"))
    await desk.set_model("room", "")
    assert "default model, `scripted`" in str(await desk.model("room"))
    with pytest.raises(GladosError, match=r"no model `x` here\. You can choose from `scripted` and `other`"):
        await desk.set_model("room", "x")


async def test_a_persona_is_kept_per_channel_within_bounds(world: World) -> None:
    desk = commands(world)
    await desk.set_persona("room", "  You are a pirate. ")
    assert str(await desk.persona("room")).endswith("\n\nYou are a pirate.")
    with pytest.raises(GladosError, match=f"{LONGEST_PERSONA:,}"):
        await desk.set_persona("room", "x" * (LONGEST_PERSONA + 1))
    await desk.set_persona("room", "")
    assert await desk.persona("room") == say("no-persona")
    assert not await world.store.client.exists("glados:{test}:ch:room")


@pytest.mark.parametrize("text", ["a" + "\u0301" * 2_500, "\u200d".join("👩" * 40), "ok \u1100" * 2 + "\u1100" * 40])
async def test_a_persona_that_no_message_could_show_is_refused(world: World, text: str) -> None:
    desk = commands(world)
    with pytest.raises(GladosError, match="more than 32 marks"):
        await desk.set_persona("room", text)
    await desk.set_persona("room", "Zalgo: h\u0336\u0310i\u0337, ก็ and 👩\u200d👩\u200d👧\u200d👦")
    assert "Zalgo" in str(await desk.persona("room"))


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
    assert str(say("used-minute-user", used=1, most=3)) in str(await desk.usage("ada", "room"))
    assert "You: 0 of 3" in str(await desk.usage("bob", "room"))
    assert "Everybody together: 0 of 1,000 tokens today" in str(await desk.usage("bob"))
    world.store.limits = Limits()
    assert await desk.usage("ada") == say("no-limit")


async def test_stop_ends_what_is_the_persons_own_and_a_moderator_everything(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    async with world.working():
        await world.say(1)
        await until(lambda: world.engine.asked)
        await world.say(2, author="bob")
        await world.say(3)
        assert await commands(world).stop("c", "eve") == 0
        assert await commands(world).stop("c", "bob") == 1
        assert await commands(world).stop("c") == 3
        exchanges = await world.settled(3)
    assert {exchange.outcome for exchange in exchanges} == {"stopped"}
    assert len(world.engine.asked) == 1
    assert await commands(world).stop("c") == 0


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
    assert await commands(world).forget("ada") == say("forgotten", count=2)
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
    assert await desk.reset("c", "ada") == say("not-alone")
    async with world.working():
        await world.settled(1)
    assert await desk.reset("c", "ada") == say("not-alone")
    assert len(await world.answers()) == 1
    assert await desk.reset("c", "bob") == say("conversation-forgotten")
    assert await world.answers() == []


async def test_status_tells_the_model_the_queue_and_the_time_up(world: World) -> None:
    await world.say(1)
    text = str(await commands(world).status())
    assert "`scripted`, ready" in text
    assert "1 conversation." in text
    nobody = InferenceClient(f"http://127.0.0.1:{free_port()}/v1")
    assert str(say("status-no-model")) in str(await commands(world, nobody).status())
    await nobody.aclose()


async def test_privacy_and_help_say_what_holds_here(world: World) -> None:
    desk = commands(world)
    called = {name: f"/{name}" for name in NAMES}
    assert "for 1 day after" in str(desk.privacy(called))
    text = str(desk.help(say("how-discord"), called))
    assert text.startswith(str(say("how-discord")))
    assert [name for name in NAMES if name != "help" and f"`/{name}`" not in text] == []


async def test_a_channel_has_a_language_of_its_own_until_it_is_taken_back(world: World) -> None:
    desk, book = commands(world), ChannelBook(world.store)
    assert "language of each reader" in str(await desk.language("room"))
    assert await desk.set_language("room", "de-AT", by="7") == say("language-set", language="Deutsch")
    assert "Deutsch" in str(await desk.language("room"))
    assert (await book.language("room", "fr"), await book.language("elsewhere", "fr")) == ("de", "fr")
    for wrong in ("Klingon", "zh-TW", "x" * 10_000, "`de`"):
        with pytest.raises(GladosError) as found:
            await desk.set_language("room", wrong)
        assert "Deutsch (`de`), Français (`fr`)" in str(found.value)
        assert len(str(found.value)) < 300
    assert await desk.set_language("room", "", by="7") == say("language-unset")
    assert await book.language("room", "fr") == "fr"
    written = [(entry.act, entry.target) for entry in await audit.entries(world.store.client)]
    assert written == [("set language", "room: default"), ("set language", "room: de")]


def test_what_ends_a_command_is_told_in_words_for_its_person() -> None:
    assert why(StoreUnavailableError("connection refused")) == say("store-unreachable")
    assert why(ServiceUnavailableError("the inference service is busy")) == say("model-list-unreachable")
    assert why(GladosError(say("no-limit"))) == say("no-limit")
    assert why(GladosError("a path of this machine")) == say("broken")


async def test_how_much_the_model_thinks_is_chosen_from_the_levels_that_it_knows(world: World) -> None:
    """With an honest sentence where the model knows no levels, or not this one; `off` and `default` differ."""
    desk = commands(world)
    assert await desk.thinking("room") == say("thinking-none", model="scripted")
    with pytest.raises(GladosError) as none:
        await desk.set_thinking("room", "on")
    assert none.value.sentence == say("thinking-none", model="scripted")
    world.engine.thinking_levels = ("off", "on")
    levels = ("`on`", "`off`")
    assert await desk.thinking("room") == say("thinking-is-default", levels=levels)
    for level in ("low", "sideways"):
        with pytest.raises(GladosError, match=level):
            await desk.set_thinking("room", level)
    assert await desk.set_thinking("room", "OFF", by="7") == say("thinking-set", level="off")
    assert await desk.thinking("room") == say("thinking-is", level="off", levels=levels)
    assert await desk.set_thinking("room", "") == say("thinking-unset")
    assert await desk.thinking("room") == say("thinking-is-default", levels=levels)
