"""A fake as a program: what `python -m` needs to let a developer chat with a bot from the terminal."""

import argparse
import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from .terminal import BaseTerminal
from .viewer import BaseViewer


def write(line: str = "") -> None:
    """Show a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def options(module: str, about: str | None, port: int) -> argparse.ArgumentParser:
    """The arguments that every fake takes; `port` is the usual one."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument(
        "--port", type=int, default=port, help="port on 127.0.0.1; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--name", default="ada", help="your name there (default: %(default)s)")
    return parser


def start(chat: Callable[[argparse.Namespace], Coroutine[Any, Any, None]], parser: argparse.ArgumentParser) -> None:
    """Read the arguments and serve until the person ends it."""
    chosen = parser.parse_args()
    try:
        asyncio.run(chat(chosen))
    except KeyboardInterrupt:
        write()
    except OSError as error:
        sys.exit(f"Cannot listen on port {chosen.port}: {error.strerror}. Choose another with --port.")


async def converse(
    platform: str, fake: Any, terminal: BaseTerminal[Any, Any], viewer: BaseViewer[Any, Any], settings: dict[str, str]
) -> None:
    """Say how to start the bot, and carry out what the person types, until they end it."""
    fake.ledger.listeners += [viewer.refresh, terminal.follow]
    write(f"A {platform} for bots is up on this machine. Start the bot with:\n")
    write("\n".join(f"  {name}={value}" for name, value in settings.items()) + "\n")
    place = f"{terminal.person.name} in #{terminal.place.name}"
    write(f"You are {place}. Say '@{fake.bot.name} hello' when it has connected; .help says more.")
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    # A daemon, because nothing can interrupt a thread that waits for input.
    threading.Thread(target=_read_lines, args=(asyncio.get_running_loop(), lines), daemon=True).start()
    while (line := await lines.get()) is not None and await terminal.carry_out(line):
        viewer.refresh()


def _read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str | None]) -> None:
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line)
    loop.call_soon_threadsafe(lines.put_nowait, None)
