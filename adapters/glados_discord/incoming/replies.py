"""Answers to commands and buttons that only the person who used them sees.

Discord wants a first word within three seconds, so that is sent before anything else is done; several processes may be
told of the same click, and only one of them says it.
"""

import io
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import discord
from discord.utils import MISSING

from glados_bots.errors import GladosError, StoreUnavailableError
from glados_bots.store.marks import Marks
from glados_bots.wording import BROKEN, STORE_AWAY
from glados_discord.answers.markdown import render
from glados_discord.connection.refusals import ALREADY_ANSWERED, UNKNOWN_INTERACTION

log = logging.getLogger(__name__)

MOST_MESSAGES = 4
LARGEST_FILE = 10 * 1024 * 1024  # bytes; Discord's default
LIFE_S = 15 * 60  # of an interaction's token


async def begin(interaction: discord.Interaction, marks: Marks) -> bool:
    """Say "thinking" to the person alone, or nothing to one who pressed a button.

    False when it is another process's to answer, or too late. With Redis away, whoever Discord hears first answers.
    """
    with suppress(StoreUnavailableError):
        if not await marks.once(f"click:{interaction.id}", LIFE_S):
            return False
    is_button = interaction.type is discord.InteractionType.component
    try:
        await interaction.response.defer(ephemeral=not is_button, thinking=not is_button)
    except discord.HTTPException as error:
        if error.code not in {UNKNOWN_INTERACTION, ALREADY_ANSWERED}:
            raise
        log.warning("interaction %d: too late, or answered elsewhere (%d)", interaction.id, error.code)
        return False
    return True


async def answer(
    interaction: discord.Interaction, marks: Marks, work: Callable[[], Awaitable[str]], *, file: str = ""
) -> None:
    """Do what was asked for and tell the person how it went; `file` names the file that is to hold the text."""
    if not await begin(interaction, marks):
        return
    try:
        text = await work()
        if file:
            await _file(interaction, text.encode(), file)
        else:
            await say(interaction, text)
    except StoreUnavailableError:
        await say(interaction, STORE_AWAY)
    except GladosError as error:
        await say(interaction, str(error))
    except Exception:
        log.exception("interaction %d failed", interaction.id)
        await say(interaction, BROKEN)


async def say(interaction: discord.Interaction, text: str) -> None:
    """Put a text in place of "thinking", in further messages where it is long; below a button, only if there is one."""
    parts = render(text)[:MOST_MESSAGES]
    if interaction.type is not discord.InteractionType.component:
        await interaction.edit_original_response(content=parts.pop(0) if parts else "Done.")
    for part in parts:
        nobody = interaction.client.allowed_mentions  # what discord.py takes by itself everywhere else
        await interaction.followup.send(part, ephemeral=True, allowed_mentions=nobody or MISSING, suppress_embeds=True)


async def _file(interaction: discord.Interaction, data: bytes, name: str) -> None:
    if len(data) > LARGEST_FILE:
        raise GladosError("This is more than Discord takes as a file. Whoever runs me can give it to you.")
    attached = discord.File(io.BytesIO(data), name)
    await interaction.edit_original_response(content="Here it is.", attachments=[attached])
