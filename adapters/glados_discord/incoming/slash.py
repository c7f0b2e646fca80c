"""The slash commands: who may use them, and where. The core carries them out."""

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord import app_commands

from glados_bots.admins import Admins
from glados_bots.commands import NAMES as COMMANDS
from glados_bots.commands import stopped
from glados_bots.errors import InferenceError
from glados_bots.store.channels import LONGEST_PERSONA
from glados_bots.surface import OutFile
from glados_bots.wire.events import LEVELS
from glados_bots.wording.languages import NAMES, known
from glados_bots.wording.sentence import Sentence, say
from glados_discord.access import may_manage, may_moderate
from glados_discord.incoming import replies
from glados_discord.incoming.shared import DiscordShared
from glados_discord.incoming.translations import called, localised
from glados_discord.incoming.turn_commands import TurnCommands, conversation_of
from glados_discord.incoming.where import settings_channel

MOST_CHOICES = 25
DEFAULT = "default"  # people type this to undo a choice
Tree = app_commands.CommandTree[Any]
Work = Callable[[discord.Interaction], Awaitable[Sentence]]
Show = Callable[[str], Awaitable[Sentence]]
Change = Callable[[str, str, str], Awaitable[Sentence]]


class Slash:
    """All commands of one bot."""

    def __init__(self, shared: DiscordShared, turn_commands: TurnCommands) -> None:
        self._shared = shared
        self._core = shared.core
        self._turn_commands = turn_commands

    def add_to(self, tree: Tree) -> None:
        """Declare all commands: those with fields, and those without."""
        self._add_asking(tree)
        self._add_channel_settings(tree)
        self._add_own_data(tree)
        commands = self._core.commands
        plain: dict[str, Work] = {
            "stop": self._stop,
            "reset": self._reset,
            "privacy": self._privacy,
            "usage": lambda one: commands.usage(str(one.user.id), settings_channel(one.channel)),
            "status": lambda _: commands.status(),
            "help": self._help,
        }
        for name, work in plain.items():
            tree.add_command(self._plain(name, work))

    def _plain(self, name: str, work: Work) -> app_commands.Command[Any, ..., None]:
        async def run(interaction: discord.Interaction) -> None:
            await self._private(interaction, lambda: work(interaction))

        return app_commands.Command(**called(name), callback=run)

    def _add_asking(self, tree: Tree) -> None:
        file_is = localised("option-file-is")
        names = {"file": "option-file", "file2": "option-file-2", "file3": "option-file-3"}

        @tree.command(**called("ask"))
        @app_commands.rename(
            question=localised("option-question"), **{key: localised(name) for key, name in names.items()}
        )
        @app_commands.describe(question=localised("option-question-is"), **dict.fromkeys(names, file_is))
        async def ask(
            interaction: discord.Interaction,
            question: app_commands.Range[str, 1, 4000],
            file: discord.Attachment | None = None,
            file2: discord.Attachment | None = None,
            file3: discord.Attachment | None = None,
        ) -> None:
            files = tuple(one for one in (file, file2, file3) if one)
            await self._private(interaction, lambda: self._turn_commands.ask(interaction, question, files))

    def _add_channel_settings(self, tree: Tree) -> None:
        commands = self._core.commands

        @tree.command(**called("model"))
        @app_commands.rename(name=localised("option-name"))
        @app_commands.describe(name=localised("option-name-is"))
        async def model(interaction: discord.Interaction, name: str = "") -> None:
            await self._private(
                interaction, lambda: self._setting(interaction, name, commands.model, commands.set_model)
            )

        @model.autocomplete("name")
        async def names(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
            del interaction
            return await self._choices(typed)

        @tree.command(**called("persona"))
        @app_commands.rename(text=localised("option-text"))
        @app_commands.describe(text=localised("option-text-is"))
        async def persona(
            interaction: discord.Interaction, text: app_commands.Range[str, 0, LONGEST_PERSONA] = ""
        ) -> None:
            await self._private(
                interaction, lambda: self._setting(interaction, text, commands.persona, commands.set_persona)
            )

        languages = [app_commands.Choice(name=name, value=tag) for tag, name in NAMES.items()]
        automatic = app_commands.Choice(name=localised("choice-language-auto"), value=DEFAULT)

        @tree.command(**called("language"))
        @app_commands.rename(language=localised("option-language"))
        @app_commands.describe(language=localised("option-language-is"))
        @app_commands.choices(language=[automatic, *languages])
        async def language(interaction: discord.Interaction, language: str = "") -> None:
            await self._private(
                interaction, lambda: self._setting(interaction, language, commands.language, commands.set_language)
            )

        levels = [app_commands.Choice(name=localised(f"choice-thinking-{level}"), value=level) for level in LEVELS]
        usual = app_commands.Choice(name=localised("choice-thinking-default"), value=DEFAULT)

        @tree.command(**called("thinking"))
        @app_commands.rename(level=localised("option-level"))
        @app_commands.describe(level=localised("option-level-is"))
        @app_commands.choices(level=[usual, *levels])
        async def thinking(interaction: discord.Interaction, level: str = "") -> None:
            await self._private(
                interaction, lambda: self._setting(interaction, level, commands.thinking, commands.set_thinking)
            )

    def _add_own_data(self, tree: Tree) -> None:
        @tree.command(**called("export"))
        async def export(interaction: discord.Interaction) -> None:
            await replies.answer_with_file(
                interaction,
                self._shared,
                lambda: self._export(interaction),
                here=say("export-here"),
                too_large=say("export-too-large"),
            )

        @tree.command(**called("forget"))
        @app_commands.rename(sure=localised("option-sure"))
        @app_commands.describe(sure=localised("option-sure-is"))
        async def forget(interaction: discord.Interaction, sure: bool = False) -> None:
            await self._private(interaction, lambda: self._forget(interaction, sure=sure))

    # --- what they do ----------------------------------------------------------------------------------------------

    async def _private(self, interaction: discord.Interaction, work: Callable[[], Awaitable[Sentence]]) -> None:
        await replies.answer(interaction, self._shared, work)

    async def _stop(self, interaction: discord.Interaction) -> Sentence:
        conversation, author = await self._whose(interaction)
        return stopped(await self._core.commands.stop(conversation, author), everybody=not author)

    async def _reset(self, interaction: discord.Interaction) -> Sentence:
        return await self._core.commands.reset(*await self._whose(interaction))

    async def _whose(self, interaction: discord.Interaction) -> tuple[str, str]:
        """The conversation, and the person whose turns may be ended; empty for moderators, who may end all."""
        everybody = may_moderate(interaction.permissions, interaction.guild_id)
        conversation = await conversation_of(self._shared, interaction)
        return conversation, "" if everybody else str(interaction.user.id)

    async def _setting(self, interaction: discord.Interaction, value: str, show: Show, change: Change) -> Sentence:
        """Show or change a setting of a channel; `default` resets it."""
        channel = settings_channel(interaction.channel)
        if not value:
            return await show(channel)
        if not self._may_manage(interaction):
            return say("not-manager")
        return await change(channel, "" if value == DEFAULT else value, str(interaction.user.id))

    def _may_manage(self, interaction: discord.Interaction) -> bool:
        """Whether the person is an admin, or manages the channel and is not refused there."""
        if Admins.parse(self._core.settings.admins).has("discord", str(interaction.user.id)):
            return True
        return may_manage(interaction.permissions, interaction.guild_id) and not self._turn_commands.refusal(
            interaction
        )

    async def _choices(self, typed: str) -> list[app_commands.Choice[str]]:
        try:
            names = [*await self._core.commands.models(), DEFAULT]
        except InferenceError:
            names = [DEFAULT]
        found = [name for name in names if typed.lower() in name.lower()]
        return [app_commands.Choice(name=name[:100], value=name[:100]) for name in found[:MOST_CHOICES]]

    async def _export(self, interaction: discord.Interaction) -> OutFile:
        data = await self._core.commands.export(str(interaction.user.id))
        return OutFile("glados-export.json", data.encode())

    async def _forget(self, interaction: discord.Interaction, *, sure: bool) -> Sentence:
        if sure:
            return await self._core.commands.forget(str(interaction.user.id))
        option = say("option-sure").in_language(known(str(interaction.locale)))
        return say("not-sure", command=f"{_as_typed(interaction)['forget']} {option}:True")

    async def _privacy(self, interaction: discord.Interaction) -> Sentence:
        return self._core.commands.privacy(_as_typed(interaction))

    async def _help(self, interaction: discord.Interaction) -> Sentence:
        return self._core.commands.help(say("how-discord"), _as_typed(interaction))


def _as_typed(interaction: discord.Interaction) -> dict[str, str]:
    """How the person's Discord shows each command: in that Discord's language, not in the channel's."""
    language = known(str(interaction.locale))
    return {name: f"/{say(f'command-{name}').in_language(language)}" for name in COMMANDS}
