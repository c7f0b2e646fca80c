"""The slash commands. What they do is the core's; here stands who may use them, and where."""

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord import app_commands

from glados_bots.admins import Admins
from glados_bots.errors import InferenceError
from glados_bots.store.channels import LONGEST_PERSONA
from glados_discord.access import may_manage, may_moderate
from glados_discord.incoming import replies
from glados_discord.incoming.shared import DiscordShared
from glados_discord.incoming.turn_commands import TurnCommands, conversation_of
from glados_discord.incoming.where import settings_channel

MOST_CHOICES = 25
NOT_MANAGER = "Only people who may manage this channel can change this."
NOT_SURE = (
    "This deletes all your questions with my answers, and cannot be undone. If you want that: `/forget sure:True`."
)
HOW = "Mention me, reply to me, or write to me directly. In a thread I opened I need no mention."
Tree = app_commands.CommandTree[Any]
Work = Callable[[discord.Interaction], Awaitable[str]]
Show = Callable[[str], Awaitable[str]]
Change = Callable[[str, str, str], Awaitable[str]]


class Slash:
    """All commands of one bot."""

    def __init__(self, shared: DiscordShared, turn_commands: TurnCommands) -> None:
        self._shared = shared
        self._core = shared.core
        self._turn_commands = turn_commands

    def add_to(self, tree: Tree) -> None:
        """Declare the commands: those with something to fill in, and the others."""
        self._add_asking(tree)
        self._add_channel_settings(tree)
        self._add_own_data(tree)
        commands = self._core.commands
        plain: tuple[tuple[str, str, Work], ...] = (
            (
                "stop",
                "End the answer that is being written to you, and your waiting questions",
                lambda one: self._end(one, commands.stop),
            ),
            ("reset", "Forget this conversation", lambda one: self._end(one, commands.reset)),
            ("privacy", "What I keep, for how long, and who sees it", self._privacy),
            (
                "usage",
                "How much of your limits you have used",
                lambda one: commands.usage(str(one.user.id), settings_channel(one.channel)),
            ),
            ("status", "The model, the queue, and how long I have been up", lambda _: commands.status()),
            ("help", "What I can do", self._help),
        )
        for name, description, work in plain:
            tree.add_command(self._plain(name, description, work))

    def _plain(self, name: str, description: str, work: Work) -> app_commands.Command[Any, ..., None]:
        async def run(interaction: discord.Interaction) -> None:
            await self._private(interaction, lambda: work(interaction))

        return app_commands.Command(name=name, description=description, callback=run)

    def _add_asking(self, tree: Tree) -> None:
        @tree.command(name="ask", description="Ask me something; everybody here sees question and answer")
        @app_commands.describe(question="What you want to know", file="A text file to read with it")
        async def ask(
            interaction: discord.Interaction,
            question: app_commands.Range[str, 1, 4000],
            file: discord.Attachment | None = None,
        ) -> None:
            await self._private(interaction, lambda: self._turn_commands.ask(interaction, question, file))

    def _add_channel_settings(self, tree: Tree) -> None:
        commands = self._core.commands

        @tree.command(name="model", description="Show or choose the model of this channel")
        @app_commands.describe(name="A model that is served; `default` takes the choice back")
        async def model(interaction: discord.Interaction, name: str = "") -> None:
            await self._private(
                interaction, lambda: self._setting(interaction, name, commands.model, commands.set_model)
            )

        @model.autocomplete("name")
        async def names(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
            del interaction
            return await self._choices(typed)

        @tree.command(name="persona", description="Show or set what I am told before every conversation here")
        @app_commands.describe(text="Such as: You answer in rhymes; `default` takes it back")
        async def persona(
            interaction: discord.Interaction, text: app_commands.Range[str, 0, LONGEST_PERSONA] = ""
        ) -> None:
            await self._private(
                interaction, lambda: self._setting(interaction, text, commands.persona, commands.set_persona)
            )

    def _add_own_data(self, tree: Tree) -> None:
        @tree.command(name="export", description="Get everything I keep of you, as a file")
        async def export(interaction: discord.Interaction) -> None:
            commands, author = self._core.commands, str(interaction.user.id)
            await replies.answer(
                interaction, self._core.marks, lambda: commands.export(author), file="glados-export.json"
            )

        @tree.command(name="forget", description="Delete everything I keep of you")
        @app_commands.describe(sure="True deletes; it cannot be undone")
        async def forget(interaction: discord.Interaction, sure: bool = False) -> None:
            await self._private(interaction, lambda: self._forget(interaction, sure=sure))

    # --- what they do ----------------------------------------------------------------------------------------------

    async def _private(self, interaction: discord.Interaction, work: Callable[[], Awaitable[str]]) -> None:
        await replies.answer(interaction, self._core.marks, work)

    async def _end(self, interaction: discord.Interaction, command: Callable[[str, str], Awaitable[str]]) -> str:
        """Stop or reset a conversation: for moderators all of it, for others what is theirs."""
        everybody = may_moderate(interaction.permissions, interaction.guild_id)
        conversation = await conversation_of(self._shared, interaction)
        return await command(conversation, "" if everybody else str(interaction.user.id))

    async def _setting(self, interaction: discord.Interaction, value: str, show: Show, change: Change) -> str:
        """Show or change what is set for a channel; `default` takes it back."""
        channel = settings_channel(interaction.channel)
        if not value:
            return await show(channel)
        if not self._may_manage(interaction):
            return NOT_MANAGER
        return await change(channel, "" if value == "default" else value, str(interaction.user.id))

    def _may_manage(self, interaction: discord.Interaction) -> bool:
        """Whether they manage the channel, and the bot talks to them there; or are the operator's admins."""
        if Admins.parse(self._core.settings.admins).has("discord", str(interaction.user.id)):
            return True
        return may_manage(interaction.permissions, interaction.guild_id) and not self._turn_commands.refusal(
            interaction
        )

    async def _choices(self, typed: str) -> list[app_commands.Choice[str]]:
        try:
            names = [*await self._core.commands.models(), "default"]
        except InferenceError:
            names = ["default"]
        found = [name for name in names if typed.lower() in name.lower()]
        return [app_commands.Choice(name=name[:100], value=name[:100]) for name in found[:MOST_CHOICES]]

    async def _forget(self, interaction: discord.Interaction, *, sure: bool) -> str:
        return await self._core.commands.forget(str(interaction.user.id)) if sure else NOT_SURE

    async def _privacy(self, _: discord.Interaction) -> str:
        return self._core.commands.privacy()

    async def _help(self, _: discord.Interaction) -> str:
        return self._core.commands.help(HOW)
