"""Slash commands and buttons about turns: ask by command, stop, ask again, vote."""

from dataclasses import dataclass

import discord

from glados_bots.conversation import Turn
from glados_bots.errors import GladosError
from glados_bots.files_out.answer import whole
from glados_bots.intake.addressing import is_nothing
from glados_bots.intake.desk import Question
from glados_bots.store.records import Vote
from glados_bots.surface import OutFile
from glados_bots.wording.sentence import NOTHING, Sentence, say
from glados_discord.access import DiscordAsker, may_control, refusal
from glados_discord.answers.controls import Action
from glados_discord.answers.places import Spot
from glados_discord.connection import attachments
from glados_discord.connection.permissions import missing_in
from glados_discord.incoming import replies
from glados_discord.incoming.questions import AskedOnDiscord
from glados_discord.incoming.shared import DiscordShared
from glados_discord.incoming.where import Where, where_of
from glados_discord.words.hearing import roles_of, typed


@dataclass(frozen=True, slots=True)
class AskedByDiscordCommand(AskedOnDiscord):
    """A question by `/ask`, for the core's desk. The bot posts it together with its answer."""

    interaction: discord.Interaction
    words: str
    files: tuple[discord.Attachment, ...]

    @property
    def obstacle(self) -> Sentence:
        granted = self.interaction.app_permissions
        return missing_in(granted, is_thread=self.where.is_thread) if self.where.guild is not None else NOTHING

    async def read(self) -> Question:
        if is_nothing(self.words) and not self.files:
            return Question()
        words = typed(self.words, self.interaction.application_id, self.interaction.guild)
        return Question(words, attachments.of_command(self.files), len(self.words), words)

    async def turn(self, question: Question) -> Turn:
        """Make the turn. In a channel it begins a new conversation, unless the operator wants one per channel."""
        interaction, where = self.interaction, self.where
        has_own = where.is_thread or where.is_direct or self.shared.settings.answer_in == "channel"
        conversation = await conversation_of(self.shared, interaction) if has_own else str(interaction.id)
        name = interaction.user.display_name if where.guild is not None else ""
        spot = Spot(str(where.channel), asker=interaction.user.mention, asked=self.words)
        return self._turn(question, interaction.id, conversation, name, spot)


async def conversation_of(shared: DiscordShared, interaction: discord.Interaction) -> str:
    """The conversation of a command: that of the thread, the direct conversation, or the channel."""
    return await shared.facts.conversation(interaction.channel_id or 0) or str(interaction.channel_id)


def _asker(interaction: discord.Interaction) -> tuple[Where, DiscordAsker]:
    number, person = interaction.guild_id, interaction.user
    where = where_of(interaction.channel, interaction.channel_id or 0, interaction.guild, number)
    return where, DiscordAsker(person.id, number, where.listed, roles_of(person))


class TurnCommands:
    """People's actions on turns, other than messages."""

    def __init__(self, shared: DiscordShared) -> None:
        self._shared = shared
        self._core = shared.core

    async def ask(
        self, interaction: discord.Interaction, question: str, files: tuple[discord.Attachment, ...]
    ) -> Sentence:
        """Accept a question, and tell the person so. The bot posts the question together with its answer."""
        if self._shared.order.is_closing:
            return say("closing")
        language = await self._shared.language_around(interaction)
        asked = AskedByDiscordCommand(self._shared, *_asker(interaction), language, interaction, question, files)
        verdict = await self._core.desk.ask(asked, joins=False)
        match verdict.status:
            case "empty":
                return say("no-question")
            case "blocked":
                return say("cannot-write-here", obstacle=verdict.refusal)
        ahead = verdict.ahead
        return verdict.refusal or (say("question-taken-behind", count=ahead) if ahead else say("question-taken"))

    def refusal(self, interaction: discord.Interaction) -> Sentence:
        """Why the bot does not talk to this person here; NOTHING if it does."""
        return refusal(self._shared.rules, _asker(interaction)[1])

    async def press(self, interaction: discord.Interaction, action: Action, name: str) -> None:
        """Handle the press of a button under an answer. The bot says nothing if the answer shows the effect."""
        if action == "file":
            here, too_large = say("answer-here"), say("files-too-large")
            await replies.answer_with_file(
                interaction, self._shared, lambda: self._whole(interaction, name), here=here, too_large=too_large
            )
            return
        await replies.answer(interaction, self._shared, lambda: self._pressed(interaction, action, name))

    async def _whole(self, interaction: discord.Interaction, name: str) -> OutFile:
        """The answer above a button, as the model wrote it. Raises GladosError if there is none."""
        store, message = self._core.store, interaction.message.id if interaction.message else 0
        turn = await store.turn(name)
        if turn is None or f"{interaction.channel_id}:{message}" not in await store.posts(turn.id):
            raise GladosError(say("too-old"))
        found = await store.ended(turn)
        if found is None:
            raise GladosError(say("answer-not-ended"))
        return whole(found.answer)

    async def _pressed(self, interaction: discord.Interaction, action: Action, name: str) -> Sentence:
        turn = await self._core.store.turn(name)
        if turn is None:
            return say("too-old")
        if action in {"up", "down"}:
            return await self._vote(turn.id, str(interaction.user.id), "up" if action == "up" else "down")
        if not may_control(turn.author, interaction.user.id, interaction.permissions, interaction.guild_id):
            return say("not-yours-discord")
        if action == "stop":
            await self._core.store.change(name, "stop")
            return NOTHING
        verdict = await self._core.desk.ask_again(name, str(interaction.user.id), self.refusal(interaction))
        return verdict.refusal

    async def _vote(self, turn: str, person: str, vote: Vote) -> Sentence:
        chosen = await self._core.records.press(turn, person, vote)
        if chosen is None:
            return say("no-vote-yet")
        return say("thanks-for-vote") if chosen else say("vote-withdrawn")
