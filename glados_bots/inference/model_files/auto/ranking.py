"""The ranked list of `auto`: models/auto.toml, the best model first, each with the reason for its place."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from glados_bots.inference.model_files.cards import models_folder

Precision = Literal["none", "8bit", "4bit"]
FILE = "auto.toml"


@dataclass(frozen=True, slots=True)
class Entry:
    """A card in one precision, as GLADOS_QUANTIZE names it. `none` is also a checkpoint that is quantised already."""

    card: str
    reason: str
    precision: Precision = "none"

    def __str__(self) -> str:
        return self.card if self.precision == "none" else f"{self.card} in {self.precision}"


@dataclass(frozen=True, slots=True)
class Ranking:
    """The file as data."""

    gpu: tuple[Entry, ...]  # for machines with a GPU
    cpu: tuple[Entry, ...]  # what a machine without one could serve instead of the small model
    sizes: Mapping[str, str]  # GPU memory as `--gpu` takes it -> the entry that it gives; a test holds it


@cache
def ranking() -> Ranking:
    """The list that comes with GLaDOS."""
    data = tomllib.loads((models_folder() / FILE).read_text(encoding="utf-8"))
    return Ranking(_entries(data["gpu"]), _entries(data["cpu"]), data["sizes"])


def _entries(tables: list[dict[str, str]]) -> tuple[Entry, ...]:
    return tuple(Entry(**table) for table in tables)  # type: ignore[arg-type] # a test reads every entry
