"""How answers appear: long ones, edits, limits, faults, and what must stay inert."""

import asyncio
import itertools
from typing import Any

import pytest

from glados_bots.wording.sentence import say
from tests.discord.conftest import World, buttons
from tests.fakes.discord import Limit, Permission
from tests.fakes.discord.world.notifications import set_mentions

CODE = "```python\n" + "".join(f"print({number}, '{'x' * 40}')\n" for number in range(40)) + "```\n"


async def test_a_long_answer_takes_several_messages_whose_code_blocks_are_whole(world: World) -> None:
    world.script("Look:\n\n", *(CODE[i : i + 400] for i in range(0, len(CODE), 400)), "\nThat is the end 🍋.")
    async with world.bot(answer_in="reply"):
        await world.ask()
        await world.until(lambda: world.finished(world.channel, "the end 🍋"))
    records = world.fake.answers(world.channel)
    texts = [record.content for record in records]
    assert len(texts) > 1
    assert all(len(text) <= 2000 and text.count("```") % 2 == 0 for text in texts)
    assert all(text.startswith("```python\n") for text in texts[1:])
    lines = [line for text in texts for line in text.splitlines() if line.startswith("print")]
    assert lines == [line for line in CODE.splitlines() if line.startswith("print")]
    assert [world.fake.message(record).reference is not None for record in records] == [True] + [False] * (
        len(texts) - 1
    )


async def test_edits_carry_the_newest_text_and_the_last_one_always_comes(world: World) -> None:
    world.fake.rate_limits.limits["edit"] = Limit(2, 1.0)
    world.script(*(f"word{number} " for number in range(200)))
    async with world.bot():
        question = await world.ask()
        answer = await world.answered(question, "word199")
    texts = answer.contents
    assert all(later.startswith(earlier) or earlier.startswith("-#") for earlier, later in itertools.pairwise(texts))
    assert len(texts) < 20
    assert not world.fake.ledger.rate_limited


@pytest.mark.parametrize("kind", ["bucket", "global", "cloudflare"])
async def test_a_429_is_obeyed_by_everybody(world: World, kind: str) -> None:
    world.hold()
    async with world.bot() as bot:
        first = await world.ask("one")
        await world.until(lambda: first.thread and world.said(world.thread(first)))
        world.fake.rate_limits.block(
            1.5, bucket="edit" if kind == "bucket" else "global", major=str(first.id) if kind == "bucket" else "",
            cloudflare=kind == "cloudflare",
        )  # fmt: skip
        second = await world.ask("two", by=world.bob)
        world.go_on()
        await world.answered(first)
        await world.answered(second)
        await world.quiet(bot)
    assert len(world.fake.ledger.rate_limited) <= 3  # what was on its way when the first refusal came


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"status": 503, "after_commit": True},
        {"status": 502, "after_commit": True},
        {"drop": True},
        {"drop": True, "after_commit": True},
    ],
)
async def test_a_send_that_fails_is_repeated_without_doubling(world: World, fault: dict[str, object]) -> None:
    world.fake.faults.add(method="POST", path="/channels/*/messages", **fault)  # type: ignore[arg-type]
    async with world.bot() as bot:
        question = await world.ask()
        await world.answered(question)
        await world.quiet(bot)
    assert world.said(world.thread(question)) == ["Hello **world**"]


@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}, {"drop": True, "after_commit": True}])
async def test_an_edit_that_fails_is_simply_repeated(world: World, fault: dict[str, object]) -> None:
    world.hold()
    async with world.bot():
        question = await world.ask()
        await world.until(lambda: question.thread and world.said(world.thread(question)))
        world.fake.faults.add(method="PATCH", path="/channels/*/messages/*", times=2, **fault)  # type: ignore[arg-type]
        world.go_on()
        await world.answered(question)
    assert world.said(world.thread(question)) == ["Hello **world**"]


async def test_an_answer_that_somebody_deletes_meanwhile_is_said_again(world: World) -> None:
    moderator = world.fake.add_user("mod")
    world.guild.add_member(moderator, world.guild.add_role("mods", Permission.MANAGE_MESSAGES))
    world.hold()
    async with world.bot():
        question = await world.ask()
        await world.until(lambda: question.thread and world.said(world.thread(question)))
        (record,) = world.fake.answers(world.thread(question))
        await moderator.delete(world.fake.message(record))
        world.go_on()
        await world.answered(question)
    assert world.said(world.thread(question)) == ["Hello **world**"]


async def test_a_question_edited_meanwhile_is_answered_anew_in_place(world: World) -> None:
    world.hold()
    async with world.bot() as bot:
        question = await world.ask("what is a lemon?")
        await world.until(lambda: world.engine.asked)
        await world.ada.edit(question, f"{world.fake.bot.mention} what is a lime?")
        await world.until(lambda: len(world.engine.asked) == 2)
        world.go_on()
        answer = await world.answered(question)
        await world.ada.edit(question, f"{world.fake.bot.mention} what is an orange?")
        await world.until(lambda: len(world.engine.asked) == 3)
        await world.quiet(bot)
        history = await bot.core.store.history(str(question.id))
    assert [prompt[-1] for prompt in world.prompts] == ["what is a lemon?", "what is a lime?", "what is an orange?"]
    assert world.said(world.thread(question)) == ["Hello **world**"]
    assert answer.id == world.fake.answers(world.thread(question))[0].id
    assert [exchange.question for exchange in history] == ["what is an orange?"]


async def test_a_mention_that_is_added_later_is_a_question(world: World) -> None:
    async with world.bot():
        message = await world.ada.say(world.channel, "what is a lemon?")
        await world.ada.edit(message, f"{world.fake.bot.mention} what is a lemon?")
        await world.answered(message)
    assert world.prompts == [["what is a lemon?"]]


@pytest.mark.parametrize("answer_in", ["thread", "reply"])
async def test_a_question_deleted_meanwhile_takes_its_answer_along(world: World, answer_in: str) -> None:
    world.hold()
    async with world.bot(answer_in=answer_in) as bot:
        question = await world.ask()
        await world.until(world.fake.answers)
        await world.ada.delete(question)
        await world.quiet(bot)
        await world.until(lambda: not world.fake.answers())
        assert await bot.core.store.history(str(question.id)) == []


async def test_deleting_an_old_question_takes_its_answer_along(world: World) -> None:
    async with world.bot(answer_in="reply") as bot:
        question = await world.ask()
        await world.until(lambda: world.finished(world.channel))
        await world.ada.delete(question)
        await world.until(lambda: not world.fake.answers())
        await world.quiet(bot)
        assert await bot.core.store.history(str(question.id)) == []


async def test_a_message_older_than_an_hour_gives_way_to_a_new_one(world: World) -> None:
    world.hold()
    async with world.bot(clock=world.fake.clock.now):
        question = await world.ask()
        await world.until(lambda: question.thread and world.said(world.thread(question)))
        (old,) = world.fake.answers(world.thread(question))
        world.fake.clock.advance(2 * 3600)
        world.go_on()
        answer = await world.answered(question)
    assert answer.id != old.id
    assert world.said(world.thread(question)) == ["Hello **world**"]
    assert not world.fake.ledger.rate_limited


async def test_nothing_the_model_says_notifies_anybody(world: World) -> None:
    role = world.guild.add_role("lemons", mentionable=True)
    world.guild.set_permissions(world.guild.bot_role, Permission.MENTION_EVERYONE | Permission.ADMINISTRATOR)
    world.script("@everyone @here ", f"<@{world.bob.id}> ", f"<@&{role.id}> ", f"<@!{world.ada.id}> done")
    async with world.bot(answer_in="reply"):
        await world.ask()
        await world.until(lambda: world.finished(world.channel, "done"))
        interaction = await world.ada.run(world.channel, "ask", question=f"@everyone <@&{role.id}> now")
        await world.until(lambda: len(world.finished(world.channel, "done")) == 2)
        assert interaction.is_ephemeral
    assert [ping for ping in world.fake.ledger.pings if ping.author_id == world.fake.bot.id] == []


async def test_everything_that_is_sent_and_changed_tells_discord_to_notify_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = world.fake.add_user("manager")
    world.guild.add_member(manager, world.guild.add_role("managers", Permission.MANAGE_CHANNELS))
    told: list[object] = []

    def noted(fake: Any, message: Any, allowed: Any) -> None:
        if message.author.id == world.fake.bot.id and message.content:  # "thinking" has none
            told.append(allowed)
        set_mentions(fake, message, allowed)

    monkeypatch.setattr("tests.fakes.discord.world.messages.set_mentions", noted)
    async with world.bot(answer_in="reply"):
        await world.ask("")  # a note says how to ask
        await world.ask()
        await world.until(lambda: world.finished(world.channel))
        await world.ada.run(world.channel, "ask", question="now")
        await world.until(lambda: len(world.finished(world.channel)) == 2)
        await manager.run(world.channel, "persona", text="lemon " * 500)
        await world.until(lambda: world.told_to(manager) == [str(say("persona-set"))])
        await manager.run(world.channel, "persona")
        await world.until(lambda: len(world.told_to(manager)) == 3)  # the second one is longer than a message
    assert len(told) > 8
    assert all(one == {"parse": []} for one in told)


async def test_commands_channels_emoji_and_times_of_the_model_stay_text(world: World) -> None:
    world.script(f"</ban:123456789012345678> <#{world.channel.id}> <:x:123456789012345678> <t:0:R> done")
    async with world.bot():
        answer = await world.answered(await world.ask(), "done")
    for active in ("</ban:", f"<#{world.channel.id}", "<:x:", "<t:0"):
        assert active not in answer.content.replace("\\<", "")


async def test_links_show_where_they_lead_and_have_no_previews(world: World) -> None:
    world.script("[https://bank.example](https://evil.example/x) and https://lemon.example/y done")
    async with world.bot():
        answer = await world.answered(await world.ask(), "done")
    assert "evil.example" in answer.content
    assert "](https://evil" not in answer.content or "bank" not in answer.content.split("](https://evil")[0][-8:]
    assert [one for one in world.fake.ledger.unfurls if one.author_id == world.fake.bot.id] == []


@pytest.mark.parametrize("kind", ["automod", "harmful"])
async def test_a_blocked_text_is_reported_and_not_sent_again_and_again(world: World, kind: str) -> None:
    if kind == "automod":
        world.guild.blocked_words.add("durian")
    else:
        world.fake.world.harmful_links.add("durian")
    world.script("I like ", "https://durian.example")
    async with world.bot() as bot:
        question = await world.ask()
        answer = await world.answered(question, "blocked")
        await world.quiet(bot)
    assert "durian" not in answer.content
    refused = [one for one in world.fake.ledger.requests if one.status == 400]
    assert len(refused) <= 3


async def test_a_title_that_is_blocked_is_replaced(world: World) -> None:
    world.fake.faults.add(method="POST", path="/channels/*/messages/*/threads", status=400, code=200000)
    async with world.bot():
        question = await world.ask()
        await world.answered(question)
    assert world.thread(question).name == str(say("thread-nameless"))


async def test_slow_channels_and_announcements_get_few_edits(world: World) -> None:
    slow, news = world.guild.add_text_channel("slow"), world.guild.add_announcement_channel("news")
    slow.slowmode_s = 60
    world.script(*(f"word{number} " for number in range(50)))
    world.hold()
    async with world.bot(answer_in="reply"):
        for place in (slow, news):
            await world.ask(where=place)
        await world.until(lambda: len(world.engine.asked) == 2)
        for _ in range(100):
            world.go_on(2)
            await asyncio.sleep(0.01)
        await world.until(lambda: world.finished(slow, "word49") and world.finished(news, "word49"))
    for place in (slow, news):
        (record,) = world.fake.answers(place)
        assert len(record.contents) <= 4


@pytest.mark.parametrize("code", [20016, 20022])
async def test_what_asks_for_patience_gets_it(world: World, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glados_discord.answers.surface.SLOW_PERIOD_S", 1.0)
    world.hold()
    async with world.bot():
        question = await world.ask()
        await world.until(lambda: question.thread and world.said(world.thread(question)))
        fault = world.fake.faults.add(method="PATCH", path="/channels/*/messages/*", status=400, code=code, times=2)
        world.go_on()
        await world.answered(question)
    assert fault.hits == 2


async def test_tables_pictures_deep_headings_and_html_become_what_discord_can_show(world: World) -> None:
    world.script("| a | b |\n|---|---|\n| 1 | 2 |\n\n#### Deep\n\n![cat](https://cats.example/1)\n\n<b>bold</b> done")
    async with world.bot():
        answer = await world.answered(await world.ask(), "done")
    assert "```" in answer.content
    assert "|---|" not in answer.content
    assert "**Deep**" in answer.content
    assert "![" not in answer.content
    assert "<b>" not in answer.content


async def test_a_question_behind_another_sees_its_place_and_typing_goes_on(world: World) -> None:
    world.hold()
    async with world.bot():
        question = await world.ask("one")
        await world.until(lambda: question.thread and world.said(world.thread(question)))
        await world.ada.say(world.thread(question), "two")
        await world.until(lambda: len(world.said(world.thread(question))) == 2)
        assert world.said(world.thread(question))[1] == f"-# {say('queued-next')}"
        assert world.fake.ledger.typing
        world.go_on()
        await world.until(lambda: len(world.finished(world.thread(question))) == 2)
    assert world.prompts[-1] == ["one", "two"]


async def test_the_model_is_named_in_small_print_when_that_is_wanted(world: World) -> None:
    world.core["show_model"] = True
    async with world.bot():
        answer = await world.answered(await world.ask())
    assert answer.content == "Hello **world**\n-# scripted"
    assert buttons(answer) == ["Regenerate", "👍", "👎", "As file"]
