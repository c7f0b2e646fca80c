"""What several commands have: an option, and the settings."""

from typing import Annotated, Any

import typer

from glados_bots import logs
from glados_bots.inference.settings import ServeSettings
from glados_bots.settings import load

Token = Annotated[str | None, typer.Option("--token", help="Hugging Face token, for gated models [GLADOS_HF_TOKEN]")]


def load_settings(**given: Any) -> ServeSettings:
    """The settings, with what the command line gave; logs are written as they say from then on."""
    settings = load(ServeSettings, **given)
    logs.configure(settings)
    return settings
