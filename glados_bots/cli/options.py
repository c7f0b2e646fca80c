"""Options that several commands have."""

from typing import Annotated

import typer

Token = Annotated[str | None, typer.Option("--token", help="Hugging Face token, for gated models [GLADOS_HF_TOKEN]")]
