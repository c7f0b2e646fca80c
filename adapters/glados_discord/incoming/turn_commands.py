"""Slash commands and buttons that concern turns: asking by command, stopping, asking again, voting."""

import discord

from glados_bots.adapter_core import AdapterCore
from glados_bots.conversation import Turn
from glados_bots.intake.addressing import is_nothing
from glados_bots.intake.text_files import Files
from glados_bots.store.records import Vote
from glados_bots.wording import CANNOT_WRITE_HERE, CLOSING, NO_QUESTION, NO_VOTE_YET, ON_ITS_WAY, TOO_OLD
from glados_discord.access import asker_of, may_control, refusal
from glados_discord.answers.controls import Action
from glados_discord.answers.places import Spot
from glados_discord.answers.surface import DiscordSurface
from glados_discord.connection.permissions import missing_in
from glados_discord.facts import DiscordFacts
from glados_discord.incoming import replies
from glados_discord.incoming.channel_order import ChannelOrder
from glados_discord.incoming.desk import DiscordDesk
from glados_discord.incoming.questions import how_to_answer, patient, settings_channel, title
from glados_discord.settings import DiscordSettings
from glados_discord.words import attachments
from glados_discord.words.hearing import is_direct, typed

NOT_YOURS = "Only the person who asked, or somebody who may manage messages here, can do this."


class TurnCommands:
    """What people do with turns other than by messages."""

    def __init__(
        self,
        core: AdapterCore[DiscordSurface],
        memory: DiscordFacts,
        desk: DiscordDesk,
        order: ChannelOrder,
        settings: DiscordSettings,
    ) -> None:
        self._core = core
        self._memory = memory
        self._desk = desk
        self._order = order
        self._settings = settings

    async def conversation(self, interaction: discord.Interaction) -> str:
        """The conversation a command is about: that of the thread, the direct conversation, or the channel."""
        return await self._memory.conversation(interaction.channel_id or 0) or str(interaction.channel_id)

    async def ask(self, interaction: discord.Interaction, question: str, file: discord.Attachment | None) -> str:
        """Take a question in, and tell the person so. The question itself is written down with its answer."""
        sentence = self._why_not(interaction)
        if sentence:
            return sentence
        files = await attachments.read([file] if file else [], self._settings)
        if is_nothing(question) and not files.read:
            return NO_QUESTION
        turn = await self._turn(interaction, question, files)
        allowed = self._core.settings.message_max_chars
        if len(question) > allowed:
            return f"This is too long for me: {len(question)} characters, and {allowed} are allowed."
        verdict = await self._desk.within_guild(
            interaction.guild_id, interaction.id, lambda: self._core.intake.accept(turn, joins=False)
        )
        if verdict.refusal:
            return verdict.refusal
        await self._desk.remember(turn, interaction.channel, interaction.guild_id)
        return f"{ON_ITS_WAY} {verdict.ahead} go first." if verdict.ahead else ON_ITS_WAY

    def _why_not(self, interaction: discord.Interaction) -> str:
        if self._order.is_closing:
            return CLOSING
        sentence = self.refusal(interaction)
        if sentence or interaction.guild_id is None:
            return sentence or ""
        is_thread = isinstance(interaction.channel, discord.Thread)
        what = missing_in(interaction.app_permissions, is_thread=is_thread)
        return CANNOT_WRITE_HERE.format(what=what) if what else ""

    def refusal(self, interaction: discord.Interaction) -> str | None:
        """Why the bot does not talk to this person here; None when it does."""
        return refusal(self._desk.rules, asker_of(interaction.user, interaction.guild_id, interaction.channel))

    async def _turn(self, interaction: discord.Interaction, question: str, files: Files) -> Turn:
        channel, number = interaction.channel, str(interaction.id)
        has_own = isinstance(channel, discord.Thread) or is_direct(channel) or self._settings.answer_in == "channel"
        conversation = await self.conversation(interaction) if has_own else number
        how = how_to_answer(channel, self._settings, interaction.guild, is_new=not has_own)
        words = typed(question, interaction.application_id, interaction.guild)
        shown, left_out = files.fitted(self._core.settings.message_max_chars - len(words))
        spot = Spot(
            channel=str(interaction.channel_id),
            guild=str(interaction.guild_id or ""),
            how=how,
            title=title(words) if how == "thread" else "",
            asker=interaction.user.mention,
            asked=question,
            aside=left_out,
            patient=patient(channel, how),
        )
        return Turn(
            id=number,
            conversation=conversation,
            author=str(interaction.user.id),
            text="\n\n".join(filter(None, [words, shown])),
            author_name=interaction.user.display_name if interaction.guild_id else "",
            channel=settings_channel(channel),
            place=spot.to_place(),
        )

    async def press(self, interaction: discord.Interaction, action: Action, name: str) -> None:
        """A button was pressed under the answer to a turn. Where that shows by itself, nothing is said."""
        await replies.answer(interaction, self._memory, lambda: self._pressed(interaction, action, name))

    async def _pressed(self, interaction: discord.Interaction, action: Action, name: str) -> str:
        turn = await self._core.store.turn(name)
        if turn is None:
            return TOO_OLD
        if action in {"up", "down"}:
            return await self._vote(turn.id, str(interaction.user.id), "up" if action == "up" else "down")
        if not may_control(turn.author, interaction.user.id, interaction.permissions, interaction.guild_id):
            return NOT_YOURS
        if action == "stop":
            await self._core.store.change(name, "stop")
            return ""
        if sentence := self.refusal(interaction):
            return sentence
        verdict = await self._desk.within_guild(
            interaction.guild_id, interaction.id, lambda: self._core.intake.redo(name, str(interaction.user.id))
        )
        return TOO_OLD if verdict is None else verdict.refusal

    async def _vote(self, turn: str, person: str, vote: Vote) -> str:
        before = (await self._core.records.votes(turn)).get(person, "")
        chosen = "" if before == vote else vote
        if not await self._core.records.vote(turn, person, chosen):
            return NO_VOTE_YET
        return "Thank you, noted." if chosen else "Your vote is withdrawn."
