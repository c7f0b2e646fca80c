"""The checks of `glados doctor` for Discord: whether the token works and the intents are on, and the invitation."""

import asyncio
from collections.abc import Iterator

import aiohttp
import discord

from glados_bots.errors import ConfigError
from glados_bots.platforms import Check
from glados_bots.settings import load
from glados_discord.connection.permissions import invite_url
from glados_discord.run import BAD_TOKEN, NO_INTENT, calm_the_library, point_at
from glados_discord.settings import DiscordSettings

TIMEOUT_S = 10.0


def examine() -> Iterator[Check]:
    try:
        settings = load(DiscordSettings)
    except ConfigError as error:
        yield Check("discord", "fail", str(error), "correct the variable; docs/settings.md lists all settings")
        return
    if settings.token is None:
        yield Check("discord", "ok", "GLADOS_DISCORD_TOKEN is not set; the bot will not run")
        return
    yield from asyncio.run(_ask(settings, settings.token.get_secret_value()))


async def _ask(settings: DiscordSettings, token: str) -> list[Check]:
    point_at(settings)
    calm_the_library()
    client = discord.Client(intents=discord.Intents(guilds=True))
    try:
        async with asyncio.timeout(TIMEOUT_S), client:
            await client.login(token)
            return _findings(client, await client.application_info(), settings)
    except discord.LoginFailure:
        return [Check("discord", "fail", "Discord refuses the token", BAD_TOKEN)]
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        return [Check("discord", "fail", f"Discord is not reachable: {error}", "check the network and the proxy")]


def _findings(client: discord.Client, app: discord.AppInfo, settings: DiscordSettings) -> list[Check]:
    found = [Check("discord token", "ok", f"works; the bot's name is {client.user}")]
    has_content = app.flags.gateway_message_content or app.flags.gateway_message_content_limited
    if settings.message_content and not has_content:
        found.append(Check("discord intents", "fail", "the Message Content Intent is off", NO_INTENT))
    elif not settings.message_content:
        found.append(Check("discord intents", "ok", "message content is not used; every question needs a mention"))
    else:
        found.append(Check("discord intents", "ok", "message content is on"))
    found.append(Check("discord invitation", "ok", invite_url(app.id)))
    return found
