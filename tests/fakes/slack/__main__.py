"""`python -m tests.fakes.slack`: a Slack on this machine, to chat with a bot from the terminal."""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading

from .server import FakeSlack
from .terminal import Terminal
from .viewer import Viewer

_PORT = 5961


def write(line: str) -> None:
    """Show a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str | None]) -> None:
    """Hand the lines of standard input to the loop, and None at its end."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line)
    loop.call_soon_threadsafe(lines.put_nowait, None)


async def chat(port: int, name: str, request_url: str) -> None:
    """Serve until the person ends it."""
    async with FakeSlack(port=port) as fake:
        place = fake.add_channel("general")
        terminal = Terminal(fake, fake.add_user(name), place, write)
        viewer = Viewer(fake, write)
        fake.ledger.listeners += [viewer.refresh, terminal.follow]
        fake.http.request_url = request_url
        write("A Slack for bots is up on this machine. Start the bot with:\n")
        write(f"  GLADOS_SLACK_BOT_TOKEN={fake.settings.bot_token}")
        write(f"  GLADOS_SLACK_APP_TOKEN={fake.settings.app_token}")
        write(f"  GLADOS_SLACK_SIGNING_SECRET={fake.settings.signing_secret}")
        write(f"  GLADOS_SLACK_API_BASE={fake.settings.api_base}\n")
        write(f"You are {name} in #{place.name}. Say '@{fake.bot.name} hello' when it has connected; .help says more.")
        lines: asyncio.Queue[str | None] = asyncio.Queue()
        # A daemon, because nothing can interrupt a thread that waits for input.
        threading.Thread(target=read_lines, args=(asyncio.get_running_loop(), lines), daemon=True).start()
        while (line := await lines.get()) is not None and await terminal.carry_out(line):
            viewer.refresh()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.slack", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=_PORT, help="port on 127.0.0.1; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--name", default="ada", help="your name there (default: %(default)s)")
    parser.add_argument("--request-url", default="", help="send events there by HTTP instead of Socket Mode")
    options = parser.parse_args()
    try:
        asyncio.run(chat(options.port, options.name, options.request_url))
    except KeyboardInterrupt:
        write("")
    except OSError as error:
        sys.exit(f"Cannot listen on port {options.port}: {error.strerror}. Choose another with --port.")


if __name__ == "__main__":
    main()
