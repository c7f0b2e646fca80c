"""The desk of Discord. It accepts a message as a question, answers it with a sentence, or ignores it.

Discord needs no word that a message is accepted. `catch_up.py` finds messages that a dead process did not save.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import discord

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.intake.intake import Verdict
from glados_bots.wording.sentence import say
from glados_discord.access import DiscordAsker
from glados_discord.connection.current_client import NotConnectedError
from glados_discord.connection.permissions import missing_permission
from glados_discord.incoming.addressing import Reason, addressed, asks_by_edit
from glados_discord.incoming.notes import DiscordNotes
from glados_discord.incoming.questions import AskedInDiscordMessage
from glados_discord.incoming.shared import DiscordShared
from glados_discord.incoming.where import where_of
from glados_discord.words.heard import Heard
from glados_discord.words.hearing import by_member, hear, in_place, is_from_person
from glados_discord.words.quotes import Quotes

log = logging.getLogger(__name__)

HOW_TO_ASK = say(
    "how-to-ask-discord",
    ask=say("slash-command", name=say("command-ask")),
    help=say("slash-command", name=say("command-help")),
)


@dataclass(frozen=True, slots=True)
class DiscordEvent:
    """A message as plain data, with discord.py's objects for calls that need them."""

    heard: Heard
    message: discord.Message
    channel: object
    me: int


class DiscordDesk:
    """Handles messages, their edits and their deletions."""

    def __init__(self, shared: DiscordShared) -> None:
        self._shared = shared
        self._core = shared.core
        self._current = shared.current
        self._facts = shared.facts
        self._settings = shared.settings
        self._notes = DiscordNotes(shared)
        self._order = shared.order

    # --- events ----------------------------------------------------------------------------------------------------

    async def take_message(self, message: discord.Message, me: int, *, late: bool = False) -> None:
        """Handle a new message; `late` if it was found after a gap."""
        if is_from_person(message):
            said = DiscordEvent(hear(message, me), message, message.channel, me)
            await self._do(message, lambda: self._take_or_apologise(said, late=late), late=late)

    async def edited(self, message: discord.Message, me: int, before: discord.Message | None = None) -> None:
        """Answer an edited question again, or a message that an edit made a question. `before` is None if not known."""
        if message.edited_at is None:  # no edit: Discord added a preview or a thread, or somebody pinned it
            return
        was, said = hear(before, me) if before else None, DiscordEvent(hear(message, me), message, message.channel, me)
        if said.heard.is_from_person and (was is None or was.editable != said.heard.editable):
            await self._do(message, lambda: self._edited(said, was))

    async def deleted(self, guild: int | None, channel: int, messages: set[int]) -> None:
        """Forget the questions in deleted messages, and delete their answers."""
        for message in messages:
            await self._order.do(channel, partial(self._core.store.change, str(message), "delete"), guild=guild)

    async def _do(self, message: discord.Message, work: Callable[[], Awaitable[None]], *, late: bool = False) -> None:
        """Do `work` in the order of the message's place. Messages in a thread on it come after it."""
        self._current.heard.add(message.id)
        guild = message.guild.id if message.guild else None
        await self._order.do(message.channel.id, work, guild=guild, opens=message.id, late=late)

    # --- one message -----------------------------------------------------------------------------------------------

    async def _take_or_apologise(self, said: DiscordEvent, *, late: bool) -> None:
        said = await self._in_place(said)
        try:
            await self._take(said, late=late)
        except StoreUnavailableError:
            raise
        except Exception:
            log.exception("message %d could not be handled", said.heard.id)
            if await self._reason(said.heard) in {"mention", "direct"}:
                await self._notes.reply(said.message, say("apology"))

    async def _take(self, said: DiscordEvent, *, late: bool) -> None:
        heard, reason = said.heard, await self._reason(said.heard)
        if reason is None or (late and await self._is_known(heard.id)):
            return
        if late and reason == "mention" and heard.age_s and not await self._asks_by_edit(heard, None):
            return
        asked = await self._asked(said, in_passing=reason == "thread")
        asked = replace(asked, obstacle=missing_permission(said.channel, said.message.guild))
        await self._tell(said.message, reason, await self._core.desk.ask(asked))

    async def _asked(self, said: DiscordEvent, *, in_passing: bool = False) -> AskedInDiscordMessage:
        said = await self._with_roles(said)
        guild, thread = said.message.guild, said.channel if isinstance(said.channel, discord.Thread) else None
        where = where_of(said.channel, said.heard.channel, guild, guild.id if guild else None)
        quotes = Quotes(said.me, self._current, self._facts, self._shared.rules, thread)
        asker = DiscordAsker(said.heard.author, where.guild, where.listed, said.heard.roles)
        language = await self._shared.language(said.channel, guild)
        return AskedInDiscordMessage(
            self._shared, where, asker, language, said.message, said.heard, quotes, in_passing=in_passing
        )

    async def _tell(self, message: discord.Message, reason: Reason, verdict: Verdict) -> None:
        """Tell the person the verdict. In a thread, people who did not name the bot do not hear of the lists."""
        match verdict.status:
            case "barred" if reason != "thread":
                await self._notes.refuse(message, verdict.refusal)
            case "blocked":
                await self._notes.cannot_write(message, verdict.refusal)
            case "empty":
                await self._nothing_asked(message, reason)
            case "too_long":
                await self._notes.reply(message, verdict.refusal)
            case "refused":
                await self._notes.tell(message, verdict.refusal, is_repeat=verdict.is_repeat)

    async def _reason(self, heard: Heard) -> Reason | None:
        """Why a message is meant for the bot. Facts about a thread that Discord does not tell come from Redis."""
        reason = addressed(heard, self._settings.follow)
        return reason or addressed(heard, self._settings.follow, await self._joined(heard))

    async def _asks_by_edit(self, heard: Heard, before: Heard | None) -> bool:
        return asks_by_edit(heard, before, await self._joined(heard))

    async def _joined(self, heard: Heard) -> int | None:
        joined = await self._core.marks.joined(str(heard.channel)) if heard.is_in_thread else ""
        return int(joined) if joined else None

    async def _is_known(self, message: int) -> bool:
        """Whether a message was accepted before, or answered with a sentence."""
        return await self._facts.is_turn(message) or await self._core.marks.was(f"told:{message}")

    async def _nothing_asked(self, message: discord.Message, reason: Reason) -> None:
        """Answer a mention without words and files, or a text that Discord hides from the bot."""
        if reason == "thread":  # people also share pictures with each other
            if not self._settings.message_content and not message.content:
                await self._notes.hint(message, say("mention-me"))
        else:
            await self._notes.reply(message, HOW_TO_ASK)

    async def _edited(self, said: DiscordEvent, before: Heard | None) -> None:
        said = await self._in_place(said)
        turn = await self._core.store.turn(str(said.heard.id))
        if turn is None:
            if await self._asks_by_edit(said.heard, before):
                await self._take_or_apologise(said, late=True)
        elif not await self._facts.has_content(said.heard.id, said.heard.editable):
            await self._ask_anew(said, turn)

    async def _ask_anew(self, said: DiscordEvent, turn: Turn) -> None:
        """Answer an edited question again. Its answer exists, so the bot has all permissions."""
        heard = said.heard
        verdict = await self._core.desk.ask_anew(await self._asked(said), turn, str(heard.id), str(heard.author))
        if verdict.status in {"accepted", "gone"}:
            await self._facts.note_content(heard.id, heard.editable)
        elif verdict.status != "empty":
            await self._tell(said.message, "mention", verdict)

    async def _in_place(self, said: DiscordEvent) -> DiscordEvent:
        """Fetch a thread that discord.py does not know yet. The desk must know whether the bot opened it."""
        channel = said.channel
        if isinstance(channel, discord.PartialMessageable) and said.message.guild:
            with suppress(discord.HTTPException, NotConnectedError):
                found = await (await self._current.get()).fetch_channel(channel.id)
                channel = found if isinstance(found, discord.Thread) else channel
        return replace(said, heard=in_place(said.heard, channel, said.me), channel=channel)

    async def _with_roles(self, said: DiscordEvent) -> DiscordEvent:
        """Fetch the author's roles if they matter: Discord's history does not tell them."""
        guild, author, rules = said.message.guild, said.message.author, self._shared.rules
        if guild and not isinstance(author, discord.Member) and (rules.allowed_roles or rules.denied_roles):
            with suppress(discord.HTTPException):
                return replace(said, heard=by_member(said.heard, await guild.fetch_member(author.id)))
        return said
