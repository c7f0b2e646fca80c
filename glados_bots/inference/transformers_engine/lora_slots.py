"""Which LoRA has which slot of `MultiLora`. A slot is written only while no request uses it.

There is one slot more than names. So a LoRA can be loaded in place of another that still answers.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import torch

from glados_bots.errors import LoraRefusedError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.loras.shelf import LoraShelf
from glados_bots.inference.transformers_engine.loading import Loaded
from glados_bots.inference.transformers_engine.multi_lora import BASE, Pair
from glados_bots.inference.transformers_engine.scheduler import Scheduler

ANSWERED_S = 10.0  # time after which a running answer has probably ended


class LoraSlots(LoraShelf):
    """The LoRAs of a model of transformers.

    Args:
        options: what may be loaded.
        base: the hub id of the base, if it has one.
        loaded: the model and its LoRAs from the start.
        schedulers: gives what computes with the model.
    """

    def __init__(
        self, options: EngineOptions, base: str | None, loaded: Loaded, schedulers: Callable[[], Sequence[Scheduler]]
    ) -> None:
        slots = loaded.slots
        parent = next((name for name, slot in slots.items() if slot == BASE), next(iter(slots)))
        super().__init__(options, base, parent, {name: f"{slot}.0" for name, slot in slots.items()}, loaded.given)
        self._numbers = count(1)
        self._loras = loaded.loras
        self._reader = loaded.reader
        self._schedulers = schedulers
        room = self._loras.room.slots if self._loras and self._loras.room else 0
        taken = set(slots.values())
        self._free = [slot for slot in range(BASE + 1, room + 1) if slot not in taken]
        self._reading = asyncio.Lock()

    @property
    def spare(self) -> str | None:
        """The mark of a slot that adds nothing yet; None if LoRAs do not come and go."""
        return f"{self._free[-1]}.0" if self._free else None

    async def _load(self, name: str, folder: Path) -> str:
        del name  # a slot needs none
        slot = self._reserved()
        try:
            async with self._reading:  # one at a time: each takes memory
                await asyncio.to_thread(self._read_into, slot, folder)
        except BaseException:
            self._free.append(slot)
            raise
        return f"{slot}.{next(self._numbers)}"

    def _forget(self, mark: str) -> None:
        self._free.insert(0, int(mark.partition(".")[0]))

    def _reserved(self) -> int:
        if not self._free:
            raise LoraRefusedError(
                "all places for LoRAs are taken until answers of unloaded ones have ended; try again soon",
                "loras_full",
                retry_after=ANSWERED_S,
            )
        return self._free.pop()

    def _read_into(self, slot: int, folder: Path) -> None:
        """Read a LoRA, then write it between two steps. Blocks. Raises ConfigError before anything is written."""
        if self._loras is None or self._reader is None:
            raise RuntimeError("no room for LoRAs was made at the start")
        pairs = self._loras.ready(self._reader.read(folder))
        self._write(slot, pairs)

    def _write(self, slot: int, pairs: Mapping[str, Pair]) -> None:
        with ExitStack() as stack:
            for scheduler in self._schedulers():
                stack.enter_context(scheduler.paused())
            if self._loras is not None:
                self._loras.write(slot, pairs)
            for device in range(torch.cuda.device_count()):
                torch.cuda.synchronize(device)  # the threads compute in streams of their own
