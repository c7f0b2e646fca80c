"""The command line: parse, build the objects, run. Heavy modules are imported by the command that needs them."""

import asyncio
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from glados_bots import __version__, env_file, tracing
from glados_bots.cli import completions, keys, models_upgrade, password, store, terminal, usage_errors, version
from glados_bots.cli.options import Token, load_settings
from glados_bots.cli.overview import MODELS, OPERATE, PEOPLE, RUN, OneScreen
from glados_bots.cli.stored import audit, backup, privacy, turns
from glados_bots.errors import EXIT_CONFIG, ConfigError, GladosError, StoreUnavailableError
from glados_bots.inference.settings import ServeSettings
from glados_bots.platforms import Platform, installed

app = typer.Typer(
    name="glados",
    cls=OneScreen,
    help="The assistant a team owns. Open models answer in Discord, in Slack and on a web page.",
    epilog="Example: glados up",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Card name, folder, GGUF file or hub id; 'auto' chooses [GLADOS_MODEL]",
        autocompletion=completions.models,
    ),
]
EmbeddingModel = Annotated[
    str | None,
    typer.Option(
        "--embedding",
        help="Embedding model beside it: card name, folder or hub id [GLADOS_EMBEDDING_MODEL]",
        autocompletion=completions.models,
    ),
]
MultiGpu = Annotated[
    bool | None, typer.Option("--multi-gpu", "--multi_gpu", help="Spread the model over all GPUs [GLADOS_MULTI_GPU]")
]
Engine = Annotated[
    str | None, typer.Option("--engine", help="transformers; vllm where it is installed; or echo [GLADOS_ENGINE]")
]
Quantize = Annotated[
    str | None, typer.Option("--quantize", help="Precision of the weights: auto, none, 8bit or 4bit [GLADOS_QUANTIZE]")
]
Dtype = Annotated[
    str | None,
    typer.Option("--dtype", help="Type of plain weights: bfloat16, or float32, which is exact [GLADOS_DTYPE]"),
]
Loras = Annotated[
    list[str] | None, typer.Option("--lora", help="One more LoRA on the same base, as NAME=FOLDER; may be repeated")
]
BaseOnly = Annotated[
    bool | None, typer.Option("--base-only", help="Serve the base without its LoRA [GLADOS_BASE_ONLY]")
]


@app.callback(invoke_without_command=True)
def version_option(
    is_asked: Annotated[bool, typer.Option("--version", help="Print the version of GLaDOS and exit")] = False,
) -> None:
    """Options of `glados` itself."""
    if is_asked:
        typer.echo(__version__)
        raise typer.Exit


def _add_serving(name: str, summary: str, example: str, run: Callable[[ServeSettings], None]) -> None:
    """A command that serves a model, with the options that choose it."""

    def command(
        *,
        model: Model = None,
        embedding: EmbeddingModel = None,
        token: Token = None,
        multi_gpu: MultiGpu = None,
        engine: Engine = None,
        quantize: Quantize = None,
        dtype: Dtype = None,
        lora: Loras = None,
        base_only: BaseOnly = None,
    ) -> None:
        loras = ",".join(lora) if lora else None
        settings = load_settings(
            model=model, embedding_model=embedding, hf_token=token, multi_gpu=multi_gpu, engine=engine,
            quantize=quantize, dtype=dtype, loras=loras, base_only=base_only,
        )  # fmt: skip
        weights = [settings.model, settings.embedding_model]
        env_file.tell([*weights, *(entry.partition("=")[2] for entry in settings.loras.split(","))])
        run(settings)

    app.command(name, help=summary, epilog=f"Example: {example}", rich_help_panel=RUN)(command)


def _up(settings: ServeSettings) -> None:
    from glados_bots.cli.up import run_stack

    raise typer.Exit(asyncio.run(run_stack(settings)))


def _serve(settings: ServeSettings) -> None:
    from glados_bots.inference.run import run_service

    tracing.configure(settings, "serve")
    run_service(settings)


_add_serving(
    "up",
    """Run everything: database, model, page, chat platforms.

    A chat platform runs when its tokens are set. The database is the embedded Valkey, unless GLADOS_REDIS_URL is set.
    """,
    "glados up --model smollm2_135m",
    _up,
)
_add_serving(
    "serve",
    """Run one model behind an OpenAI-compatible API.

    The API listens on GLADOS_SERVE_PORT.
    """,
    "glados serve --model smollm2_135m",
    _serve,
)


@app.command(epilog="Example: glados doctor", rich_help_panel=OPERATE)
def doctor() -> None:
    """Check this machine and the settings.

    Each finding has its remedy. The exit code is 1 when a check has failed. Nothing is changed.
    """
    from glados_bots.cli import doctor as checks
    from glados_bots.cli.findings import show

    if show(checks.examine()):
        raise typer.Exit(1)


@app.command(epilog="Example: glados health serve", rich_help_panel=OPERATE)
def health(
    role: Annotated[
        str, typer.Argument(help="serve, web, or another platform that runs here", autocompletion=completions.roles)
    ],
) -> None:
    """Ask a role on this machine whether it works.

    The exit code is 0 when the role works. Containers and supervisors use this command.
    """
    from glados_bots.cli.health import require_health

    require_health(load_settings(), role)


def _add_render() -> None:
    """`glados render`: its parser is its own, since it must start quickly. Typer completes its options."""
    from glados_bots.cli import render

    @app.command(name="render", help=render.SUMMARY, epilog=f"Example: {render.EXAMPLE}", rich_help_panel=OPERATE)
    def _(
        to: Annotated[str, typer.Option("--to", help=render.TO, autocompletion=render.targets)] = render.DEFAULT_TARGET,
        limit: Annotated[int | None, typer.Option("--limit", help=render.LIMIT)] = None,
        jsonl: Annotated[bool, typer.Option("--jsonl", help=render.JSONL)] = False,
    ) -> None:
        render.render(to, limit, jsonl, sys.stdin, sys.stdout)


def _add_platform(platform: Platform) -> None:
    def command() -> None:
        settings = load_settings()
        env_file.tell([settings.model])
        tracing.configure(settings, platform.name)
        platform.run(settings)

    example = f"Example: glados {platform.name}"
    app.command(platform.name, help=platform.summary, epilog=example, rich_help_panel=RUN)(command)


for room, panel in ((models_upgrade, MODELS), (privacy, PEOPLE), (keys, PEOPLE), (turns, OPERATE), (store, OPERATE)):
    app.add_typer(room.group, rich_help_panel=panel)
app.command(epilog="Example: glados hash-password", rich_help_panel=PEOPLE)(password.hash_password)
app.command("version", epilog="Example: glados version", rich_help_panel=OPERATE)(version.show)
app.command("audit", epilog="Example: glados audit --last 20", rich_help_panel=OPERATE)(audit.show)
app.command("backup", epilog="Example: glados backup glados.jsonl", rich_help_panel=OPERATE)(backup.back_up)
app.command("restore", epilog="Example: glados restore glados.jsonl", rich_help_panel=OPERATE)(backup.bring_back)
app.command("migrate", epilog="Example: glados migrate", rich_help_panel=OPERATE)(backup.migrate_data)
_add_render()


def main() -> None:
    """Entry point. An error of the person who calls is one line on standard error, and exit code 2."""
    for platform in installed().values():
        _add_platform(platform)
    terminal.calm_typer()
    try:
        code = app(prog_name="glados", standalone_mode=False)
    except typer.TyperException as error:
        _fail(usage_errors.explain(error), error.exit_code)
    except ModuleNotFoundError as error:
        _fail(usage_errors.not_installed(error), EXIT_CONFIG)
    except typer.Abort:
        _fail("cancelled; nothing was changed", 1)
    except ConfigError as error:
        _fail(str(error), EXIT_CONFIG)
    except StoreUnavailableError as error:
        _fail(f"{str(error).removesuffix('.')}; start `glados up` or that server, or correct GLADOS_REDIS_URL", 1)
    except GladosError as error:
        _fail(str(error), 1)
    sys.exit(code)


def _fail(text: str, code: int) -> NoReturn:
    """End with a line for each error; several settings may be wrong at once."""
    for line in text.splitlines():
        terminal.echo(f"glados: {line}", err=True)
    sys.exit(code)
