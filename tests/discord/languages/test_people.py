"""What one person reads is in that person's language, unless `/language` says otherwise."""

from glados_bots.commands import listed_languages
from glados_bots.wording.languages import NAMES
from glados_bots.wording.sentence import say
from glados_discord.incoming.desk import HOW_TO_ASK
from glados_discord.run import Bot
from tests.discord.conftest import World, buttons
from tests.discord.languages.reading import PICTURE, begun, finished, private, shown, small
from tests.discord.sentences import not_read
from tests.fakes.discord import Channel, Person
from tests.waiting import until


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


async def test_the_language_of_a_channel_holds_for_everybody_there_until_it_is_taken_back(
    german: World, manager: Person
) -> None:
    listed = listed_languages()
    how = HOW_TO_ASK
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


async def test_only_managers_choose_a_language_and_only_one_that_we_have(world: World, manager: Person) -> None:
    listed = listed_languages()
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
        await world.until(lambda: world.said(direct)[-1] == unread("de"))
        world.ada.locale = "ja"
        redo = say("button-redo").in_language("de")
        answer = next(one for one in world.fake.answers(direct) if redo in buttons(one))
        await world.ada.click(world.fake.message(answer), redo)
        await until(lambda: locale_is(bot, direct, "ja"))
        await world.quiet(bot)
        await world.ada.say(direct, "", files=[PICTURE])
        await world.until(lambda: world.said(direct)[-1] == unread("ja"))
        assert await private(world, "language", where=direct, language="fr") == say(
            "language-set", language=NAMES["fr"]
        ).in_language("fr")
        await world.ada.say(direct, "", files=[PICTURE])
        await world.until(lambda: world.said(direct)[-1] == unread("fr"))
        await private(world, "language", where=direct, language="default")
        world.ada.locale = "nl"
        await private(world, "help", where=direct)
        await world.ada.say(direct, "", files=[PICTURE])
        await world.until(lambda: world.said(direct)[-1] == unread("en"))


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
        assert await bot.parts.facts.locale(direct.id) == ""


def unread(language: str) -> str:
    """What is said of a damaged picture alone."""
    return not_read("cat.png").in_language(language)


async def locale_is(bot: Bot, direct: Channel, tag: str) -> bool:
    return await bot.parts.facts.locale(direct.id) == tag
