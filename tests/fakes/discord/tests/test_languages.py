"""Languages on the fake: what bots learn of servers and people, and which translations of commands it takes."""

from typing import Any

import discord
import pytest
from discord import app_commands

from tests.fakes.discord import ApiError, FakeDiscord, Person, RecordingClient, running
from tests.fakes.discord.world.command_rules import check_command

FINE: dict[str, Any] = {"name": "ask", "description": "Ask me"}


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Ask"},
        {"name": "ask me"},
        {"name": ""},
        {"name": "x" * 33},
        {"name_localizations": {"de": "Frag"}},
        {"name_localizations": {"de": "frag!"}},
        {"name_localizations": {"ja": "質問 する"}},
        {"name_localizations": {"en-XA": "ask"}},
        {"name_localizations": {"es": "preguntar"}},
        {"description": ""},
        {"description": "x" * 101},
        {"description_localizations": {"fr": "x" * 101}},
        {"description_localizations": {"fr": ""}},
        {"options": [FINE | {"name_localizations": {"fr": "Demander"}}]},
        {"options": [FINE] * 26},
        {"options": [FINE | {"choices": [{"name": "x" * 101}]}]},
        {"options": [FINE | {"choices": [{"name": "a", "name_localizations": {"fr": ""}}]}]},
        {"options": [FINE | {"choices": [{"name": "a"}] * 26}]},
    ],
)
def test_a_command_that_discord_refuses_is_refused(changed: dict[str, Any]) -> None:
    check_command(FINE)
    with pytest.raises(ApiError) as refused:
        check_command(FINE | changed)
    assert refused.value.code == 50035


@pytest.mark.parametrize(
    "names",
    [{"ja": "データ削除", "zh-CN": "询问", "pt-BR": "opção", "de": "größe", "hi": None}, {"ru": "спросить-о_2"}, None],
)
def test_letters_of_all_scripts_are_fine(names: dict[str, str] | None) -> None:
    check_command(FINE | {"name_localizations": names and {tag: name for tag, name in names.items() if name}})


class Bot(RecordingClient):
    """Says which languages an interaction tells."""

    async def setup_hook(self) -> None:
        @self.tree.command(description="Which languages")
        async def which(interaction: discord.Interaction[RecordingClient]) -> None:
            await interaction.response.send_message(f"{interaction.locale} {interaction.guild_locale}")

        await self.tree.set_translator(Shouting())
        await self.tree.sync()


class Shouting(app_commands.Translator):
    """Adds an exclamation mark to descriptions in German."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        del context
        is_wanted = locale is discord.Locale.german and " " in string.message
        return f"{string.message}!" if is_wanted else None


async def test_a_bot_is_told_the_language_of_a_server_and_with_interactions_that_of_a_person(
    fake: FakeDiscord, ada: Person
) -> None:
    guild = fake.add_guild()
    channel = guild.add_text_channel("general")
    guild.add_member(ada)
    async with running(fake, Bot()) as client:
        (known,) = [one for one in client.guilds if one.id == guild.id]
        assert (str(known.preferred_locale), known.features) == ("en-US", [])
        guild.set_locale("de")
        await fake.wait_for(lambda: str(known.preferred_locale) == "de")
        assert known.features == ["COMMUNITY"]
        assert [one.name for one in known.text_channels] == ["general"]
        for where, expected in ((channel, "ja de"), (fake.world.direct(ada), "ja None")):
            ada.locale = "ja"
            answer = await ada.run(where, "which")
            await fake.wait_for(lambda: answer.content)  # noqa: B023 - awaited here
            assert answer.content == expected
    (command,) = fake.world.commands[None]
    assert command["description_localizations"] == {"de": "Which languages!"}
