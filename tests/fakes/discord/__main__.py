"""`python -m tests.fakes.discord`: a Discord on this machine, to chat with a bot from the terminal."""

import argparse

from tests.fakes.common.program import converse, options, start, write

from .server import FakeDiscord
from .terminal import Terminal
from .viewer import Viewer


async def chat(chosen: argparse.Namespace) -> None:
    """Serve until the person ends it."""
    async with FakeDiscord(port=chosen.port) as fake:
        place = fake.add_guild().add_text_channel("general")
        terminal = Terminal(fake, fake.add_user(chosen.name), place, write)
        settings = {
            "GLADOS_DISCORD_TOKEN": fake.token,
            "GLADOS_DISCORD_API_BASE": fake.settings.api_base,
            "GLADOS_DISCORD_GATEWAY_URL": fake.settings.gateway_url,
        }
        await converse("Discord", fake, terminal, Viewer(fake, write), settings)


if __name__ == "__main__":
    start(chat, options("tests.fakes.discord", __doc__, 5960))
