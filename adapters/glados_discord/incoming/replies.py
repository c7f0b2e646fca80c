"""Answers to commands and buttons, which only the person who used them sees.

Discord wants a first response within three seconds, so the adapter sends it before all other work. Discord may tell
several processes of the same click, and only one of them responds.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import discord

from glados_bots.commands import why
from glados_bots.errors import GladosError, StoreUnavailableError
from glados_bots.surface import OutFile
from glados_bots.wording.sentence import NOTHING, Sentence, say
from glados_discord.answers.files import uploads
from glados_discord.answers.markdown import render
from glados_discord.connection.permissions import NOBODY
from glados_discord.connection.refusals import ALREADY_ANSWERED, UNKNOWN_INTERACTION
from glados_discord.incoming.shared import DiscordShared

log = logging.getLogger(__name__)

MOST_MESSAGES = 4
LARGEST_FILE = 10 * 1024 * 1024  # bytes; Discord's default limit
LIFE_S = 15 * 60  # of an interaction's token (Discord's API)


async def begin(interaction: discord.Interaction, shared: DiscordShared) -> bool:
    """Show "thinking" to the person alone, or nothing after the press of a button.

    False if another process answers, or it is too late. Without Redis, the first process that Discord hears answers.
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
        log.warning("interaction %d: too late, or another process has answered (%d)", interaction.id, error.code)
        return False
    await shared.note_reader(interaction)
    return True


async def answer(
    interaction: discord.Interaction, shared: DiscordShared, work: Callable[[], Awaitable[Sentence]]
) -> None:
    """Do `work` and tell the person its result."""
    if not await begin(interaction, shared):
        return
    said = await _outcome(interaction, work)
    await _show(interaction, said, await shared.language_of(interaction))


async def answer_with_file(
    interaction: discord.Interaction,
    shared: DiscordShared,
    work: Callable[[], Awaitable[OutFile]],
    *,
    here: Sentence,
    too_large: Sentence,
) -> None:
    """Do `work` and give the person its file with the sentence `here`, or say why not."""
    if not await begin(interaction, shared):
        return
    language = await shared.language_of(interaction)

    async def give() -> Sentence:
        file = await work()
        if len(file.content) > LARGEST_FILE:
            raise GladosError(too_large)
        await _give(interaction, uploads((file,)), here.in_language(language))
        return NOTHING

    if said := await _outcome(interaction, give):
        await _show(interaction, said, language)


async def _give(interaction: discord.Interaction, files: list[discord.File], text: str) -> None:
    """Replace "thinking" by a file. After a button, the file is a message of its own, which only the person sees."""
    if interaction.type is discord.InteractionType.component:
        await interaction.followup.send(text, files=files, ephemeral=True, allowed_mentions=NOBODY)
    else:
        await interaction.edit_original_response(content=text, attachments=files)


async def _outcome(interaction: discord.Interaction, work: Callable[[], Awaitable[Sentence]]) -> Sentence:
    """The result of `work`, or why it failed."""
    try:
        return await work()
    except GladosError as error:
        return why(error)
    except Exception:
        log.exception("interaction %d failed", interaction.id)
        return say("broken")


async def _show(interaction: discord.Interaction, said: Sentence, language: str) -> None:
    """Replace "thinking" by a text; a long one takes more messages. After a button, an empty text shows nothing."""
    parts = render(said.in_language(language))[:MOST_MESSAGES]
    if interaction.type is not discord.InteractionType.component:
        first = parts.pop(0) if parts else say("done").in_language(language)
        await interaction.edit_original_response(content=first)
    for part in parts:
        # Only here discord.py ignores the client's setting of mentions.
        await interaction.followup.send(part, ephemeral=True, allowed_mentions=NOBODY, suppress_embeds=True)
