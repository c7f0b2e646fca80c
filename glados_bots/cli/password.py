"""`glados hash-password`: what may stand in GLADOS_WEB_PASSWORD in place of the password itself."""

from typing import Annotated

import typer
from argon2 import PasswordHasher

from glados_bots.errors import ConfigError

SHORTEST = 12  # characters; the page asks for as many


def hash_password(
    password: Annotated[str, typer.Option(prompt="Password of the page", hide_input=True, confirmation_prompt=True)],
) -> None:
    """Ask for a password and print its Argon2 hash, for GLADOS_WEB_PASSWORD or a file of GLADOS_WEB_PASSWORD_FILE.

    In .env the hash stands between single quotes; in a compose file each $ is written twice.
    """
    if len(password) < SHORTEST:
        raise ConfigError(f"the password needs {SHORTEST} characters at least")
    typer.echo(PasswordHasher().hash(password))
