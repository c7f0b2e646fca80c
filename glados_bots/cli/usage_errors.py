"""What a wrong call is told, in one line: the command, what is wrong with which input, and a call that works."""

import re
import sys
from itertools import takewhile
from typing import Any

from pydantic import ValidationError
from typer import TyperException

EXAMPLE = re.compile(r"Example: (glados .*)")
# What the extra `inference` brings. An installation without it runs the adapters.
MODEL_LIBRARIES = frozenset({"torch", "transformers", "huggingface_hub", "peft", "accelerate", "safetensors", "gguf"})


def explain(error: TyperException) -> str:
    """One line for Typer's error; Typer itself prints a box of seven lines. Empty where it has printed help already."""
    text = _sentence(error)
    if not text:
        return ""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else _called()
    where = command.partition(" ")[2]
    example = example_of(context.command) if context else ""
    return "".join(
        (
            f"{where}: " if where else "",
            text,
            " See" if text.endswith("?") else "; see",
            f" `{command} --help`",
            f"; example: `{example}`" if example else "",
        )
    )


def not_installed(error: ModuleNotFoundError) -> str:
    """What a command lacks that needs a model's libraries. Raises the error itself where it is about another module."""
    if error.name not in MODEL_LIBRARIES:
        raise error
    return f"{error.name} is not installed; run `pip install 'glados-bots[inference]'`"


def example_of(command: Any) -> str:
    """The call at the end of a command's help; empty where there is none."""
    found = EXAMPLE.search(command.epilog or "")
    return found[1] if found else ""


def _called() -> str:
    """The command as it was typed, for the errors of Typer that do not name it."""
    return " ".join(("glados", *takewhile(lambda word: not word.startswith("-"), sys.argv[1:])))


def _sentence(error: TyperException) -> str:
    """Typer's message as a part of one line: with the value that was refused, which it leaves out."""
    text = re.sub(r"\s+", " ", error.format_message()).strip().removesuffix(".")
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        text = text.replace("Invalid value for", f"invalid value {cause.errors()[0]['input']!r} for", 1)
    return text[:1].lower() + text[1:]
