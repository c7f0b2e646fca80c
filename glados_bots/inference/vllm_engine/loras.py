"""LoRAs of vLLM: those from the start by its arguments, and those that come and go by its own endpoints.

vLLM says more than we do about paths and names, so we check first, and send it absolute folders only.
"""

import asyncio
import logging
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import httpx

from glados_bots.errors import ConfigError, EngineDeadError, EngineError, LoraRefusedError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.loras.shelf import LoraShelf
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hub import cache
from glados_bots.inference.model_files.loras import BASE_NAME, rank_of, require_lora
from glados_bots.inference.vllm_engine.process import VllmProcess

log = logging.getLogger(__name__)

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM has kernels for


class VllmLoras(LoraShelf):
    """See `LoraShelf`. In vLLM, each load has a name of its own, which is its mark.

    Args:
        card: of the model.
        options: what may be loaded.
        given: the LoRAs from the start, by name; the card's own has the card's name.
        process: the running vLLM.
    """

    def __init__(self, card: Card, options: EngineOptions, given: Mapping[str, Path], process: VllmProcess) -> None:
        parent = BASE_NAME if card.name in given else card.name
        marks = {card.name: card.name} | {name: name for name in (*given, parent)}
        super().__init__(options, card.base.hub, parent, marks, given)
        self._given = given
        self._process = process
        self._serves_loras = bool(given or options.max_loras)
        self._numbers = count(1)
        self._forgetting: set[asyncio.Task[None]] = set()

    def arguments(self) -> list[str]:
        """Of `vllm serve`. Raises ConfigError if a LoRA from the start cannot be loaded."""
        if not self._serves_loras:
            return []
        options = self._options
        most = max(len(self._given), options.max_loras)
        wanted = [_rank(path) for path in self._given.values()] + ([options.max_lora_rank] if options.max_loras else [])
        arguments = ["--enable-lora", "--max-loras", str(most), "--max-lora-rank", str(_allowed(max(wanted)))]
        modules = [f"{name}={path.resolve()}" for name, path in self._given.items()]
        return [*arguments, "--lora-modules", *modules] if modules else arguments

    async def _load(self, name: str, folder: Path) -> str:
        mark = f"{name}@{next(self._numbers)}"  # no name that somebody gives has an @
        await self._post("load_lora_adapter", {"lora_name": mark, "lora_path": str(folder)})
        return mark

    def _forget(self, mark: str) -> None:
        task = asyncio.create_task(self._forgotten(mark))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def _forgotten(self, mark: str) -> None:
        try:
            await self._post("unload_lora_adapter", {"lora_name": mark})
        except EngineError as error:
            log.warning("vLLM still has the LoRA %s, which nobody can ask for: %s", mark, error)

    async def _post(self, action: str, body: Mapping[str, object]) -> None:
        """Raises LoraRefusedError with vLLM's own reason, or EngineDeadError."""
        try:
            response = await self._process.http.post(f"/v1/{action}", json=body)
        except httpx.HTTPError as error:
            if self._process.fatal:
                raise EngineDeadError(self._process.fatal) from error
            raise LoraRefusedError(f"vLLM did not answer ({error!r}); try again") from error
        if response.is_error:
            raise LoraRefusedError(f"vLLM refused this: {response.text[:300]}")


def run_time_loading(options: EngineOptions) -> dict[str, str]:
    """Variables for a vLLM that loads LoRAs while it runs, from the two places where ours may be."""
    if not options.max_loras:
        return {}
    places = f"{options.loras_dir.expanduser().resolve()}:{Path(cache.root()).resolve()}"
    return {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1", "VLLM_RUNTIME_LORA_ALLOWED_PATH_PREFIXES": places}


def _rank(folder: Path) -> int:
    """Rank of a current peft LoRA. Raises ConfigError if the folder has no LoRA that may be loaded."""
    require_lora(folder)
    return rank_of(folder)


def _allowed(rank: int) -> int:
    """The smallest rank that vLLM has kernels for and that is at least ours. Raises ConfigError if there is none."""
    found = next((size for size in RANKS if size >= rank), None)
    if found is None:
        raise ConfigError(f"a LoRA has rank {rank}, but vLLM allows at most {RANKS[-1]}; use --engine transformers")
    return found
