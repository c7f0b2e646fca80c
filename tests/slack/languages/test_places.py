"""A channel's own language overrides that of its readers; forms, the home and replies are in the person's."""

import json

import pytest

from glados_bots.commands import listed_languages
from glados_bots.store.connection import Client
from glados_bots.wording.languages import NAMES
from glados_bots.wording.sentence import Sentence, say
from tests.fakes.slack import Channel, FakeSlack, Interaction, JsonObject, Person, View
from tests.fakes.slack.blocks.content import walk
from tests.slack.conftest import Adapter, answered, read, told
from tests.slack.languages.test_beside_answers import bert, label, texts_of_buttons

__all__ = ["bert"]
LANGUAGES = listed_languages()


async def replied(slack: FakeSlack, interaction: Interaction, said: Sentence, language: str) -> None:
    """Return when a command has said exactly this, in a language."""
    await slack.wait_for(lambda: interaction.messages, what="for a reply")
    assert slack.ledger.of(interaction.messages[-1]).content == read(said, language)


async def opened(slack: FakeSlack, interaction: Interaction) -> View:
    await slack.wait_for(lambda: interaction.view, what="for a form")
    assert interaction.view is not None
    return interaction.view


def plain_texts(payload: JsonObject) -> set[str]:
    """Every plain text of a view, but for names of languages and models."""
    return {part["text"] for part in walk(payload) if part.get("type") == "plain_text"} - {*NAMES.values(), "scripted"}


async def test_the_form_of_a_channel(slack: FakeSlack, adapter: Adapter, bert: Person) -> None:
    async with adapter():
        form = await opened(slack, await bert.run(bert.direct, "/glados", "persona"))
    wanted = {
        "form-channel", "form-save", "form-cancel", "form-model", "form-persona", "form-persona-hint",
        "form-persona-example", "form-language", "choice-language-auto",
    }  # fmt: skip
    default = say("form-default-model", model="scripted").in_language("de")
    assert plain_texts(form.payload) == {default, *map(label, wanted)}


async def test_the_form_of_a_question_and_its_errors(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, bert: Person
) -> None:
    async with adapter():
        used = await bert.shortcut(await ada.say(channel, "the plan"), "glados_ask_about")
        form = await opened(slack, used)
        assert plain_texts(form.payload) == set(map(label, ("form-about", "form-ask", "form-cancel", "form-question")))
        (field,) = [block["element"] for block in form.payload["blocks"]]
        assert field["initial_value"] == label("form-question-example")
        await bert.submit(form, {"question": " "})
        await slack.wait_for(lambda: form.errors)
        assert form.errors == {"question": label("no-question")}


async def test_the_home_and_what_it_asks_before_it_forgets(slack: FakeSlack, adapter: Adapter, bert: Person) -> None:
    async with adapter():
        await bert.open_home()
        await slack.wait_for(lambda: slack.world.views)
        (home,) = slack.world.views.values()
        await bert.click(home, "glados_export")
        await told(slack, bert, say("export-sent"), "de")
        await bert.click(home, "glados_forget")
        await told(slack, bert, say("forgotten", count=0), "de")
    headers = {"home-conversations", "home-data"}
    buttons = {"home-refresh", "home-export", "home-forget"}
    confirm = {"forget-title", "forget-text", "forget-yes", "forget-no"}
    assert plain_texts(home.payload) == {"GLaDOS", *map(label, headers | buttons | confirm)}
    assert label("status-idle") in json.dumps(home.payload, ensure_ascii=False)


async def test_the_suggested_prompts(slack: FakeSlack, adapter: Adapter, bert: Person) -> None:
    async with adapter():
        await bert.open_home("messages")
        await slack.wait_for(lambda: slack.ledger.prompts)
    names = ("prompt-explain", "prompt-write", "prompt-debug", "prompt-help")
    assert slack.ledger.prompts[0].prompts == tuple((label(name), label(f"{name}-text")) for name in names)
    assert slack.ledger.prompts[0].title == label("prompts-title")


async def test_what_forget_asks_below_a_command(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person
) -> None:
    async with adapter():
        asked = await bert.run(channel, "/glados", "forget")
        await replied(slack, asked, say("forget-question"), "de")
        (actions,) = [block for block in asked.messages[-1].blocks if block["type"] == "actions"]
        confirm = {key: part["text"] for key, part in actions["elements"][0]["confirm"].items() if key != "style"}
        await bert.click(asked.messages[-1], label("home-forget"))
        await slack.wait_for(
            lambda: read(say("forgotten", count=0), "de") in slack.ledger.of(asked.messages[-1]).content
        )
    texts = {"title": "forget-title", "text": "forget-text", "confirm": "forget-yes", "deny": "forget-no"}
    assert confirm == {part: label(name) for part, name in texts.items()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stop", say("nothing-to-stop-yours")),
        ("reset", say("no-conversation")),
        ("model", say("model-is-default", model="scripted", models=("`scripted`",))),
        ("language", say("language-is-auto", languages=LANGUAGES)),
        ("persona x", say("not-yours-slack")),
        ("ask", say("no-question-example", command=say("example-command", command="/glados ask"))),
        ("hilfe", say("no-such-command", word="hilfe", help="`/glados help`")),
    ],
)
async def test_replies_to_commands(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, bert: Person, text: str, said: Sentence
) -> None:
    async with adapter():
        await replied(slack, await bert.run(channel, "/glados", text), said, "de")


async def test_an_admin_chooses_the_language_of_a_channel_and_takes_it_back(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    chloe = slack.add_user("chloe", locale="fr-FR")
    async with adapter(core={"admins": f"slack:{slack.team.id}/{chloe.id}"}):
        await replied(
            slack, await chloe.run(channel, "/glados", "language de"), say("language-set", language="Deutsch"), "de"
        )
        for person in (ada, chloe):
            (answer,) = await answered(slack, await person.say(channel, f"{slack.bot.mention} hi"))
            assert label("button-redo") in texts_of_buttons(answer)
            is_now = say("language-is", language="Deutsch", languages=LANGUAGES)
            await replied(slack, await ada.run(channel, "/glados", "language"), is_now, "de")
        (elsewhere,) = await answered(slack, await ada.dm("hi"))
        assert str(say("button-redo")) in texts_of_buttons(elsewhere)
        await replied(slack, await chloe.run(channel, "/glados", "language default"), say("language-unset"), "fr")
        (answer,) = await answered(slack, await ada.say(channel, f"{slack.bot.mention} hi"))
        assert str(say("button-redo")) in texts_of_buttons(answer)


async def test_others_may_not_choose_and_an_unknown_language_is_refused_with_the_list(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, bert: Person, *, client: Client
) -> None:
    async with adapter(core={"admins": f"slack:{slack.team.id}/{ada.id}"}):
        await replied(slack, await bert.run(channel, "/glados", "language de"), say("not-yours-slack"), "de")
        unknown = say("no-such-language", language="klingon", languages=LANGUAGES)
        await replied(slack, await ada.run(channel, "/glados", "language klingon"), unknown, "en")
    assert await client.hget(f"glados:{{slack}}:ch:{channel.id}", "language") is None


async def test_the_form_of_a_channel_saves_its_language(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, *, client: Client
) -> None:
    key = f"glados:{{slack}}:ch:{channel.id}"
    async with adapter(core={"admins": f"slack:{slack.team.id}/{ada.id}"}):
        for chosen, kept in (("pt-BR", "pt-BR"), ("default", None)):
            form = await opened(slack, await ada.run(channel, "/glados", "language"))
            menu = form.payload["blocks"][-1]["element"]
            assert [one["text"]["text"] for one in menu["options"][1:]] == list(NAMES.values())
            sent = await ada.submit(form, {"language": chosen})
            await slack.wait_for(lambda: sent.is_done and not form.is_open)  # noqa: B023
            assert await client.hget(key, "language") == kept
            said = say("language-set", language=NAMES[kept]) if kept else say("language-unset")
            await told(slack, ada, said, kept or "en")


async def test_in_direct_messages_everybody_chooses_their_own(slack: FakeSlack, adapter: Adapter, ada: Person) -> None:
    async with adapter():
        set_now = say("language-set", language="Français")
        await replied(slack, await ada.run(ada.direct, "/glados", "language fr"), set_now, "fr")
        (answer,) = await answered(slack, await ada.dm("hi"))
        assert say("button-redo").in_language("fr") in texts_of_buttons(answer)
