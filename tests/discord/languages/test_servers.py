"""Beside an answer the bot speaks the language of the server."""

import pytest

from glados_bots.wording.sentence import Sentence, say
from glados_discord.incoming.desk import HOW_TO_ASK
from tests.discord.conftest import World, buttons
from tests.discord.languages.reading import NOTES, PICTURE, begun, finished, last, small
from tests.discord.sentences import beginning, not_read
from tests.fakes.discord import Channel, Permission


async def test_beside_the_answer_the_bot_speaks_the_language_of_the_server(german: World) -> None:
    german.hold()
    async with german.bot():
        asked = await german.ada.say(german.channel, f"{german.fake.bot.mention} ***", files=[NOTES, PICTURE])
        await german.until(lambda: asked.thread and german.said(asked.thread))
        thread = german.thread(asked)
        unread = f"-# {not_read('cat.png').in_language('de')}"
        assert thread.name == say("a-question").in_language("de")
        assert german.said(thread) == [small("thinking")]
        assert buttons(last(german, thread)) == [say("button-stop").in_language("de")]
        await german.ada.say(thread, "and limes?")
        await german.until(lambda: len(german.said(thread)) == 2)
        assert german.said(thread)[1] == small("queued-next")
        german.go_on()
        await finished(german, thread, 2)
    assert german.said(thread) == [f"Hello **world**\n{unread}", "Hello **world**"]


async def test_what_became_of_an_answer_is_told_in_the_language_of_the_server(german: World) -> None:
    german.hold()
    async with german.bot() as bot:
        thread = await begun(german)
        german.go_on(1)
        await german.until(lambda: german.said(thread) == ["Hello"])
        await german.ada.click(german.fake.message(last(german, thread)), say("button-stop").in_language("de"))
        await finished(german, thread)
        assert german.said(thread) == [f"Hello\n{small('stopped')}"]
        await german.quiet(bot)
        german.guild.blocked_words.add("Hello")
        german.engine.gate = None
        await german.ada.click(german.fake.message(last(german, thread)), say("button-redo").in_language("de"))
        await german.until(lambda: say("blocked-moderation").in_language("de") in german.said(thread)[0])


async def test_an_empty_answer_is_an_apology_in_the_language_of_the_server(german: World) -> None:
    german.script()
    async with german.bot():
        asked = await german.ask()
        await german.until(lambda: asked.thread and say("no-answer").in_language("de") in german.said(asked.thread))


async def test_notes_below_a_message_speak_the_language_of_the_server(german: World) -> None:
    german.core["message_max_chars"] = 200
    async with german.bot(denied_users=str(german.bob.id)) as bot:
        german.bob.dms_closed = german.ada.dms_closed = True
        for text in ("", "x" * 300):
            await german.ask(text)
        await german.ask(by=german.bob)
        await german.until(lambda: len(german.said(german.channel)) == 3)
        await german.quiet(bot)
    expected = [
        HOW_TO_ASK,
        say("too-long", length=300, most=200),
        say("not-for-you"),
    ]
    assert german.said(german.channel) == [one.in_language("de") for one in expected]


@pytest.mark.parametrize("closed", [False, True])
async def test_limits_are_told_in_the_language_of_the_server(german: World, closed: bool) -> None:
    german.core["limit_user_per_minute"] = 1
    german.ada.dms_closed = closed
    async with german.bot():
        for _ in range(2):
            await german.ask()
        refusal = beginning("limit-minute-user", "de")
        await german.until(lambda: [one for one in german.fake.answers() if one.content.startswith(refusal)])


async def test_where_it_cannot_write_the_person_is_told_in_the_language_of_the_server(german: World) -> None:
    german.guild.overwrite(german.channel, german.guild.bot_role, deny=Permission.SEND_MESSAGES)
    async with german.bot():
        await german.ask()
        await german.until(german.fake.answers)
    assert german.fake.answers()[0].content == cannot_write(german.channel).in_language("de")


def cannot_write(channel: Channel) -> Sentence:
    obstacle = say("needs-permission", permission=say("permission-send"))
    return say("cannot-write-in", place=channel.mention, obstacle=obstacle)


async def test_an_edit_and_regenerate_keep_the_language_of_the_question(german: World) -> None:
    async with german.bot() as bot:
        asked = await german.ask()
        await german.until(lambda: asked.thread)
        await finished(german, german.thread(asked))
        await german.quiet(bot)
        german.guild.set_locale("fr")
        await german.told(bot)
        await german.ada.edit(asked, f"{german.fake.bot.mention} why?")
        await german.until(lambda: len(german.engine.asked) == 2)
        await german.quiet(bot)
        answer = await finished(german, german.thread(asked))
        await german.ada.click(german.fake.message(answer), say("button-redo").in_language("de"))
        await german.until(lambda: len(german.engine.asked) == 3)
        await german.quiet(bot)
        await finished(german, german.thread(asked))
        german.hold()
        await german.ada.say(german.thread(asked), "and now?")  # a new question is of its own time
        await german.until(lambda: german.said(german.thread(asked))[1:] == [small("thinking", "fr")])
        german.go_on()


async def test_what_was_missed_in_a_gap_is_answered_in_the_language_of_the_server(german: World) -> None:
    async with german.bot() as bot:
        await german.until(lambda: bot.parts.catch_up._caught)
    asked = await german.ask()
    nothing = await german.ask("")
    async with german.bot():
        await german.until(lambda: asked.thread)
        await finished(german, german.thread(asked))
        await german.until(lambda: len(german.said(german.channel)) == 1)
    how = HOW_TO_ASK.in_language("de")
    assert german.said(german.channel) == [how]
    assert nothing.thread is None


async def test_a_deleted_question_leaves_a_thread_with_a_german_name(german: World) -> None:
    german.hold()
    async with german.bot():
        asked = await german.ask()
        await german.until(lambda: asked.thread and german.said(asked.thread))
        await german.ada.delete(asked)
        (thread,) = german.guild.threads.values()
        await german.until(lambda: thread.name == say("thread-deleted").in_language("de"))


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        *[("en-GB", "en"), ("es-419", "es"), ("fr-CA", "fr"), ("pt-BR", "pt-BR"), ("zh-CN", "zh-CN")],
        *[("zh-TW", "ja"), ("nl", "ja"), ("tlh", "ja"), ("x" * 100, "ja"), ("", "ja")],
    ],
)
async def test_a_language_that_we_lack_is_that_of_the_operator(world: World, locale: str, language: str) -> None:
    world.core["language"] = "ja"
    world.guild.set_locale(locale)
    async with world.bot():
        await world.ask("")
        await world.until(lambda: world.said(world.channel))
    assert world.said(world.channel) == [HOW_TO_ASK.in_language(language)]


@pytest.mark.parametrize("is_community", [False, True])
async def test_only_a_community_has_chosen_american_english(world: World, is_community: bool) -> None:
    """Discord calls every other server so, and nobody there can change it."""
    world.core["language"] = "de"
    if is_community:
        world.guild.set_locale("en-US")
    async with world.bot():
        await world.ask("")
        await world.ada.run(world.channel, "ask", question="why?")
        await world.until(lambda: len(world.said(world.channel)) == 2)
    language = "en" if is_community else "de"
    asks = say("asks", name=world.ada.mention, question="> why?").in_language(language)
    assert asks in world.said(world.channel)
    assert HOW_TO_ASK.in_language(language) in world.said(world.channel)
