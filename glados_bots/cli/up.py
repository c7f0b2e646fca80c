"""Which roles `glados up` runs, and how it knows that they are ready."""

import asyncio
import secrets
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial

import httpx

from glados_bots.errors import StoreUnavailableError
from glados_bots.http_server.listening import is_loopback, require_free_port
from glados_bots.inference.engine import WITHOUT_CARD
from glados_bots.inference.model_files.choosing import TOLD, choose
from glados_bots.inference.settings import ServeSettings
from glados_bots.platforms import installed
from glados_bots.processes.supervisor import Role, Supervisor, lock
from glados_bots.settings import unknown_variables
from glados_bots.store import embedded, repair
from glados_bots.store.connection import connect, reply_of

POLL_S = 0.1


async def run_stack(settings: ServeSettings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. Raises ConfigError before anything is started."""
    held = lock(settings.data_dir)  # kept open for the life of the process
    del held
    require_free_port(settings.host, settings.web_port, "GLADOS_WEB_PORT")
    if not settings.inference_url:
        require_free_port(settings.host, settings.serve_port, "GLADOS_SERVE_PORT")
    for name in unknown_variables():
        _say(f"{name} is not a setting of GLaDOS and is ignored; docs/settings.md lists all settings")
    began = time.monotonic()

    def ready() -> None:
        host = "localhost" if settings.host == "127.0.0.1" else settings.host
        _say(f"ready after {time.monotonic() - began:.0f} s: open http://{host}:{settings.web_port} in your browser")

    log_file = settings.data_dir / "logs" / "glados.log"
    told = _choice(settings)
    supervisor = Supervisor(roles(settings, told), log_file, json_lines=settings.log_format == "json")
    for line in told:
        supervisor.say(line)
    return await supervisor.run(ready)


def _choice(settings: ServeSettings) -> list[str]:
    """Which model will be served, why, and what will be fetched. The service asks the hub too, and may say more."""
    if settings.inference_url is not None or settings.engine in WITHOUT_CARD:
        return []
    return list(choose(settings).lines())


def roles(settings: ServeSettings, told: Sequence[str] = ()) -> list[Role]:
    """The roles these settings ask for, in the order they start. `told` are lines that the service need not repeat."""
    env, run = _environment(settings), secrets.token_hex(8)
    found: list[Role] = []
    if settings.redis_url is None:
        command = embedded.command(settings.data_dir)
        found.append(
            Role(
                "valkey",
                command,
                ready=lambda: _redis_ready(settings),
                complaint=repair.COMPLAINT,
                why_never=partial(repair.why_not, settings.data_dir),
            )
        )
    if settings.inference_url is None:
        if settings.engine not in WITHOUT_CARD:
            _say("loading the model; on the first start its weights are fetched or converted, which takes minutes")
        own = env | {TOLD: "\n".join(told)}
        found.append(Role("serve", _glados("serve"), own, grace_s=settings.grace + 5))
    others = [platform for platform in installed().values() if platform.name == "web" or platform.configured()]
    metrics_port = settings.metrics_port  # the first role's; each further one has the next
    for index, platform in enumerate(sorted(others, key=lambda platform: (platform.name != "web", platform.name))):
        ready = (lambda: _page_and_model_ready(settings)) if platform.name == "web" else None
        own = {"GLADOS_METRICS_PORT": str(metrics_port + index)} if metrics_port else {}
        own["GLADOS_OWNER"] = f"{platform.name} {run}"  # when one of them starts, the one before it is dead
        found.append(Role(platform.name, _glados(platform.name), env | own, ready, grace_s=settings.grace + 5))
    return found


def _glados(command: str) -> list[str]:
    return [sys.executable, "-m", "glados_bots", command]


def _environment(settings: ServeSettings) -> dict[str, str]:
    """What was given on the command line, for the children."""
    env = {
        "GLADOS_MODEL": settings.model,
        "GLADOS_EMBEDDING_MODEL": settings.embedding_model,
        "GLADOS_ENGINE": settings.engine,
        "GLADOS_QUANTIZE": settings.quantize,
        "GLADOS_DTYPE": settings.dtype,
        "GLADOS_LORAS": settings.loras,
        "GLADOS_BASE_ONLY": str(settings.base_only).lower(),
        "GLADOS_DATA_DIR": str(settings.data_dir.resolve()),
    }
    if settings.api_key is None and settings.inference_url is None and not is_loopback(settings.host):
        env["GLADOS_API_KEY"] = secrets.token_urlsafe(32)  # of this run: the service is for our own roles only
    if settings.multi_gpu is not None:
        env["GLADOS_MULTI_GPU"] = str(settings.multi_gpu).lower()
    if settings.hub_token:
        env["GLADOS_HF_TOKEN"] = settings.hub_token
    return env


async def _redis_ready(settings: ServeSettings) -> None:
    async with aclosing(connect(settings.resolved_redis_url)) as client:
        while True:
            try:
                await reply_of(client.ping())
            except StoreUnavailableError:
                await asyncio.sleep(POLL_S)
            else:
                return


async def _page_and_model_ready(settings: ServeSettings) -> None:
    """Wait for the page, then for the model where it is ours."""
    urls = [f"http://{settings.connect_host}:{settings.web_port}/health"]
    if settings.inference_url is None:
        urls.append(f"http://{settings.connect_host}:{settings.serve_port}/ready")
    async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
        for url in urls:
            while not await _answers(http, url):  # noqa: ASYNC110 - the event is in another process
                await asyncio.sleep(POLL_S)


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).is_success
    except httpx.HTTPError:
        return False


def _say(line: str) -> None:
    sys.stdout.write(f"glados: {line}\n")
    sys.stdout.flush()
