"""`glados hash-password`: prints a hash that GLADOS_WEB_PASSWORD takes instead of the password."""

from typing import Annotated

import typer
from argon2 import PasswordHasher

from glados_bots.errors import ConfigError

SHORTEST = 12  # characters; the page asks for as many


def hash_password(
    password: Annotated[
        str,
        typer.Option(
            help="The password; the command asks for it",
            prompt="Password of the page",
            hide_input=True,
            confirmation_prompt=True,
        ),
    ],
) -> None:
    """Print the hash of a password for the web page.

    The command asks for the password and prints its Argon2 hash.

    Write the hash into GLADOS_WEB_PASSWORD, or into the file that GLADOS_WEB_PASSWORD_FILE names.

    In .env, write it between single quotes. In a compose file, write each $ twice.
    """
    if len(password) < SHORTEST:
        raise ConfigError(f"the password is too short; choose one of at least {SHORTEST} characters")
    typer.echo(PasswordHasher().hash(password))
