"""What a LoRA's config may ask for. These checks run before peft reads the config, and before any weights are read.

peft treats many of the config's strings as regular expressions, and some fields make it do work when it loads.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from glados_bots.errors import ConfigError

MOST_RANK = 1024
MOST_ALPHA = 1e6
MOST_NAMES = 100_000
ALL_LINEAR = "all-linear"
NAME = re.compile(r"\^?[\w.-]{1,500}\$?")  # name of a module or its end; a dot that matches any character is harmless
# Fields with one name or a list. One string in `target_modules` or `exclude_modules` is an expression; see `targets`.
NAMED = ("target_modules", "exclude_modules", "modules_to_save", "layers_pattern", "target_parameters")
TABLES = {"rank_pattern": MOST_RANK, "alpha_pattern": MOST_ALPHA}
BEGINNINGS = (None, True, False, "gaussian", "eva", "orthogonal")  # other values compute with the base's weights
NEVER = ("megatron_config", "loftq_config", "corda_config", "lora_ga_config", "layer_replication", "auto_map")


def require_bounded(path: Path, config: Mapping[str, Any]) -> None:
    """Raise ConfigError with the field if a LoRA's config asks for endless work, too much memory, or its own code."""
    _number(path, "r", config.get("r"), MOST_RANK)
    _number(path, "lora_alpha", config.get("lora_alpha"), MOST_ALPHA)
    for field, most in TABLES.items():
        table = config.get(field) or {}
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {field} must be a table of numbers; correct it")
        _names(path, field, table)
        for value in table.values():
            _number(path, field, value, most)
    for field in NAMED:
        value = config.get(field)
        alone = isinstance(value, str)
        if value and not (alone and field in {"target_modules", "exclude_modules"}):
            _names(path, field, [value] if alone else value)
    if config.get("init_lora_weights") not in BEGINNINGS:
        raise ConfigError(f"{path}: init_lora_weights changes the base; save this LoRA as a plain LoRA")
    for field in NEVER:
        if config.get(field):
            raise ConfigError(f"{path}: GLaDOS never uses {field}; save this LoRA as a plain LoRA")


def targets(named: Any, tensors: Iterable[str]) -> Any:
    """The modules that a LoRA changes: as listed in the config, or, if that is an expression, all that have weights.

    Args:
        named: `target_modules` of the config.
        tensors: names of the tensors in its file, such as `base_model.model.layers.0.dense.lora_A.weight`.
    """
    if not isinstance(named, str) or named == ALL_LINEAR:
        return named
    return sorted({name.removeprefix("base_model.model.").partition(".lora_")[0] for name in tensors})


def _number(path: Path, field: str, value: Any, most: float) -> None:
    if value is None:  # peft has a default
        return
    whole = most == MOST_RANK
    least = 1 if whole else -most
    right = isinstance(value, int if whole else int | float) and not isinstance(value, bool) and least <= value <= most
    if not right:
        kind = f"a {'whole ' if whole else ''}number from {least:g} to {most:g}"
        raise ConfigError(f"{path}: {field} must be {kind}, not {str(value)[:50]!r}; correct it")


def _names(path: Path, field: str, names: Any) -> None:
    if not isinstance(names, list | dict) or len(names) > MOST_NAMES:
        raise ConfigError(f"{path}: {field} must be a list of names; correct it")
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ConfigError(f"{path}: {field} holds {str(name)[:50]!r}, which is not a module's name; list names")
