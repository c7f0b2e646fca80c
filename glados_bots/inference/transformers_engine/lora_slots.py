"""Which LoRA has which slot of `MultiLora`, and who uses it. A slot is written only while no request uses it.

A request holds the LoRA that its name meant when it came, until its answer has ended. An unloaded LoRA keeps its slot
that long. There is one slot more than names: so a LoRA can be loaded in place of another that still answers.

Each load has a number that never comes back. It is in the id of each request, and so in its domain: pages of the prefix
cache that a LoRA wrote are never found by the next LoRA in its slot.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch

from glados_bots.errors import LoraRefusedError, ModelNotServedError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.loras.shelf import LoraShelf
from glados_bots.inference.transformers_engine.loading import Loaded
from glados_bots.inference.transformers_engine.multi_lora import BASE, Pair
from glados_bots.inference.transformers_engine.scheduler import Scheduler

ANSWERED_S = 10.0  # time after which a running answer has probably ended


@dataclass(slots=True, eq=False)
class Place:
    """A loaded LoRA, or the base."""

    slot: int
    number: int  # of its load
    users: int = 0  # requests that need it
    named: bool = True  # whether new requests can ask for it

    @property
    def mark(self) -> str:
        """For `multi_lora.tag`."""
        return f"{self.slot}.{self.number}"


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
        default = next(iter(slots))
        parent = next((name for name, slot in slots.items() if slot == BASE), default)
        given = {name: folder for name, folder in loaded.given.items() if name != default}
        super().__init__(options, base, parent, slots.keys() - given.keys(), given)
        self._numbers = count(1)
        self._places = {name: Place(slot, next(self._numbers)) for name, slot in slots.items()}
        self._loras = loaded.loras
        self._reader = loaded.reader
        self._schedulers = schedulers
        room = self._loras.room.slots if self._loras and self._loras.room else 0
        taken = set(slots.values())
        self._free = [slot for slot in range(BASE + 1, room + 1) if slot not in taken]
        self._reading = asyncio.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._places)

    @property
    def spare(self) -> str | None:
        """The mark of a slot that adds nothing yet; None if LoRAs do not come and go."""
        return f"{self._free[-1]}.0" if self._free else None

    @contextmanager
    def held(self, model: str) -> Iterator[str]:
        """Keep a model's LoRA loaded. Gives its mark. Args: model: its name; empty: the default."""
        place = self._places.get(model or next(iter(self._places)))
        if place is None:
            raise ModelNotServedError(model)
        place.users += 1
        try:
            yield place.mark
        finally:
            place.users -= 1
            self._free_if_left(place)

    async def _load(self, name: str, folder: Path) -> None:
        slot = self._reserved()
        try:
            async with self._reading:  # one at a time: each takes memory
                await asyncio.to_thread(self._read_into, slot, folder)
        except BaseException:
            self._free.append(slot)
            raise
        self._leave(name)
        self._places[name] = Place(slot, next(self._numbers))

    async def _unload(self, name: str) -> None:
        self._leave(name)

    def _reserved(self) -> int:
        if not self._free:
            raise LoraRefusedError(
                "all places for LoRAs are taken until answers of unloaded ones have ended; try again soon",
                "loras_full",
                retry_after=ANSWERED_S,
            )
        return self._free.pop()

    def _leave(self, name: str) -> None:
        """Take the name off its LoRA, whose slot is free when its last answer has ended."""
        place = self._places.pop(name, None)
        if place is not None:
            place.named = False
            self._free_if_left(place)

    def _free_if_left(self, place: Place) -> None:
        if not place.named and not place.users:
            self._free.insert(0, place.slot)

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
