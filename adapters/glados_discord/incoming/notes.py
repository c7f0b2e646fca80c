"""Short sentences that are no answers: refusals, hints, and missing permissions. The bot says each only once."""

import logging

import discord

from glados_bots.store.limits import hidden
from glados_bots.wording.sentence import Sentence, say
from glados_discord.connection.refusals import DM_CLOSED, Temporary
from glados_discord.incoming.shared import DiscordShared

log = logging.getLogger(__name__)

QUIET_S = 3600  # a refusal by the operator's lists is not repeated for an hour
REFUSALS_QUIET_S = 30  # nor is a refusal by a limit, if the person continues to write
HINT_S = 30 * 24 * 3600


class DiscordNotes:
    """Says each sentence once, in whichever process comes first. Sentences that cannot be sent are logged."""

    def __init__(self, shared: DiscordShared) -> None:
        self._shared = shared
        self._marks = shared.core.marks

    async def reply(self, message: discord.Message, said: Sentence) -> None:
        if await self._first(message):
            await self._write(message, said)

    async def refuse(self, message: discord.Message, said: Sentence) -> None:
        if await self._first(message) and await self._marks.once(
            f"no:{message.channel.id}:{hidden(str(message.author.id))}", QUIET_S
        ):
            await self._write(message, said)

    async def tell(self, message: discord.Message, said: Sentence, *, is_repeat: bool = False) -> None:
        """Tell the person alone, unless they know already; below their message if they accept no direct messages."""
        if not await self._first(message) or is_repeat:
            return
        if not await self._marks.once(f"limit:{hidden(str(message.author.id))}", REFUSALS_QUIET_S):
            return
        if message.guild is None or not await self._direct(message, said):
            await self._write(message, said)

    async def hint(self, message: discord.Message, said: Sentence) -> None:
        if await self._marks.once(f"hint:{message.channel.id}", HINT_S):
            await self._write(message, said)

    async def cannot_write(self, message: discord.Message, obstacle: Sentence) -> None:
        """Tell the person directly that the bot may not write there, or at least react."""
        log.warning("channel %d: the bot cannot answer there: %s", message.channel.id, obstacle)
        if not await self._first(message):
            return
        if not await self._marks.once(f"no:{message.channel.id}:{hidden(str(message.author.id))}", QUIET_S):
            return
        place = getattr(message.channel, "mention", say("a-channel"))
        if await self._direct(message, say("cannot-write-in", place=place, obstacle=obstacle)):
            return
        try:
            await message.add_reaction("🔇")
        except discord.HTTPException as error:
            log.warning("message %d: its author could not be told either (%d)", message.id, error.code)

    async def _first(self, message: discord.Message) -> bool:
        return await self._marks.once(f"told:{message.id}")

    async def _write(self, message: discord.Message, said: Sentence) -> None:
        reference = message.to_reference(fail_if_not_exists=False)
        name, text = f"note{message.id}", await self._text(message, said)
        try:
            await message.channel.send(text, reference=reference, nonce=name, suppress_embeds=True)
        except (discord.HTTPException, *Temporary) as error:
            log.warning("message %d: a note below it could not be written: %s", message.id, error)

    async def _text(self, message: discord.Message, said: Sentence) -> str:
        return said.in_language(await self._shared.language(message.channel, message.guild))

    async def _direct(self, message: discord.Message, said: Sentence) -> bool:
        """Tell the author alone, in the language of the place where they asked: messages do not tell the author's."""
        try:
            await message.author.send(await self._text(message, said), suppress_embeds=True)
        except discord.HTTPException as error:
            log.info("a person accepts no direct messages (%d)", error.code)
            if error.code != DM_CLOSED:
                log.warning("a direct message failed: %s", error)
            return False
        except Temporary as error:
            log.warning("a direct message failed: %s", error)
            return False
        return True
