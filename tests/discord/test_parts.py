"""Small parts by themselves: titles, small print, files, rate headers, settings."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from glados_bots.cli.up import roles
from glados_bots.conversation import Turn
from glados_bots.errors import ConfigError
from glados_bots.inference.settings import ServeSettings
from glados_bots.settings import load
from glados_bots.surface import State, View
from glados_bots.turns.pacing import Pacer
from glados_bots.wording.languages import NAMES
from glados_bots.wording.sentence import joined, say
from glados_discord.answers.look import content, new_answer
from glados_discord.answers.places import Spot, asked
from glados_discord.connection.rates import GLOBAL
from glados_discord.connection.refusals import BlockedError
from glados_discord.incoming.questions import title
from glados_discord.settings import DiscordSettings
from tests.discord.conftest import World, buttons
from tests.discord.sentences import not_read
from tests.fakes.discord import Limit
from tests.waiting import until

LONG = "lemon " * 40


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is a lemon?", "What is a lemon?"),
        ("  What\nis   **a** `lemon`?  ", "What is a lemon ?"),
        ("https://lemon.example/x ```python\nprint()```", "print()"),
        ("***", str(say("a-question"))),
        (LONG, "lemon " * 12 + "lemon…"),
        ("x" * 200, "x" * 79 + "…"),
    ],
)
def test_a_title_is_the_first_words_without_markup(question: str, expected: str) -> None:
    found = title(question, str(say("a-question")))
    assert found == expected
    assert len(found) <= 80


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View("", "", "waiting", is_last=True), f"-# {say('thinking')}"),
        (View("", "", "writing", is_last=True), f"-# {say('thinking')}"),
        (View("", "You are next.", "waiting", is_last=True), "-# You are next."),
        (View("Hi", "", "writing", is_last=True), "Hi"),
        (View("Hi", "Stopped.", "stopped", is_last=True), "Hi\n-# Stopped."),
        (View("Hi", "", "done", is_last=True, model="a_b"), "Hi\n-# a\\_b"),
        (View("", "", "stopped", is_last=True), f"-# {say('nothing')}"),
    ],
)
def test_what_the_bot_itself_says_is_small_print(view: View, expected: str) -> None:
    assert content(view) == expected


def test_small_print_never_makes_a_message_too_long() -> None:
    answer = new_answer()
    answer.feed(LONG * 50)
    answer.close()
    view = View(max(answer.chunks, key=len), "n" * 500, "done", is_last=True, model="m" * 500)
    assert len(content(view, "a" * 500)) <= 2000
    assert view.chunk in content(view, "a" * 500)


@pytest.mark.parametrize("language", NAMES)
def test_no_notice_is_cut_in_any_language(language: str) -> None:
    wait, left_out = timedelta(minutes=12), say("older-left-out", count=12)
    blocked = [say(name) for name in ("blocked", "blocked-link", "blocked-moderation")]
    endings = [say(name) for name in ("ended-length", "ended-filter", "ended-error")]
    notices = [
        *(say(name) for name in ("model-unreachable", "model-thinking", "paused", "stopped", "queued-next")),
        *(joined(one, left_out) for one in blocked),
        *(joined(left_out, one) for one in endings),
        say("model-queue-wait", place=12, wait=wait),
        say("queued", count=12),
        not_read("screenshot-2026-11-28.png"),
    ]
    texts = [notice.in_language(language) for notice in notices]
    assert [text for text in texts if content(View("", text, "waiting", is_last=True)) != f"-# {text}"] == []


def test_a_command_s_question_is_written_down_inert_and_cut() -> None:
    text = asked(Spot(channel="1", asker="<@1>", asked=f"@everyone\n# {LONG * 20}"))
    assert text.startswith("<@1> asks:\n> @\u200beveryone\n> ")
    assert len(text) == 2000


def test_a_place_of_another_version_is_read_as_far_as_it_is_known() -> None:
    turn = Turn("1", "1", "ada", "hi", place={"channel": "5", "how": "reply", "later": "x"})
    assert Spot.of(turn) == Spot(channel="5", how="reply")
    assert Spot.of(turn).to_place() == {"channel": "5", "how": "reply"}


def test_a_blocked_text_is_explained() -> None:
    reasons = {200000: "blocked-moderation", 240000: "blocked-link", 50035: "blocked"}
    assert {code: BlockedError(code).reason.name for code in reasons} == reasons


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("allowed_users", "12, ada", "GLADOS_DISCORD_ALLOWED_USERS=12, ada: 'ada' is no Discord id"),
        ("gateway_url", "http://x", "GLADOS_DISCORD_GATEWAY_URL"),
        ("commands", "everywhere", "GLADOS_DISCORD_COMMANDS=everywhere"),
        ("thread_archive_minutes", "61", "60, 1440, 4320 or 10080"),
        ("shard_ids", "0", "GLADOS_DISCORD_SHARD_IDS must be below GLADOS_DISCORD_SHARDS"),
    ],
)
def test_bad_settings_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str) -> None:
    monkeypatch.setenv(f"GLADOS_DISCORD_{name}".upper(), value)
    with pytest.raises(ConfigError, match=text.replace("(", r"\(")):
        load(DiscordSettings)


def test_the_stack_runs_the_bot_when_its_token_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ServeSettings(_env_file=None, inference_url="http://127.0.0.1:1/v1")
    assert "discord" not in {role.name for role in roles(settings)}
    monkeypatch.setenv("GLADOS_DISCORD_TOKEN", "x")
    assert "discord" in {role.name for role in roles(settings)}


async def test_budgets_follow_what_the_headers_say(world: World) -> None:
    world.fake.rate_limits.limits["edit"] = Limit(7, 3.0)
    world.hold()
    async with world.bot() as bot:
        rates = bot.core.surface.rates
        assert (rates.edits("1").limit, rates.edits("1").period_s) == (5, 5.0)
        question = await world.ask()
        world.go_on()
        await world.answered(question)
        await until(lambda: rates.edits("1").limit == 7)  # the answer is seen before its headers have come
        budget = rates.edits("1")
        assert budget.within == GLOBAL
        assert 2.5 <= budget.period_s <= 3.0
        assert rates.edits("1", patient=True).period_s == 20


async def test_a_used_up_bucket_is_closed_for_all_processes(world: World) -> None:
    world.fake.rate_limits.limits["create"] = Limit(1, 3.0)
    async with world.bot() as bot:
        question = await world.ask()
        await world.until(lambda: question.thread and world.said(question.thread))
        other, store = Pacer(bot.core.store.client, bot.core.store.prefix), bot.core.store
        await until(partial(store.client.exists, f"{store.prefix}pace:create:{question.id}:closed"))
        assert not await other.try_once(bot.core.surface.rates.creations(str(question.id)), "stream")
        await world.answered(question)


async def test_a_message_whose_id_was_lost_is_found_again_after_discord_forgot_its_nonce(world: World) -> None:
    """A process died between sending and saving, and its follower came minutes later."""
    async with world.bot(clock=world.fake.clock.now) as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        question = await world.ada.say(world.channel, "not for the bot")
        spot = Spot(str(world.channel.id), str(world.guild.id), str(question.id), "reply")
        turn = Turn(str(question.id), str(question.id), str(world.ada.id), "hi", place=spot.to_place())
        view = View("", "", "waiting", is_last=True)
        first = await bot.core.surface.post(turn, view, "mark1")
        world.fake.clock.advance(600)
        assert await bot.core.surface.post(turn, view, "mark1") == first
        assert await bot.core.surface.post(turn, view, "mark2") != first
        assert await bot.core.surface.find(turn, "mark1") == first
        assert await bot.core.surface.find(turn, "mark3") is None
        second = await bot.core.surface.post(turn, view, "mark2")
        assert await bot.core.surface.strays(turn, ["mark1", "mark2", "mark3"], [first]) == [second]
        bot.core.surface.typing.end(turn)
    assert len(world.said(world.channel)) == 2


@pytest.mark.parametrize("minutes", [0, 10])
async def test_a_message_that_was_made_before_shows_what_is_wanted_now(world: World, minutes: int) -> None:
    """Discord gives the first message for a nonce it knows, as it stands; the next words may be the last ones."""
    async with world.bot(clock=world.fake.clock.now) as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        question = await world.ada.say(world.channel, "not for the bot")
        spot = Spot(str(world.channel.id), str(world.guild.id), str(question.id), "reply")
        turn = Turn(str(question.id), str(question.id), str(world.ada.id), "hi", place=spot.to_place())
        first = await bot.core.surface.post(turn, View("", "", "waiting", is_last=True), "mark1")
        world.fake.clock.advance(60 * minutes)
        shown: list[tuple[str, State]] = [("part", "writing"), ("part, all", "writing"), ("part, all", "done")]
        for chunk, state in shown:
            assert await bot.core.surface.post(turn, View(chunk, "", state, is_last=True), "mark1") == first
        bot.core.surface.typing.end(turn)
    (answer,) = world.fake.answers(world.channel)
    assert answer.content == "part, all"
    assert buttons(answer) == ["Regenerate", "👍", "👎", "As file"]


async def test_closing_waits_for_signs_of_typing_that_were_ended_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None may outlive the store."""
    entered, left = asyncio.Event(), asyncio.Event()

    async def enter(*_: object) -> None:
        entered.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            left.set()

    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        typing = bot.core.surface.typing
        monkeypatch.setattr(bot.core.surface.rates, "enter", enter)
        turn = Turn("1", "1", "1", "hi")
        typing.follow(turn, world.channel.id, "waiting")
        await entered.wait()
        typing.end(turn)
        await typing.aclose()
        assert left.is_set()
    assert not world.fake.ledger.typing


async def test_commands_and_events_end_before_the_store_is_closed(world: World) -> None:
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
        task = asyncio.create_task(asyncio.sleep(3600))
        bot.parts.hearing.keep(task)
    assert task.cancelled()


async def test_a_thread_that_discord_py_has_not_heard_of_is_asked_for(world: World) -> None:
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        client = bot.current.client
        assert client is not None
        client.guilds[0]._remove_thread(client.get_channel(question.id))  # type: ignore[arg-type]
        await world.ada.say(world.thread(question), "and limes?")
        await world.until(lambda: len(world.finished(world.thread(question))) == 2)
    assert world.prompts[-1] == ["what is a lemon?", "and limes?"]


async def test_roles_of_who_wrote_in_a_gap_are_asked_for(world: World) -> None:
    role = world.guild.add_role("friends")
    world.guild.add_member(world.bob, role)
    async with world.bot() as bot:
        await world.until(lambda: bot.parts.catch_up._caught)
    by_friend, by_stranger = await world.ask(by=world.bob), await world.ask()
    async with world.bot(allowed_roles=str(role.id)) as bot:
        await world.answered(by_friend)
        await world.until(lambda: world.said(world.channel))
        await world.quiet(bot)
    assert by_stranger.thread is None
    assert world.said(world.channel) == [str(say("not-for-you"))]


async def test_one_person_s_quick_messages_become_one_question(world: World) -> None:
    world.core["join_window"] = 30.0
    world.hold()
    async with world.bot() as bot:
        question = await world.ask("one")
        await world.until(lambda: world.engine.asked)
        last = [await world.ada.say(world.thread(question), text) for text in ("two", "three")][-1]
        await until(lambda: bot.parts.facts.is_turn(last.id))
        world.go_on()
        await world.until(lambda: len(world.finished(world.thread(question))) == 2)
    assert world.prompts[-1] == ["one", "two\nthree"]


async def test_nobody_s_words_are_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    caplog.set_level("WARNING", "httpx")  # as logs.py has it
    world.script("canary ", "sings")
    world.guild.blocked_words.add("canary sings")
    world.fake.faults.add(method="POST", path="/channels/*/messages", status=503)
    async with world.bot() as bot:
        file = ("canary.txt", "text/plain", b"canary")
        question = await world.ada.say(world.channel, f"{world.fake.bot.mention} my canary", files=[file])
        await world.until(lambda: question.thread and world.finished(question.thread, "blocked"))
        await world.ada.run(world.channel, "ask", question="another canary")
        await world.ada.run(world.channel, "persona", text="canary")
        await world.ada.edit(question, f"{world.fake.bot.mention} a third canary")
        await world.until(lambda: len(world.prompts) == 3)
        await world.quiet(bot)
    assert "turn" in caplog.text
    assert "canary" not in caplog.text
    assert "ada" not in caplog.text.replace("adapter", "")
