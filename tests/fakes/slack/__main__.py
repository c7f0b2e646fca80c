"""`python -m tests.fakes.slack`: a Slack on this machine, to chat with a bot from the terminal."""

import argparse

from tests.fakes.common.program import converse, options, start, write

from .server import FakeSlack
from .terminal import Terminal
from .viewer import Viewer


async def chat(chosen: argparse.Namespace) -> None:
    """Serve until the person ends it."""
    async with FakeSlack(port=chosen.port) as fake:
        place = fake.add_channel("general")
        terminal = Terminal(fake, fake.add_user(chosen.name), place, write)
        fake.http.request_url = chosen.request_url
        settings = {
            "GLADOS_SLACK_BOT_TOKEN": fake.settings.bot_token,
            "GLADOS_SLACK_APP_TOKEN": fake.settings.app_token,
            "GLADOS_SLACK_SIGNING_SECRET": fake.settings.signing_secret,
            "GLADOS_SLACK_API_BASE": fake.settings.api_base,
        }
        await converse("Slack", fake, terminal, Viewer(fake, write), settings)


if __name__ == "__main__":
    parser = options("tests.fakes.slack", __doc__, 5961)
    parser.add_argument("--request-url", default="", help="send events there by HTTP instead of Socket Mode")
    start(chat, parser)
