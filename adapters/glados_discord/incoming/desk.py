"""The front desk: every message comes by here, and is taken in, answered with a sentence, or none of our business.

Discord is not told that a message was taken in: what a process that died had not saved, `catch_up.py` finds again.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import discord

from glados_bots.adapter_core import AdapterCore
from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.intake.intake import Verdict
from glados_bots.store.limits import duration
from glados_bots.wording import APOLOGY, CONTENT_HINT, FILES_ONLY, GUILD_FULL, HOW_TO_ASK_ON_DISCORD, TOO_LONG
from glados_discord.access import asker_of, refusal, rules_of
from glados_discord.answers.surface import DiscordSurface
from glados_discord.connection.current_client import CurrentClient, NotConnectedError
from glados_discord.connection.permissions import missing_permission
from glados_discord.facts import DiscordFacts
from glados_discord.incoming import questions
from glados_discord.incoming.addressing import Reason, addressed, asks_by_edit
from glados_discord.incoming.channel_order import ChannelOrder
from glados_discord.incoming.notes import DiscordNotes
from glados_discord.settings import DiscordSettings
from glados_discord.words.heard import Heard
from glados_discord.words.hearing import hear, in_place, is_direct, is_from_person
from glados_discord.words.quotes import Quotes

log = logging.getLogger(__name__)
V = TypeVar("V", Verdict, Verdict | None)


class DiscordDesk:
    """Takes messages, their edits and their deletions."""

    def __init__(
        self,
        core: AdapterCore[DiscordSurface],
        memory: DiscordFacts,
        current: CurrentClient,
        order: ChannelOrder,
        settings: DiscordSettings,
    ) -> None:
        self._core = core
        self._current = current
        self._memory = memory
        self._settings = settings
        self._notes = DiscordNotes(memory)
        self._order = order
        self.rules = rules_of(settings)

    # --- events ----------------------------------------------------------------------------------------------------

    async def take_message(self, message: discord.Message, me: int, *, late: bool = False) -> None:
        """A message was written; `late` when it was found after a gap."""
        if is_from_person(message):
            heard = hear(message, me)
            await self._do(message, lambda: self._take_or_apologise(message, heard, me, late=late), late=late)

    async def edited(self, message: discord.Message, me: int, before: discord.Message | None = None) -> None:
        """A message was changed: with other words its answer is made anew, or it has become a question.

        Args:
            message: as it is now.
            me: the bot's id.
            before: as it was, where that is known.
        """
        if message.edited_at is None:  # Discord itself added a preview or a thread, or somebody pinned it
            return
        was, heard = hear(before, me) if before else None, hear(message, me)
        if heard.is_from_person and (was is None or was.raw != heard.raw):
            await self._do(message, lambda: self._edited(message, heard, me, was))

    async def deleted(self, guild: int | None, channel: int, messages: set[int]) -> None:
        """Messages were deleted: what was asked in them is forgotten, and its answer goes."""
        for message in messages:
            await self._order.do(channel, partial(self._core.store.change, str(message), "delete"), guild=guild)

    async def _do(self, message: discord.Message, work: Callable[[], Awaitable[None]], *, late: bool = False) -> None:
        """Do it in the order of the message's place; what is written in a thread on the message comes after it."""
        self._current.heard.add(message.id)
        guild = message.guild.id if message.guild else None
        await self._order.do(message.channel.id, work, guild=guild, opens=message.id, late=late)

    # --- one message -----------------------------------------------------------------------------------------------

    async def _take_or_apologise(self, message: discord.Message, heard: Heard, me: int, *, late: bool) -> None:
        heard = await self._in_place(message, heard, me)
        try:
            await self._take(message, heard, me, late=late)
        except StoreUnavailableError:
            raise
        except Exception:
            log.exception("message %d could not be taken in", message.id)
            if await self._reason(heard) in {"mention", "direct"}:
                await self._notes.reply(message, APOLOGY)

    async def _take(self, message: discord.Message, heard: Heard, me: int, *, late: bool) -> None:
        reason = await self._reason(heard)
        if reason is None or (late and await self._is_known(message)):
            return
        if late and reason == "mention" and heard.age_s and not await self._asks_by_edit(heard, None):
            return
        sentence = await self._refusal(message)
        if sentence:
            if reason != "thread":
                await self._notes.refuse(message, sentence)
            return
        lacking = missing_permission(message.channel, message.guild)
        if lacking:
            await self._notes.cannot_write(message, lacking)
            return
        quotes = Quotes(me, self._current, self._memory, self.rules)
        most, in_passing = self._core.settings.message_max_chars, reason == "thread"
        question = await questions.read(message, heard, quotes, self._settings, most, in_passing=in_passing)
        if question.text:
            await self._accept(message, heard, question)
        else:
            await self._nothing_asked(message, reason, question.left_out)

    async def _reason(self, heard: Heard) -> Reason | None:
        """Why a message is meant for the bot; what Discord does not tell of a thread is looked up."""
        reason = addressed(heard, self._settings.follow)
        return reason or addressed(heard, self._settings.follow, await self._joined(heard))

    async def _asks_by_edit(self, heard: Heard, before: Heard | None) -> bool:
        return asks_by_edit(heard, before, await self._joined(heard))

    async def _joined(self, heard: Heard) -> int | None:
        return await self._memory.joined(heard.channel) if heard.is_in_thread else None

    async def _is_known(self, message: discord.Message) -> bool:
        """Whether a message was taken in, or answered with a sentence, before."""
        return await self._memory.is_turn(message.id) or await self._memory.was(f"told:{message.id}")

    async def _accept(self, message: discord.Message, heard: Heard, question: questions.Question) -> None:
        if await self._is_too_long(message, question):
            return
        conversation = await questions.conversation_of(message, self._memory, self._settings)
        turn = questions.turn_of(message, question, conversation, self._settings)
        guild = message.guild.id if message.guild else None
        await self._memory.note_asked(guild, message.channel.id, message.id)
        await self._memory.note_words(heard.id, heard.raw)
        verdict = await self.within_guild(guild, message.id, lambda: self._core.intake.accept(turn))
        if verdict.refusal:
            await self._notes.tell(message, verdict.refusal, is_repeat=verdict.is_repeat)
        elif verdict.status == "accepted":
            await self.remember(turn, message.channel, guild)

    async def _is_too_long(self, message: discord.Message, question: questions.Question) -> bool:
        """Whether a question is longer than allowed; then the person was told."""
        length, allowed = question.length, self._core.settings.message_max_chars
        if length > allowed:
            await self._notes.reply(message, TOO_LONG.format(length=length, allowed=allowed))
        return length > allowed

    async def remember(self, turn: Turn, channel: object, guild: int | None) -> None:
        """Note where a conversation takes place, whose turn was taken in."""
        if guild is not None:
            await self._memory.belongs_to_guild(turn.conversation, guild)
        elif is_direct(channel):
            await self._memory.used_dm(int(turn.conversation))
        if isinstance(channel, discord.Thread):
            await self._memory.join(channel.id, int(turn.id))

    async def _nothing_asked(self, message: discord.Message, reason: Reason, left_out: str) -> None:
        """A mention without words, a picture, or a text that Discord did not show us."""
        if reason == "thread":  # people share pictures with each other, too
            if not self._settings.message_content and not message.content:
                await self._notes.hint(message, CONTENT_HINT)
        else:
            await self._notes.reply(
                message, FILES_ONLY.format(left_out=left_out) if left_out else HOW_TO_ASK_ON_DISCORD
            )

    async def within_guild(self, guild: int | None, name: int, work: Callable[[], Awaitable[V]]) -> V:
        """Take a question in, or have it answered again, if its server has room for one more in this minute.

        Args:
            guild: the server; None for a direct message.
            name: what the question is counted by, once.
            work: does it; a place that is not used is given back.
        """
        most = self._settings.limit_guild_per_minute
        if not most or guild is None:
            return await work()
        wait_s = await self._memory.guild_wait_s(guild, name, most)
        if wait_s > 0:
            return Verdict("refused", refusal=GUILD_FULL.format(wait=duration(wait_s)))
        verdict = await work()
        if verdict is None or verdict.refusal:
            await self._memory.guild_gives_back(guild, name)
        return verdict

    async def _refusal(self, message: discord.Message) -> str | None:
        await self._know_author(message)
        return refusal(
            self.rules, asker_of(message.author, message.guild.id if message.guild else None, message.channel)
        )

    async def _edited(self, message: discord.Message, heard: Heard, me: int, before: Heard | None) -> None:
        heard = await self._in_place(message, heard, me)
        turn = await self._core.store.turn(str(message.id))
        if turn is None:
            if await self._asks_by_edit(heard, before):
                await self._take_or_apologise(message, heard, me, late=True)
        elif not await self._memory.has_words(heard.id, heard.raw):
            await self._ask_anew(message, heard, me, turn)

    async def _ask_anew(self, message: discord.Message, heard: Heard, me: int, turn: Turn) -> None:
        """A question has other words now."""
        if sentence := await self._refusal(message):
            await self._notes.refuse(message, sentence)
            return
        quotes, most = Quotes(me, self._current, self._memory, self.rules), self._core.settings.message_max_chars
        question = await questions.read(message, heard, quotes, self._settings, most)
        if not question.text or question.text == turn.text or await self._is_too_long(message, question):
            return
        guild, stamp = message.guild.id if message.guild else None, message.edited_at or message.created_at
        verdict = await self.within_guild(
            guild,
            int(stamp.timestamp() * 1000),
            lambda: self._core.intake.redo(str(message.id), str(message.author.id), question.text),
        )
        if verdict and verdict.refusal:
            await self._notes.tell(message, verdict.refusal, is_repeat=verdict.is_repeat)
        else:
            await self._memory.note_words(heard.id, heard.raw)

    async def _in_place(self, message: discord.Message, heard: Heard, me: int) -> Heard:
        """A thread that discord.py has not heard of yet is asked for: whether it is ours decides what is done."""
        if isinstance(message.channel, discord.PartialMessageable) and message.guild:
            with suppress(discord.HTTPException, NotConnectedError):
                found = await (await self._current.get()).fetch_channel(message.channel.id)
                if isinstance(found, discord.Thread):
                    message.channel = found
        return in_place(heard, message.channel, me)

    async def _know_author(self, message: discord.Message) -> None:
        """History does not tell the roles of who wrote; where they matter, they are asked for."""
        is_known = message.guild is None or isinstance(message.author, discord.Member)
        if not is_known and (self.rules.allowed_roles or self.rules.denied_roles):
            with suppress(discord.HTTPException):
                message.author = await message.guild.fetch_member(message.author.id)  # type: ignore[union-attr]
