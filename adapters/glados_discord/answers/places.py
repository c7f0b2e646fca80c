"""Where an answer goes: a thread on the question, a reply, or a plain message in the channel.

A thread on a message has that message's id. So a conversation's key is known before its thread exists. The thread is
made with the first message of the answer. Discord refuses to make it again, which does no harm.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal, cast

import discord

from glados_bots.conversation import Turn
from glados_bots.wording.sentence import say
from glados_discord.answers.markdown import LIMIT, DiscordDialect
from glados_discord.answers.still_asked import StillAsked
from glados_discord.connection.current_client import CurrentClient
from glados_discord.connection.rates import Rates
from glados_discord.connection.refusals import BLOCKED, NO_THREAD, THREAD_EXISTS, UNKNOWN_MESSAGE, as_core_errors
from glados_discord.facts import DiscordFacts

log = logging.getLogger(__name__)

How = Literal["thread", "reply", "plain"]
MOST_KNOWN = 4096
MOST_LEFT = 10  # messages of a thread that are read before it is archived


@dataclass(frozen=True, slots=True)
class Spot:
    """What a turn stores about its place, all as text."""

    channel: str  # where the question was asked
    guild: str = ""  # the server; empty for a direct message
    question: str = ""  # the message that asked; empty for a slash command, whose question the bot posts itself
    how: How = "reply"  # where the answer goes
    title: str = ""  # name of the new thread
    asker: str = ""  # mention of the person who asked, for slash commands
    asked: str = ""  # that person's words, for slash commands
    patient: str = ""  # "yes" if slow mode or announcements allow fewer edits

    @classmethod
    def of(cls, turn: Turn) -> "Spot":
        """The place of a turn. Fields that another version stored and this one lacks are skipped."""
        known = {field.name for field in fields(cls)}
        found = {name: value for name, value in turn.place.items() if name in known}
        return cls(**cast("Mapping[str, How]", {"channel": "0", **found}))

    def to_place(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True)
class Target:
    """A channel or thread, the message to reply to, and whether people talk there about other things."""

    channel: int
    reply_to: int | None
    is_shared: bool


class Places:
    """Finds the place of an answer, or makes it."""

    def __init__(
        self,
        current: CurrentClient,
        facts: DiscordFacts,
        rates: Rates,
        still_asked: StillAsked,
        archive_minutes: Literal[60, 1440, 4320, 10080],
    ) -> None:
        self._still_asked = still_asked
        self._current = current
        self._facts = facts
        self._rates = rates
        self._archive_minutes: Literal[60, 1440, 4320, 10080] = archive_minutes
        self._known: OrderedDict[str, Target] = OrderedDict()

    def expected(self, turn: Turn) -> str:
        """Id of the channel or thread that has the answer, or will probably have it."""
        known, spot = self._known.get(turn.id), Spot.of(turn)
        return str(known.channel) if known else (spot.how == "thread" and spot.question) or spot.channel

    async def target(self, turn: Turn) -> Target:
        """Where to write; makes a missing thread. Raises PlaceGoneError, or an error that is worth a retry."""
        known = self._known.get(turn.id)
        if known is None:
            known = self._known[turn.id] = await self._find(turn, Spot.of(turn))
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return known

    async def _find(self, turn: Turn, spot: Spot) -> Target:
        question = int(spot.question or await self._write_down(turn, spot))
        if spot.how == "thread" and await self._open(turn, spot, question):
            if str(question) != turn.conversation:
                await self._facts.place(question, turn.conversation)
            return Target(question, None, is_shared=False)
        is_shared = spot.how != "plain" and spot.channel != turn.conversation
        return Target(int(spot.channel), None if spot.how == "plain" else question, is_shared)

    async def _open(self, turn: Turn, spot: Spot, question: int) -> bool:
        """Make the thread. False if Discord refuses: then the answer goes into the channel."""
        channel = await self._current.channel(spot.channel, spot.guild)
        if channel.guild is None:
            raise LookupError("the server is not known yet, or the bot was removed from it")
        message = channel.get_partial_message(question)
        nameless = say("thread-nameless").in_language(turn.language)
        for name in dict.fromkeys([spot.title or nameless, nameless]):
            await self._rates.enter(turn.id)
            with as_core_errors():
                try:
                    await message.create_thread(name=name, auto_archive_duration=self._archive_minutes)
                except discord.HTTPException as error:
                    if error.code == THREAD_EXISTS:
                        return True
                    if error.code == UNKNOWN_MESSAGE and spot.question:
                        await self._still_asked.gone(turn)
                    elif error.code not in NO_THREAD:
                        raise
                    log.info("turn %s: no thread could be made (code %d)", turn.id, error.code)
                    if error.code not in BLOCKED:  # another name may be accepted
                        return False
                else:
                    return True
        return False

    async def leave_empty(self, turn: Turn, thread: int) -> None:
        """After the question and its answer were deleted: archive our thread of the answer, if nobody wrote in it.

        Its name holds the question, so it gets another one. Without the permission, the thread stays.
        """
        if Spot.of(turn).how != "thread" or str(thread) == Spot.of(turn).channel:
            return
        client = await self._current.get()
        await self._rates.enter(turn.id)
        with as_core_errors():
            try:
                found = await client.fetch_channel(thread)
                if isinstance(found, discord.Thread) and await _is_empty_of(found, client.user):
                    if found.archived:  # an archived thread allows no other change
                        await found.edit(archived=False)
                    deleted = say("thread-deleted").in_language(turn.language)
                    await found.edit(name=deleted, archived=True)
            except discord.DiscordServerError:
                raise
            except discord.HTTPException as error:
                log.info("turn %s: its empty thread could not be archived (%d)", turn.id, error.code)

    async def _write_down(self, turn: Turn, spot: Spot) -> int:
        """Post the question of a slash command, so that the answer can stand below it."""
        channel = await self._current.channel(spot.channel, spot.guild)
        await self._rates.enter(turn.id, self._rates.creations(spot.channel))
        with as_core_errors():
            message = await channel.send(
                asked(spot, turn.language), nonce=f"ask{turn.id}", suppress_embeds=True, silent=True
            )
        return message.id


async def _is_empty_of(thread: discord.Thread, opener: discord.ClientUser | None) -> bool:
    """Whether `opener` opened a thread, and only Discord itself wrote in it."""
    if opener is None or thread.owner_id != opener.id:
        return False
    starter = discord.MessageType.thread_starter_message
    async for message in thread.history(limit=MOST_LEFT):
        if message.type is not starter and not message.is_system():
            return False
    return True


def asked(spot: Spot, language: str = "") -> str:
    """A slash command's question, as the bot posts it."""
    text = DiscordDialect().escape(spot.asked)
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    whole = say("asks", name=spot.asker, question=quoted).in_language(language)
    return whole if len(whole) <= LIMIT else f"{whole[: LIMIT - 1]}…"
