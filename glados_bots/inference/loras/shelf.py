"""The LoRAs that an engine serves by name, and how they come and go: vLLM's rules, for every engine.

One name changes at a time: a second load of a name waits for the first, and an unload waits for a load. What is half
done is never served: a name is there when its LoRA is whole, and the old LoRA of a name stays until then.

A request holds the LoRA that its name meant when it came, until its answer has ended. So an unloaded LoRA leaves the
engine only when its last answer has ended. Each load has a mark that never comes back: no page of a prefix cache that
one LoRA wrote is ever found by another with the same name or in the same place.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from glados_bots.errors import ConfigError, LoraRefusedError, ModelNotServedError
from glados_bots.inference.engine import EngineOptions, ServedLora
from glados_bots.inference.loras import places
from glados_bots.inference.model_files.cards import NAME
from glados_bots.inference.model_files.loras import rank_of, require_lora

log = logging.getLogger(__name__)

OFF = "LoRAs come and go only where GLADOS_MAX_LORAS is above 0; set it, and start the service again"


@dataclass(slots=True, eq=False)
class Place:
    """A loaded LoRA, or the base."""

    mark: str  # the engine's own name for it
    users: int = 0  # requests that need it
    named: bool = True  # whether new requests can ask for it


class LoraShelf(ABC):
    """Names and LoRAs of one engine. All methods run in the event loop.

    Args:
        options: what may be loaded.
        base: the hub id of the base, if it has one.
        parent: the model name of the base.
        marks: all model names with their marks, the default first.
        given: the LoRAs from the start, by name. That of the default model stays.
    """

    def __init__(
        self, options: EngineOptions, base: str | None, parent: str, marks: Mapping[str, str], given: Mapping[str, Path]
    ) -> None:
        self._options = options
        self._base = base
        self._parent = parent
        self._places = {name: Place(mark) for name, mark in marks.items()}
        default = next(iter(marks))
        self.served = {name: ServedLora(folder.name, parent) for name, folder in given.items() if name != default}
        self._fixed = marks.keys() - self.served.keys()
        self._loading: set[str] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def names(self) -> tuple[str, ...]:
        """All model names, the default first."""
        return tuple(self._places)

    @contextmanager
    def held(self, model: str) -> Iterator[str]:
        """Keep a model loaded. Gives its mark.

        Args:
            model: its name; empty: the default.

        Raises:
            ModelNotServedError: it is not loaded any more.
        """
        place = self._places.get(model or next(iter(self._places)))
        if place is None:
            raise ModelNotServedError(model)
        place.users += 1
        try:
            yield place.mark
        finally:
            place.users -= 1
            self._forget_if_left(place)

    async def load(self, name: str, path: str, *, in_place: bool) -> None:
        """Serve the LoRA in a folder or on the hub under a name.

        Raises:
            LoraRefusedError: the name, the path, the files or the number of LoRAs forbids it. Nothing has changed.
        """
        self._require_name(name)
        async with self._changing(name):
            self._require_room(name, in_place=in_place)
            self._loading.add(name)
            try:
                folder = await asyncio.to_thread(self._checked, path)
                mark = await self._load(name, folder)
                self._leave(name)
                self._places[name] = Place(mark)
                self.served[name] = ServedLora(places.shown(folder, self._options.loras_dir, path), self._parent)
            except ConfigError as error:
                raise LoraRefusedError(str(error)) from error
            except MemoryError as error:
                raise LoraRefusedError(
                    "there is too little memory to read this LoRA; free some, and try again"
                ) from error
            finally:
                self._loading.discard(name)
        log.info("loaded the LoRA %s from %s", name, folder)

    async def unload(self, name: str) -> None:
        """Refuse new requests for the name. Those that were accepted are answered in full.

        Raises:
            LoraRefusedError: no LoRA has this name, or it is the default model.
        """
        self._require_name(name)
        async with self._changing(name):
            if name not in self.served:
                raise LoraRefusedError(f"The lora adapter {name!r} cannot be found.", "lora_not_found")
            self._leave(name)
            del self.served[name]
        log.info("unloaded the LoRA %s", name)

    @abstractmethod
    async def _load(self, name: str, folder: Path) -> str:
        """Bring a LoRA into the engine. Its folder is checked, its weights are not. Gives its mark.

        Raises:
            ConfigError, LoraRefusedError: it cannot be used, or not now.
        """

    @abstractmethod
    def _forget(self, mark: str) -> None:
        """Take a LoRA out of the engine that no request uses, and none will."""

    def _leave(self, name: str) -> None:
        """Take the name off its LoRA, if it has one."""
        place = self._places.pop(name, None)
        if place is not None:
            place.named = False
            self._forget_if_left(place)

    def _forget_if_left(self, place: Place) -> None:
        if not place.named and not place.users:
            self._forget(place.mark)

    def _checked(self, path: str) -> Path:
        most = self._options.max_lora_rank
        folder = places.folder_of(path, self._options.loras_dir, self._options.hf_token)
        require_lora(folder, self._base)
        if (rank := rank_of(folder)) > most:
            raise ConfigError(
                f"{folder}: LoRA rank {rank} is greater than GLADOS_MAX_LORA_RANK={most}; "
                "raise that setting, or use a LoRA of a smaller rank"
            )
        return folder

    def _require_name(self, name: str) -> None:
        if self._options.max_loras == 0:
            raise LoraRefusedError(OFF, "lora_loading_off")
        if not NAME.fullmatch(name):
            raise LoraRefusedError(
                f"lora_name {name[:100]!r}: a name has 1 to 64 letters, digits and . _ -; choose another name"
            )
        if name in self._fixed:
            raise LoraRefusedError(f"lora_name {name!r} is the name of a served base model; choose another name")

    def _require_room(self, name: str, *, in_place: bool) -> None:
        if name in self.served and not in_place:
            raise LoraRefusedError(
                f"The lora adapter {name!r} has already been loaded. If you want to load the adapter in place, "
                "set 'load_inplace' to True."
            )
        if len({*self.served, *self._loading, name}) > self._options.max_loras:
            raise LoraRefusedError(
                f"{self._options.max_loras} LoRAs are loaded, as many as GLADOS_MAX_LORAS allows; unload one first",
                "loras_full",
            )

    @asynccontextmanager
    async def _changing(self, name: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            yield
