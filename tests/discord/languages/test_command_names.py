"""Slash commands as Discord is told of them: in each of its languages that we have, and only when a text changed."""

from collections import Counter
from typing import Any

import pytest

from glados_bots.commands import NAMES
from glados_bots.wording import catalogue
from glados_bots.wording.sentence import say
from tests.discord.conftest import World
from tests.fakes.discord.world.command_rules import LOCALES

LANGUAGES = {"de": "de", "fr": "fr", "es-ES": "es", "es-419": "es", "pt-BR": "pt-BR", "ja": "ja", "zh-CN": "zh-CN"}
OPTIONS = {
    "ask": ["question", "file", "file2", "file3"], "model": ["name"], "persona": ["text"], "language": ["language"],
    "thinking": ["level"], "forget": ["sure"],
}  # fmt: skip
Json = dict[str, Any]


def told(part: Json, field: str, sentence: str) -> None:
    """A text is told in English, and in every other language of Discord that we have."""
    assert part[field] == str(say(sentence))
    expected = {locale: say(sentence).in_language(language) for locale, language in LANGUAGES.items()}
    assert part[f"{field}_localizations"] == expected, sentence


async def test_discord_is_told_every_text_in_all_its_languages_that_we_have(world: World) -> None:
    async with world.bot():
        offered = {command["name"]: command for command in world.fake.world.commands[None]}
    assert set(offered) == set(NAMES)
    assert set(LANGUAGES) < LOCALES
    for name, command in offered.items():
        told(command, "name", f"command-{name}")
        told(command, "description", f"command-{name}-does")
        options = command["options"]
        assert [option["name"] for option in options] == OPTIONS.get(name, [])
        for option in options:
            kind = option["name"].rstrip("23")  # the second and third file
            number = option["name"].removeprefix(kind)
            told(option, "name", f"option-{kind}-{number}" if number else f"option-{kind}")
            told(option, "description", f"option-{kind}-is")
    automatic, *languages = offered["language"]["options"][0]["choices"]
    told(automatic, "name", "choice-language-auto")
    assert automatic["value"] == "default"
    assert not any(choice.get("name_localizations") for choice in languages)  # each is called by its own readers' name


async def test_no_language_calls_two_things_the_same(world: World) -> None:
    async with world.bot():
        offered = world.fake.world.commands[None]
    for siblings in [offered, *(command["options"] for command in offered)]:
        for locale in LANGUAGES:
            names = Counter(one["name_localizations"][locale] for one in siblings)
            assert not [name for name, count in names.items() if count > 1], locale


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_discord_is_told_again_when_a_text_of_any_language_changed(
    world: World, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    def puts() -> int:
        return len([one for one in world.fake.ledger.requests if one.method == "PUT"])

    for _ in range(2):
        async with world.bot() as bot:
            await world.told(bot)
    assert puts() == 1
    before = catalogue.template

    def template(name: str, language_: str, count: int | None = None) -> str:
        found = before(name, language_, count)
        return "!" if (name, language_) == ("option-text-is", language) else found

    monkeypatch.setattr("glados_bots.wording.writing.template", template)
    for _ in range(2):
        async with world.bot() as bot:
            await world.told(bot)
    assert puts() == 2


async def test_a_translation_that_discord_refuses_leaves_the_bot_without_commands_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = catalogue.template

    def template(name: str, language: str, count: int | None = None) -> str:
        return "Frag Mich" if (name, language) == ("command-ask", "de") else before(name, language, count)

    monkeypatch.setattr("glados_bots.wording.writing.template", template)
    async with world.bot():
        await world.answered(await world.ask())
    assert "the slash commands could not be registered with Discord" in caplog.text
    assert "Frag Mich" in caplog.text
    assert None not in world.fake.world.commands
