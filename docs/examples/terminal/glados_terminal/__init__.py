"""A chat in a terminal: the example of an adapter that CONTRIBUTING.md explains."""

import asyncio
import getpass

from glados_bots.platforms import Platform
from glados_bots.settings import Settings


def _run(settings: Settings) -> None:
    from glados_terminal.chat import Chat  # noqa: PLC0415 - the command line must start quickly

    asyncio.run(Chat(settings, getpass.getuser()).run())


# `glados up` starts configured platforms, and has no terminal for this one.
platform = Platform("terminal", "Chat in this terminal.", configured=lambda: False, run=_run)
