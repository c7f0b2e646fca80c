"""The Discord adapter: `glados discord`, on discord.py. run.py wires it; docs/discord.md says how to set it up."""

from collections.abc import Iterator

from glados_bots.platforms import Check, Platform, require
from glados_bots.settings import Settings, load
from glados_discord.settings import DiscordSettings


def _run(settings: Settings) -> None:
    require("discord", "discord.py", "discord")
    from glados_discord.run import run  # noqa: PLC0415 - the command line must start quickly

    run(settings)


def _examine() -> Iterator[Check]:
    require("discord", "discord.py", "discord")
    from glados_discord.examine import examine  # noqa: PLC0415 - the command line must start quickly

    return examine()


platform = Platform(
    "discord",
    "Run the Discord bot of GLADOS_DISCORD_TOKEN.",
    lambda: load(DiscordSettings).token is not None,
    _run,
    _examine,
)
