"""The command line: parse, build the objects, run. Heavy modules are imported by the command that needs them."""

import asyncio
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from glados_bots import __version__, env_file, tracing
from glados_bots.cli import audit, backup, keys, models, password, privacy, store, terminal, turns
from glados_bots.cli.options import Token, load_settings
from glados_bots.errors import EXIT_CONFIG, ConfigError, GladosError
from glados_bots.inference.settings import ServeSettings
from glados_bots.platforms import Platform, installed

app = typer.Typer(
    name="glados",
    help="GLaDOS bots: the assistant a team owns. Open models answering in Discord, Slack and a web chat.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="Card name, folder, GGUF file or hub id; 'auto' chooses [GLADOS_MODEL]"),
]
MultiGpu = Annotated[
    bool | None, typer.Option("--multi-gpu", "--multi_gpu", help="Spread the model over all GPUs [GLADOS_MULTI_GPU]")
]
Engine = Annotated[
    str | None, typer.Option("--engine", help="transformers, vllm where it is installed, or echo [GLADOS_ENGINE]")
]
Quantize = Annotated[str | None, typer.Option("--quantize", help="auto, none, 8bit or 4bit weights [GLADOS_QUANTIZE]")]
Loras = Annotated[
    list[str] | None, typer.Option("--lora", help="NAME=FOLDER: one more LoRA on the same base, may be given often")
]
BaseOnly = Annotated[
    bool | None, typer.Option("--base-only", help="Serve the base without its LoRA [GLADOS_BASE_ONLY]")
]


@app.callback(invoke_without_command=True)
def version_option(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave")] = False,
) -> None:
    """Options of `glados` itself."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


def _add_serving(name: str, summary: str, run: Callable[[ServeSettings], None]) -> None:
    """A command that serves a model, with the options that choose it."""

    def command(
        *,
        model: Model = None,
        token: Token = None,
        multi_gpu: MultiGpu = None,
        engine: Engine = None,
        quantize: Quantize = None,
        lora: Loras = None,
        base_only: BaseOnly = None,
    ) -> None:
        loras = ",".join(lora) if lora else None
        settings = load_settings(
            model=model, hf_token=token, multi_gpu=multi_gpu, engine=engine, quantize=quantize, loras=loras,
            base_only=base_only,
        )  # fmt: skip
        env_file.tell([settings.model, *(entry.partition("=")[2] for entry in settings.loras.split(","))])
        run(settings)

    app.command(name, help=summary)(command)


def _up(settings: ServeSettings) -> None:
    from glados_bots.cli.up import run_stack

    raise typer.Exit(asyncio.run(run_stack(settings)))


def _serve(settings: ServeSettings) -> None:
    from glados_bots.inference.run import run_service

    tracing.configure(settings, "serve")
    run_service(settings)


_add_serving("up", "Run everything: database, model, web page, and each platform whose tokens are set.", _up)
_add_serving(
    "serve", "Run the inference service: one model behind an OpenAI-compatible API on GLADOS_SERVE_PORT.", _serve
)


@app.command()
def doctor() -> None:
    """Check this machine and these settings, and say what to do about each fault."""
    from glados_bots.cli.doctor import examine

    failures = 0
    for check in examine():
        failures += check.state == "fail"
        terminal.echo(f"{check.mark} {check.name}: {check.finding}")
        if check.remedy:
            terminal.echo(f"    -> {check.remedy}")
    raise typer.Exit(1 if failures else 0)


@app.command()
def health(
    role: Annotated[str, typer.Argument(help="serve, web, or the name of another platform that runs here")],
) -> None:
    """Ask a role on this machine whether it lives; exit code 0 says yes. For containers and supervisors."""
    from glados_bots.cli.health import require_health

    require_health(load_settings(), role)


@app.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def render(context: typer.Context) -> None:
    """Turn GLaDOS markdown on standard input into what a platform shows."""
    from glados_bots.cli.render import main as run

    run(context.args)


def _add_platform(platform: Platform) -> None:
    def command() -> None:
        settings = load_settings()
        env_file.tell([settings.model])
        tracing.configure(settings, platform.name)
        platform.run(settings)

    app.command(platform.name, help=platform.summary)(command)


app.command("backup")(backup.back_up)
app.command("restore")(backup.bring_back)
app.command("migrate")(backup.go_on)
app.command("audit")(audit.show)
app.command()(password.hash_password)
for room in (store, turns, privacy, keys, models):
    app.add_typer(room.group)


def main() -> None:
    """Entry point. Errors that people can mend are one line on standard error, and exit code 2."""
    for platform in installed().values():
        _add_platform(platform)
    try:
        app()
    except ConfigError as error:
        terminal.echo(f"glados: {error}", err=True)
        sys.exit(EXIT_CONFIG)
    except GladosError as error:
        terminal.echo(f"glados: {error}", err=True)
        sys.exit(1)
