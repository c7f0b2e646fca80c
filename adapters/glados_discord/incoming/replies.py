"""Answers to commands and buttons that only the person who used them sees.

Discord wants a first word within three seconds, so that is sent before anything else is done; several processes may be
told of the same click, and only one of them says it.
"""

import io
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import discord

from glados_bots.commands import why
from glados_bots.errors import GladosError, StoreUnavailableError
from glados_bots.wording.sentence import NOTHING, Sentence, say
from glados_discord.answers.markdown import render
from glados_discord.connection.permissions import NOBODY
from glados_discord.connection.refusals import ALREADY_ANSWERED, UNKNOWN_INTERACTION
from glados_discord.incoming.shared import DiscordShared

log = logging.getLogger(__name__)

MOST_MESSAGES = 4
LARGEST_FILE = 10 * 1024 * 1024  # bytes; Discord's default
LIFE_S = 15 * 60  # of an interaction's token


async def begin(interaction: discord.Interaction, shared: DiscordShared) -> bool:
    """Say "thinking" to the person alone, or nothing to one who pressed a button.

    False when it is another process's to answer, or too late. With Redis away, whoever Discord hears first answers.
    """
    with suppress(StoreUnavailableError):
        if not await shared.core.marks.once(f"click:{interaction.id}", LIFE_S):
            return False
    is_button = interaction.type is discord.InteractionType.component
    try:
        await interaction.response.defer(ephemeral=not is_button, thinking=not is_button)
    except discord.HTTPException as error:
        if error.code not in {UNKNOWN_INTERACTION, ALREADY_ANSWERED}:
            raise
        log.warning("interaction %d: too late, or answered elsewhere (%d)", interaction.id, error.code)
        return False
    await shared.note_reader(interaction)
    return True


async def answer(
    interaction: discord.Interaction, shared: DiscordShared, work: Callable[[], Awaitable[Sentence]]
) -> None:
    """Do what was asked for and tell the person how it went."""
    if not await begin(interaction, shared):
        return
    said = await _outcome(interaction, work)
    await _show(interaction, said, await shared.language_of(interaction))


async def answer_with_file(
    interaction: discord.Interaction, shared: DiscordShared, work: Callable[[], Awaitable[str]], name: str
) -> None:
    """Do what was asked for and give the person its text as a file of this name, or tell why not."""
    if not await begin(interaction, shared):
        return
    language = await shared.language_of(interaction)

    async def give() -> Sentence:
        data = (await work()).encode()
        if len(data) > LARGEST_FILE:
            raise GladosError(say("export-too-large"))
        here = say("export-here").in_language(language)
        await interaction.edit_original_response(content=here, attachments=[discord.File(io.BytesIO(data), name)])
        return NOTHING

    if said := await _outcome(interaction, give):
        await _show(interaction, said, language)


async def _outcome(interaction: discord.Interaction, work: Callable[[], Awaitable[Sentence]]) -> Sentence:
    """What came of some work, or why nothing did."""
    try:
        return await work()
    except GladosError as error:
        return why(error)
    except Exception:
        log.exception("interaction %d failed", interaction.id)
        return say("broken")


async def _show(interaction: discord.Interaction, said: Sentence, language: str) -> None:
    """Put a text in place of "thinking", in further messages where it is long; below a button, only if there is one."""
    parts = render(said.in_language(language))[:MOST_MESSAGES]
    if interaction.type is not discord.InteractionType.component:
        first = parts.pop(0) if parts else say("done").in_language(language)
        await interaction.edit_original_response(content=first)
    for part in parts:
        # Here alone discord.py does not take what the client says of mentions.
        await interaction.followup.send(part, ephemeral=True, allowed_mentions=NOBODY, suppress_embeds=True)
