"""`glados serve`: choose the card, build the engine, and run the service until a signal stops it."""

import gc
import importlib
import logging
import os
import shlex
from pathlib import Path

from glados_bots.errors import ConfigError
from glados_bots.http_server.listening import is_loopback, require_free_port
from glados_bots.inference.api.keys import KeyBook
from glados_bots.inference.api.server import serve
from glados_bots.inference.engine import ENGINES, WITHOUT_CARD, Engine, EngineOptions
from glados_bots.inference.model_files.auto.choice import Choice
from glados_bots.inference.model_files.cards import NAME
from glados_bots.inference.model_files.choosing import choose
from glados_bots.inference.model_files.presence import presence
from glados_bots.inference.settings import ServeSettings

log = logging.getLogger(__name__)


def run_service(settings: ServeSettings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: the model cannot be loaded, the port is taken, or everybody on the network could use the service.
        EngineDeadError: the engine failed for good; a new process must replace this one.
    """
    keys = KeyBook(settings.data_dir)
    require_lock(settings, keys)
    require_free_port(settings.host, settings.serve_port, "GLADOS_SERVE_PORT")  # before a long download of weights
    choice = _choice(settings)
    serve(_build(settings, choice), settings, keys, choice.useful if choice else None)


def require_lock(settings: ServeSettings, keys: KeyBook) -> None:
    """Raise ConfigError if other machines could use the service without a key."""
    if settings.api_key is None and not keys.in_use and not is_loopback(settings.host):
        raise ConfigError(
            f"GLADOS_HOST={settings.host}: everybody who reaches this address could use the model; "
            "set GLADOS_API_KEY, create a key with `glados keys create`, or listen on 127.0.0.1"
        )


def build_engine(settings: ServeSettings) -> Engine:
    """The chosen engine with its model, not started yet. Raises ConfigError if the model cannot be used."""
    return _build(settings, _choice(settings))


def _build(settings: ServeSettings, choice: Choice | None) -> Engine:
    # GPUs are counted as nvidia-smi does: torch's own order begins with the fastest
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    options = EngineOptions(
        data_dir=settings.data_dir,
        hf_token=settings.hub_token,
        multi_gpu=choice.multi_gpu if choice else bool(settings.multi_gpu),
        max_waiting=settings.max_waiting,
        share_prefixes=settings.share_prefixes,
        cache_gb=settings.cache_gb,
        context_length=settings.context_length,
        quantize=choice.quantize if choice else settings.quantize,
        loras=adapters(settings.loras),
        base_only=settings.base_only,
        show_reasoning=settings.show_reasoning,
        vllm_command=settings.vllm_command,
        vllm_arguments=tuple(shlex.split(settings.vllm_arguments)),
    )
    module, _, name = ENGINES[settings.engine].partition(":")
    gc.disable()  # importing torch creates a million objects and no garbage; collecting takes a quarter of the time
    try:
        engine: Engine = getattr(importlib.import_module(module), name)(choice.card if choice else None, options)
    finally:
        gc.enable()
    gc.freeze()  # and no later collection looks at these objects
    return engine


def _choice(settings: ServeSettings) -> Choice | None:
    """The chosen model; None if the engine has its own model. Raises ConfigError like `build_engine`."""
    if settings.engine in WITHOUT_CARD:
        log.info("model: the engine %s has its own; GLADOS_MODEL is ignored", settings.engine)
        return None
    choice = choose(settings, asks_hub=True)
    for line in choice.lines():
        log.info("%s", line)
    card = choice.card
    here = presence(card, base_only=settings.base_only)
    if not here.yes:
        raise ConfigError(f"{card.name}: {here.reason}; see docs/models.md")
    if card.base.folder:
        from glados_bots.inference.model_files import weights  # noqa: PLC0415 - an engine without a card needs no hub

        # The engine checks this too, but only after it has imported torch, which takes seconds.
        weights.check(card.base.folder, settings.data_dir)
    return choice


def adapters(given: str) -> dict[str, Path]:
    """GLADOS_LORAS as a dict from names to folders. Raises ConfigError unless it is NAME=FOLDER,NAME=FOLDER."""
    table: dict[str, Path] = {}
    for entry in filter(None, (part.strip() for part in given.split(","))):
        name, equals, folder = entry.partition("=")
        if not equals or not NAME.fullmatch(name) or not folder or name in table:
            raise ConfigError(
                f"GLADOS_LORAS={given}: {entry!r} is not NAME=FOLDER; give each a unique name (letters, digits, . _ -)"
            )
        table[name] = Path(folder).expanduser()
    return table
