"""Tells Discord of the slash commands, but only when they have changed: it allows 200 new ones a day."""

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
    """Offer the commands where the setting says, and take them back where it does not any more.

    A failure is logged: without commands the bot still answers mentions.
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
            log.warning("the slash commands could not be told to Discord: %s", error)
        else:
            await facts.note_synced(scope, wanted)
            log.info("slash commands: Discord was told anew (%s)", scope)


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
    """Names what Discord is told, with the names and descriptions in all languages."""
    described = [
        await command.get_translated_payload(tree, tree.translator) if tree.translator else command.to_dict(tree)
        for command in tree.get_commands()
    ]
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()
