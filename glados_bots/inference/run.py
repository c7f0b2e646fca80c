"""`glados serve`: choose the card, build the engine, and run the service until a signal stops it."""

import gc
import importlib
import logging
import os
import shlex
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineError, first_line
from glados_bots.http_server.listening import is_loopback, require_free_port
from glados_bots.inference.api.keys import KeyBook
from glados_bots.inference.api.server import serve
from glados_bots.inference.embeddings.choosing import chosen
from glados_bots.inference.embeddings.embedder import Embedder, Job
from glados_bots.inference.engine import ENGINES, WITHOUT_CARD, Engine, EngineOptions
from glados_bots.inference.model_files.auto.choice import Choice
from glados_bots.inference.model_files.cards import NAME, Card
from glados_bots.inference.model_files.choosing import TOLD, choose
from glados_bots.inference.model_files.hub import pins
from glados_bots.inference.model_files.presence import presence
from glados_bots.inference.model_files.support import require_known
from glados_bots.inference.settings import ServeSettings
from glados_bots.wire.events import Sampling
from glados_bots.wire.reasoning import Piece, Quote

log = logging.getLogger(__name__)

TRIAL_TOKENS = 48  # enough to see that a model speaks
TRIAL_NUMBERS = 4  # of a vector, to look at


def run_service(settings: ServeSettings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: the model cannot be loaded, the port is taken, or everybody on the network could use the service.
        EngineDeadError: the engine failed for good; a new process must replace this one.
    """
    keys = KeyBook(settings.data_dir)
    require_lock(settings, keys)
    require_free_port(settings.host, settings.serve_port, "GLADOS_SERVE_PORT")  # before a long download of weights
    embedding = chosen(settings)
    choice = _choice(settings)
    embedder = None if embedding is None else embedder_of(settings, embedding)
    serve(_build(settings, choice), settings, keys, choice.useful if choice else None, embedder)


def require_lock(settings: ServeSettings, keys: KeyBook) -> None:
    """Raise ConfigError if other machines could use the service without a key."""
    if settings.api_key is None and not keys.in_use and not is_loopback(settings.host):
        raise ConfigError(
            f"GLADOS_HOST={settings.host}: everybody who reaches this address could use the model; "
            "set GLADOS_API_KEY, create a key with `glados keys create`, or listen on 127.0.0.1"
        )


async def ask_once(engine: Engine, question: str) -> str:
    """Start the engine, answer one question in a few words, and stop. Reasoning comes as a quote.

    Raises ConfigError if there is no answer.
    """
    try:
        await engine.start()
        asked = engine.generate(engine.models[0], [Message("user", question)], Sampling(max_tokens=TRIAL_TOKENS))
        async with aclosing(asked) as events:
            quote = Quote(show=True)
            pieces = [quote.feed(event) async for event in events if isinstance(event, Piece)]
    except EngineError as error:
        raise ConfigError(f"{question!r} has no answer ({first_line(error)}); choose another model") from error
    finally:
        await engine.stop()
    answer = "".join(pieces).strip()
    if not answer:
        raise ConfigError(f"{question!r} has an empty answer; choose another model")
    return answer


async def embed_once(embedder: Embedder, text: str) -> str:
    """Start the embedder, embed one text, and stop. Returns the length of the vector, and its first numbers.

    Raises ConfigError if there is no vector, or if it has not as many numbers as the card says.
    """
    job = Job([text])
    try:
        await embedder.start()
        async with aclosing(embedder.embed(job)) as events:
            async for _ in events:
                pass
    except EngineError as error:
        raise ConfigError(f"{text!r} has no vector ({first_line(error)}); choose another model") from error
    finally:
        await embedder.stop()
    if job.vectors is None:
        raise ConfigError(f"{text!r} has no vector; choose another model")
    first = ", ".join(f"{number:.4f}" for number in job.vectors[0, :TRIAL_NUMBERS])
    return f"a vector of {job.vectors.shape[1]} numbers: {first}, ..."


def build_engine(settings: ServeSettings, revision: str | None = None) -> Engine:
    """The chosen engine with its model, not started yet. Raises ConfigError if the model cannot be used.

    Args:
        settings: name the engine and the model.
        revision: the commit of the model's base on the hub; None: the one that this machine serves.
    """
    choice = _choice(settings)
    if choice and revision and choice.card.base.hub:
        choice = replace(choice, card=pins.at(choice.card, revision))
    return _build(settings, choice)


def build_embedder(settings: ServeSettings) -> Embedder | None:
    """The embedding model that the settings name, not started yet. Raises ConfigError if it cannot be used."""
    card = chosen(settings)
    return None if card is None else embedder_of(settings, card)


def embedder_of(settings: ServeSettings, card: Card) -> Embedder:
    """An embedding model, not started yet. Raises ConfigError if it can be neither found nor fetched."""
    here = presence(card)
    if not here.yes:
        raise ConfigError(f"{card.name}: {here.reason}; see docs/api/embeddings.md")
    engine = importlib.import_module("glados_bots.inference.embeddings.engine")
    options = EngineOptions(
        data_dir=settings.data_dir, hf_token=settings.hub_token, max_waiting=settings.max_waiting, dtype=settings.dtype
    )
    log.info("embeddings: %s by our own engine, beside the engine %s", card.name, settings.engine)
    device = engine.device_of(settings.embedding_device, beside_vllm=settings.engine == "vllm")
    embedder: Embedder = engine.TextEmbedder(card, options, device)
    return embedder


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
        dtype=settings.dtype,
        context_length=settings.context_length,
        quantize=choice.quantize if choice else settings.quantize,
        loras=adapters(settings.loras),
        base_only=settings.base_only,
        max_loras=settings.max_loras,
        max_lora_rank=settings.max_lora_rank,
        loras_dir=settings.loras_dir or settings.data_dir / "loras",
        thinking_tokens=settings.thinking_tokens,
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
    told = {_gist(line) for line in os.environ.get(TOLD, "").splitlines()}
    for line in choice.lines():
        if _gist(line) not in told:
            log.info("%s", line)
    card = choice.card
    here = presence(card, base_only=settings.base_only)
    if not here.yes:
        raise ConfigError(f"{card.name}: {here.reason}; see docs/models.md")
    if settings.engine == "transformers":
        require_known(card)
    if card.base.folder:
        from glados_bots.inference.model_files import weights  # noqa: PLC0415 - an engine without a card needs no hub

        # The engine checks this too, but only after it has imported torch, which takes seconds.
        weights.check(card.base.folder, settings.data_dir)
    return choice


def _gist(line: str) -> str:
    """The line without the estimate of a speed, which differs a little each time."""
    return line.partition(", with about ")[0]


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
