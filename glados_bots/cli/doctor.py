"""`glados doctor`: looks at the machine and the settings, and says what to do about each fault. It changes nothing."""

import asyncio
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import aclosing
from typing import Literal
from urllib.parse import urlsplit

from glados_bots.cli.stored.with_redis import with_client
from glados_bots.errors import ConfigError, GladosError
from glados_bots.http_server.listening import require_free_port
from glados_bots.inference.embeddings.choosing import chosen
from glados_bots.inference.engine import WITHOUT_CARD
from glados_bots.inference.model_files.auto.choice import Choice, size
from glados_bots.inference.model_files.auto.fitting import verdict
from glados_bots.inference.model_files.choosing import choose
from glados_bots.inference.model_files.hardware import Machine, this_machine
from glados_bots.inference.model_files.presence import presence
from glados_bots.inference.model_files.support import support_of
from glados_bots.inference.settings import ServeSettings
from glados_bots.platforms import Check, installed
from glados_bots.settings import load, unknown_variables
from glados_bots.store import embedded
from glados_bots.store.connection import reply_of

MOST_NAMES = 5
NEEDED_DISK_GB = 1.0  # the small model's converted weights and the database, with room to breathe


def examine() -> Iterator[Check]:
    yield _python()
    yield from _torch()
    try:
        settings = load(ServeSettings)
    except ConfigError as error:
        for line in str(error).splitlines():
            yield Check("settings", "fail", line, "correct the variable in your environment or in .env")
        return
    yield _settings()
    yield _data_folder(settings)
    yield _redis(settings)
    yield from _model(settings)
    yield from _embedding_model(settings)
    if settings.inference_url is None:
        yield _port("GLADOS_SERVE_PORT", settings.host, settings.serve_port)
    yield _port("GLADOS_WEB_PORT", settings.host, settings.web_port)
    yield from _tokens(settings)


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < (3, 11):  # noqa: UP036 - the check is for those who start it with an older one
        return Check("python", "fail", found, "install Python 3.11 or newer")
    return Check("python", "ok", found)


def _torch() -> Iterator[Check]:
    if importlib.util.find_spec("torch") is None:
        remedy = "pip install 'glados-bots[inference]', or set GLADOS_INFERENCE_URL to a service on another machine"
        yield Check("torch", "warn", "not installed; no model can run on this machine", remedy)
        return
    import torch

    versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")}
    yield Check("torch", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))
    if not torch.cuda.is_available():
        remarks = this_machine().remarks
        yield from (_split("gpu", "warn", remark) for remark in remarks)
        if remarks:
            return
        yield Check("gpu", "warn", "torch finds no GPU; only small models are fast without one",
                    "if this machine has a GPU, install its driver and the CUDA build of torch")  # fmt: skip
        return
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        yield Check(
            f"gpu {index}", "ok", f"{torch.cuda.get_device_name(index)}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"
        )


def _settings() -> Check:
    unknown = unknown_variables()
    if unknown:
        return Check("settings", "warn", f"unknown: {', '.join(unknown)}", "docs/settings.md lists all names")
    return Check("settings", "ok", "all valid")


def _data_folder(settings: ServeSettings) -> Check:
    folder = settings.data_dir.resolve()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free / 1e9
    finding = f"{folder}, {free:.1f} GB free"
    if not os.access(existing, os.W_OK):
        return Check("data folder", "fail", f"{folder} is not writable", "set GLADOS_DATA_DIR to a folder that you own")
    if free < NEEDED_DISK_GB:
        return Check(
            "data folder", "fail", finding, "free some disk space, or set GLADOS_DATA_DIR to a folder on another disk"
        )
    return Check("data folder", "ok", finding)


def _redis(settings: ServeSettings) -> Check:
    if settings.redis_url is None:
        try:
            embedded.command(settings.data_dir)
        except ConfigError as error:
            return _failed("redis", error)
        return Check("redis", "ok", "GLADOS_REDIS_URL is not set; the embedded Valkey will be used")
    try:
        version = with_client(settings, lambda client: reply_of(client.info("server")))["redis_version"]
    except GladosError as error:
        return Check("redis", "fail", str(error), "start the server, or correct GLADOS_REDIS_URL")
    return Check("redis", "ok", f"answers, version {version}")


def _model(settings: ServeSettings) -> Iterator[Check]:
    if settings.inference_url is not None:
        yield asyncio.run(_served_elsewhere(settings))
        return
    if settings.engine in WITHOUT_CARD:
        yield Check("model", "ok", f"{settings.engine}: {WITHOUT_CARD[settings.engine]}")
        return
    try:
        choice = choose(settings)
    except ConfigError as error:
        yield _failed("model", error)
        return
    card, machine = choice.card, this_machine(settings.engine)
    here = presence(card, base_only=settings.base_only)
    remedy = "" if here.yes else "docs/models.md says how to get them"
    yield Check("model", "ok" if here.yes else "fail", f"{choice.reason}; files: {here.reason}", remedy)
    yield from _about(choice, machine)
    found = support_of(card) if settings.engine == "transformers" else None
    if found and found.way is None:
        yield Check("engine", "fail", f"transformers cannot serve {card.name} ({found.reason})", found.remedy)
    room = verdict(card, machine)
    place = f"{machine}" if machine.gpus else f"{machine}, with {size(machine.memory)} of memory"
    remedy = "" if room.yes else "choose a smaller model"
    yield Check("memory", "ok" if room.yes else "warn", f"{room.reason}; this is {place}", remedy)


def _embedding_model(settings: ServeSettings) -> Iterator[Check]:
    if settings.inference_url is not None or not settings.embedding_model:
        return
    try:
        card = chosen(settings)
    except ConfigError as error:
        yield _failed("embedding model", error)
        return
    if card is not None:
        yield Check("embedding model", "ok", f"{card.name}; files: {presence(card).reason}")


def _about(choice: Choice, machine: Machine) -> Iterator[Check]:
    """What else there is to say about the choice. `_torch` has said what is wrong with the machine's GPUs."""
    if choice.fetch:
        yield Check("download", "ok", f"about {size(choice.fetch)} will be fetched from the hub first")
    if choice.better:
        yield _split("better model", "warn", choice.better.removeprefix("better: "))
    if choice.useful:
        yield Check("useful model", "ok", str(choice.useful))
    yield from (_split("gpus", "ok", remark) for remark in choice.remarks if remark not in machine.remarks)


async def _served_elsewhere(settings: ServeSettings) -> Check:
    """Ask GLADOS_INFERENCE_URL what it serves. A password in it is not shown."""
    from glados_bots.wire.client import InferenceClient

    url = urlsplit(settings.resolved_inference_url)
    shown = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
    try:
        async with aclosing(InferenceClient(settings.resolved_inference_url, settings.key)) as client:
            names = ", ".join(model.id for model in (await client.models())[:MOST_NAMES])
    except GladosError as error:
        remedy = "start that server, or correct GLADOS_INFERENCE_URL (which ends in /v1) and GLADOS_API_KEY"
        return Check("model", "fail", f"{shown}: {error}", remedy)
    return Check("model", "ok", f"{shown} serves {names}")


def _port(variable: str, host: str, port: int) -> Check:
    try:
        require_free_port(host, port, variable)
    except ConfigError as error:
        finding, _, remedy = str(error).removeprefix(f"{variable}={port}: ").partition("; ")
        return Check(variable, "warn", finding, f"nothing, if a GLaDOS runs here already; otherwise {remedy}")
    return Check(variable, "ok", f"{host}:{port} is free")


def _tokens(settings: ServeSettings) -> Iterator[Check]:
    hub = "set" if settings.hf_token else "not set; only gated models, such as StarCoder, need it"
    yield Check("GLADOS_HF_TOKEN", "ok", hub)
    for adapter in installed().values():
        try:
            if adapter.examine:
                yield from adapter.examine()
        except ConfigError as error:
            yield _failed(adapter.name, error)


def _failed(name: str, error: ConfigError) -> Check:
    return _split(name, "fail", str(error))


def _split(name: str, state: Literal["ok", "warn", "fail"], line: str) -> Check:
    """A line of ours says what is wrong, then the remedy."""
    finding, _, remedy = line.partition("; ")
    return Check(name, state, finding, remedy)
