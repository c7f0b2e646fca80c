"""Short sentences that are no answers: refusals, hints, and what stands in the bot's way. Each is said only once."""

import logging

import discord

from glados_bots.store.limits import hidden
from glados_bots.store.marks import Marks
from glados_bots.wording import CANNOT_WRITE_IN
from glados_discord.connection.refusals import DM_CLOSED, Temporary

log = logging.getLogger(__name__)

QUIET_S = 3600  # a refusal by the operator's lists is not repeated within the hour
REFUSALS_QUIET_S = 30  # nor is one by a limit at every message of somebody who goes on
HINT_S = 30 * 24 * 3600


class DiscordNotes:
    """Says each thing once, whichever process gets to it first. What cannot be said is logged."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    async def reply(self, message: discord.Message, text: str) -> None:
        if await self._first(message):
            await self._write(message, text)

    async def refuse(self, message: discord.Message, text: str) -> None:
        if await self._first(message) and await self._marks.once(
            f"no:{message.channel.id}:{hidden(str(message.author.id))}", QUIET_S
        ):
            await self._write(message, text)

    async def tell(self, message: discord.Message, text: str, *, is_repeat: bool = False) -> None:
        """Tell the person alone, unless they know; where they take no direct messages, below their message."""
        if not await self._first(message) or is_repeat:
            return
        if not await self._marks.once(f"limit:{hidden(str(message.author.id))}", REFUSALS_QUIET_S):
            return
        if message.guild is None or not await self._direct(message.author, text):
            await self._write(message, text)

    async def hint(self, message: discord.Message, text: str) -> None:
        if await self._marks.once(f"hint:{message.channel.id}", HINT_S):
            await self._write(message, text)

    async def cannot_write(self, message: discord.Message, what: str) -> None:
        """The bot may not write where it was asked: tell the person directly, or at least react."""
        log.warning("channel %d: cannot answer there, lacking %s", message.channel.id, what)
        if not await self._first(message):
            return
        if not await self._marks.once(f"no:{message.channel.id}:{hidden(str(message.author.id))}", QUIET_S):
            return
        place = getattr(message.channel, "mention", "a channel")
        if await self._direct(message.author, CANNOT_WRITE_IN.format(place=place, what=what)):
            return
        try:
            await message.add_reaction("🔇")
        except discord.HTTPException as error:
            log.warning("message %d: its author could not be told either (%d)", message.id, error.code)

    async def _first(self, message: discord.Message) -> bool:
        return await self._marks.once(f"told:{message.id}")

    async def _write(self, message: discord.Message, text: str) -> None:
        reference = message.to_reference(fail_if_not_exists=False)
        name = f"note{message.id}"
        try:
            await message.channel.send(text, reference=reference, nonce=name, suppress_embeds=True)
        except (discord.HTTPException, *Temporary) as error:
            log.warning("message %d: a note below it could not be written: %s", message.id, error)

    async def _direct(self, person: discord.User | discord.Member, text: str) -> bool:
        try:
            await person.send(text, suppress_embeds=True)
        except discord.HTTPException as error:
            log.info("a person takes no direct messages (%d)", error.code)
            if error.code != DM_CLOSED:
                log.warning("a direct message failed: %s", error)
            return False
        except Temporary as error:
            log.warning("a direct message failed: %s", error)
            return False
        return True
