"""Registers the slash commands with Discord, but only after a change: Discord allows 200 new ones per day."""

import hashlib
import json
import logging
from typing import Any

import discord
from discord import app_commands

from glados_discord.facts import DiscordFacts
from glados_discord.settings import DiscordSettings, ids

log = logging.getLogger(__name__)


async def sync(
    tree: app_commands.CommandTree[Any], application: int, facts: DiscordFacts, settings: DiscordSettings
) -> None:
    """Offer the commands where the setting says, and remove them elsewhere.

    A failure is only logged, because the bot answers mentions without commands, too.
    """
    guilds = [] if settings.commands in {"global", "off"} else sorted(ids(settings.commands))
    digest = await _digest(tree)
    scopes: dict[int | None, str] = {None: digest if settings.commands == "global" else ""}
    scopes |= dict.fromkeys(guilds, digest)
    for guild, wanted in scopes.items():
        scope = f"{application}:{guild or 'global'}"
        if (await facts.synced(scope) or "") == wanted:
            continue
        try:
            await _tell(tree, guild, is_offered=bool(wanted))
        except discord.HTTPException as error:
            log.warning("the slash commands could not be registered with Discord: %s", error)
        else:
            await facts.note_synced(scope, wanted)
            log.info("Discord has the new slash commands (%s)", scope)


async def _tell(tree: app_commands.CommandTree[Any], guild: int | None, *, is_offered: bool) -> None:
    if guild is not None:
        tree.copy_global_to(guild=discord.Object(guild))
        await tree.sync(guild=discord.Object(guild))
    elif is_offered:
        await tree.sync()
    else:
        kept = tree.get_commands()
        tree.clear_commands(guild=None)
        await tree.sync()
        for command in kept:
            tree.add_command(command)


async def _digest(tree: app_commands.CommandTree[Any]) -> str:
    """A hash of the commands, with their names and descriptions in all languages."""
    described = [
        await command.get_translated_payload(tree, tree.translator) if tree.translator else command.to_dict(tree)
        for command in tree.get_commands()
    ]
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()
