"""In which language the bot itself speaks: a server's beside answers, each person's in what only they read."""

import pytest

from glados_bots.errors import InferenceError
from glados_bots.wording.languages import NAMES
from glados_bots.wording.sentence import Sentence, say
from tests.discord.conftest import World, buttons
from tests.discord.sentences import beginning, not_read
from tests.fakes.discord import Channel, MessageRecord, Permission, Person
from tests.fakes.discord.world.interactions import Interaction

PICTURE = ("cat.png", "image/png", b"\x89PNG")
NOTES = ("notes.md", "text/markdown", b"# Citrus")


@pytest.fixture
def german(world: World) -> World:
    """A world whose server has chosen German."""
    world.guild.set_locale("de")
    return world


def small(name: str, language: str = "de") -> str:
    """A sentence as small print."""
    return f"-# {say(name).in_language(language)}"


async def private(world: World, command: str, **options: object) -> str:
    """What a command answers, which only its user sees."""
    person, where = options.pop("by", world.ada), options.pop("where", world.channel)
    assert isinstance(person, Person)
    assert isinstance(where, Channel)
    interaction = await person.run(where, command, **options)
    return await shown(world, interaction)


async def shown(world: World, interaction: Interaction) -> str:
    await world.until(lambda: interaction.content)
    assert interaction.is_ephemeral
    return interaction.content


async def begun(world: World, question: str = "why?", where: Channel | None = None) -> Channel:
    """A thread in which an answer has begun and waits for more words of the model."""
    asked = await world.ask(question, where=where)
    await world.until(lambda: asked.thread and world.said(asked.thread))
    return world.thread(asked)


def last(world: World, where: Channel) -> MessageRecord:
    return world.fake.answers(where)[-1]


async def finished(world: World, where: Channel, count: int = 1) -> MessageRecord:
    """The last answer in a place when it has so many that are complete; their buttons are in German."""
    redo = say("button-redo").in_language("de")
    await world.until(lambda: len([one for one in world.fake.answers(where) if redo in buttons(one)]) == count)
    return last(world, where)


# --- a server's language ---------------------------------------------------------------------------------------------


async def test_beside_the_answer_the_bot_speaks_the_language_of_the_server(german: World) -> None:
    german.hold()
    async with german.bot():
        asked = await german.ada.say(german.channel, f"{german.fake.bot.mention} ***", files=[NOTES, PICTURE])
        await german.until(lambda: asked.thread and german.said(asked.thread))
        thread = german.thread(asked)
        unread = f"-# {not_read('cat.png').in_language('de')}"
        assert thread.name == say("a-question").in_language("de")
        assert german.said(thread) == [f"{small('thinking')}\n{unread}"]
        assert buttons(last(german, thread)) == [say("button-stop").in_language("de")]
        await german.ada.say(thread, "and limes?")
        await german.until(lambda: len(german.said(thread)) == 2)
        assert german.said(thread)[1] == small("queued-next")
        german.go_on()
        await finished(german, thread, 2)
    assert german.said(thread) == [f"Hello **world**\n{unread}", "Hello **world**"]


async def test_a_failure_and_a_stopped_answer_are_told_in_the_language_of_the_server(german: World) -> None:
    german.hold()
    async with german.bot() as bot:
        thread = await begun(german)
        german.go_on(1)
        await german.until(lambda: german.said(thread) == ["Hello"])
        await german.ada.click(german.fake.message(last(german, thread)), say("button-stop").in_language("de"))
        await finished(german, thread)
        assert german.said(thread) == [f"Hello\n{small('stopped')}"]
        await german.quiet(bot)
        german.engine.script, german.engine.gate = (InferenceError("broken"),) * 1, None
        german.guild.blocked_words.add("Hello")
        german.script("Hello")
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
        say("how-to-ask-discord", ask="`/ask`", help="`/help`"),
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
    how = say("how-to-ask-discord", ask="`/ask`", help="`/help`").in_language("de")
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
    how = say("how-to-ask-discord", ask="`/ask`", help="`/help`")
    assert world.said(world.channel) == [how.in_language(language)]


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
    assert any("`/help`" in text and text.startswith("Write") is is_community for text in world.said(world.channel))


# --- what one person reads -------------------------------------------------------------------------------------------


async def test_a_person_is_answered_in_their_language_and_their_question_written_down_in_the_server_s(
    german: World,
) -> None:
    german.ada.locale = "ja"
    german.hold()
    async with german.bot() as bot:
        told = await private(german, "ask", question="why?")
        assert told == say("question-taken").in_language("ja")
        await german.until(lambda: german.guild.threads)
        (thread,) = german.guild.threads.values()
        await german.until(lambda: german.said(thread)[-1:] == [small("thinking")])
        asks = say("asks", name=german.ada.mention, question="> why?").in_language("de")
        assert german.said(german.channel) == [asks]
        german.go_on()
        answer = german.fake.message(await finished(german, thread))
        await german.quiet(bot)
        assert await private(german, "stop") == say("nothing-to-stop-yours").in_language("ja")
        german.bob.locale = "fr"
        await german.bob.click(answer, say("button-redo").in_language("de"))
        await german.until(lambda: german.told_to(german.bob) == [say("not-yours-discord").in_language("fr")])
        interaction = await german.ada.run(german.channel, "export")
        assert await shown(german, interaction) == say("export-here").in_language("ja")
        forget = f"/{say('command-forget').in_language('ja')} {say('option-sure').in_language('ja')}:True"
        assert await private(german, "forget") == say("not-sure", command=forget).in_language("ja")


async def test_commands_work_before_the_server_is_known(world: World) -> None:
    """An interaction itself tells the language of its server."""
    world.guild.set_locale("de")
    world.ada.locale = "fr"
    async with world.bot():
        world.guild.unavailable = True
        world.fake.gateway.invalidate(resumable=False)
        await world.until(lambda: world.fake.gateway.identified == 2)
        assert await private(world, "persona") == say("no-persona").in_language("fr")
        await world.ada.run(world.channel, "ask", question="why?")
        asks = say("asks", name=world.ada.mention, question="> why?").in_language("de")
        await world.until(lambda: world.said(world.channel)[:1] == [asks])


# --- /language -------------------------------------------------------------------------------------------------------


@pytest.fixture
def manager(world: World) -> Person:
    """Who may manage the channel, and reads French."""
    manager = world.fake.add_user("manager")
    world.guild.add_member(manager, world.guild.add_role("managers", Permission.MANAGE_CHANNELS))
    manager.locale = "fr"
    return manager


async def test_the_language_of_a_channel_holds_for_everybody_there_until_it_is_taken_back(
    german: World, manager: Person
) -> None:
    listed = tuple(f"`{tag}`" for tag in NAMES)
    how = say("how-to-ask-discord", ask="`/ask`", help="`/help`")
    async with german.bot():
        auto = say("language-is-auto", languages=listed).in_language("fr")
        assert await private(german, "language", by=manager) == auto
        chosen = say("language-set", language=NAMES["es"]).in_language("es")
        assert await private(german, "language", by=manager, language="es") == chosen
    async with german.bot() as bot:  # it is kept
        assert await private(german, "stop", by=manager) == say("nothing-to-stop").in_language("es")
        current = say("language-is", language=NAMES["es"], languages=listed).in_language("es")
        assert await private(german, "language") == current
        await german.ask("")
        await german.until(lambda: german.said(german.channel) == [how.in_language("es")])
        german.hold()
        thread = await begun(german)
        assert german.said(thread) == [small("thinking", "es")]
        assert await private(german, "reset", where=thread, by=german.bob) == say("not-alone").in_language("es")
        german.go_on()
        await german.quiet(bot)
        undone = say("language-unset").in_language("fr")
        assert await private(german, "language", by=manager, language="default") == undone
        await german.ask("")
        await german.until(lambda: german.said(german.channel)[-1] == how.in_language("de"))
        assert (await german.ada.run(german.channel, "help")).user is german.ada


async def test_only_managers_choose_a_language_and_only_one_that_we_have(world: World, manager: Person) -> None:
    listed = tuple(f"`{tag}`" for tag in NAMES)
    async with world.bot(denied_users=str(world.bob.id)):
        assert await private(world, "language", language="de") == str(say("not-manager"))
        for wrong in ("tlh", "zh-TW", "`@everyone`", "x" * 6000):
            shown_as = wrong[:40].replace("`", "")
            refusal = say("no-such-language", language=shown_as, languages=listed).in_language("fr")
            told = await private(world, "language", by=manager, language=wrong)
            assert told.replace("\u200b", "") == refusal
        direct = (await world.bob.dm("hello")).channel
        assert await private(world, "language", by=world.bob, where=direct, language="de") == str(say("not-manager"))


async def test_help_knows_the_command(world: World) -> None:
    world.ada.locale = "de"
    async with world.bot():
        assert f"`/{say('command-language').in_language('de')}`" in await private(world, "help")


# --- direct messages -------------------------------------------------------------------------------------------------


async def test_a_direct_conversation_is_in_the_language_its_person_had_last(world: World) -> None:
    """No message tells a person's language; commands and buttons do."""
    world.ada.locale = "de"
    async with world.bot() as bot:
        direct = (await world.ada.dm("hello")).channel
        await world.until(lambda: world.finished(direct))  # nobody knows yet
        await private(world, "help", where=direct)
        await world.ada.dm("hello again")
        await finished(world, direct)
        await world.quiet(bot)
    async with world.bot() as bot:
        await world.ada.say(direct, "", files=[PICTURE])
        only = say("files-only", left_out=not_read("cat.png")).in_language("de")
        await world.until(lambda: world.said(direct)[-1] == only)
        world.ada.locale = "ja"
        redo = say("button-redo").in_language("de")
        answer = next(one for one in world.fake.answers(direct) if redo in buttons(one))
        await world.ada.click(world.fake.message(answer), redo)
        await world.quiet(bot)
        await world.ada.say(direct, "", files=[PICTURE])
        await world.until(lambda: world.said(direct)[-1] == only_in("ja"))
        assert await private(world, "language", where=direct, language="fr") == say(
            "language-set", language=NAMES["fr"]
        ).in_language("fr")
        await world.ada.say(direct, "", files=[PICTURE])
        await world.until(lambda: world.said(direct)[-1] == only_in("fr"))
        await private(world, "language", where=direct, language="default")
        world.ada.locale = "nl"
        await private(world, "help", where=direct)
        await world.ada.say(direct, "", files=[PICTURE])
        await world.until(lambda: world.said(direct)[-1] == only_in("en"))


def only_in(language: str) -> str:
    return say("files-only", left_out=not_read("cat.png")).in_language(language)


async def test_what_is_known_of_a_person_s_language_ends_with_the_conversation(world: World) -> None:
    world.ada.locale = "de"
    async with world.bot() as bot:
        direct = (await world.ada.dm("hello")).channel
        await world.until(lambda: world.finished(direct))
        await private(world, "help", where=direct)
        store, key = bot.core.store, f"{bot.core.store.prefix}locale:{direct.id}"
        assert 0 < await store.client.ttl(key) <= store.ttl
        await store.client.expire(key, 5)
        await world.ada.dm("and limes?")
        await finished(world, direct)
        assert await store.client.ttl(key) > 5
        await private(world, "forget", where=direct, sure=True)
        await private(world, "reset", where=direct)
        assert await bot.parts.facts.locale(direct.id) == "de"  # told by the command itself
