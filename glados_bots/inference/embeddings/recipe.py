"""How a model's states become a vector: from its card, and from the modules that sentence-transformers has stored.

Files: `modules.json` lists the modules, `1_Pooling/config.json` and the like describe them,
`config_sentence_transformers.json` has the prefixes. The names of Python classes in these files are compared, never
imported.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card, Embedding
from glados_bots.inference.model_files.folder_checks import read_json

Pooling = Literal["cls", "lasttoken", "mean"]
InputType = Literal["query", "document"]
OLD_NAMES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "lasttoken",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
}
QUERY_NAMES = ("query", "search_query", "retrieval.query", "Retrieval-query")  # of the prefix for queries
DOCUMENT_NAMES = ("document", "passage", "search_document", "retrieval.passage", "Retrieval-document")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What follows the model's last layer."""

    pooling: Pooling
    dense: tuple[Path, ...]  # folders of linear layers after the pooling, in order
    normalised: bool
    window: int | None  # most tokens of a text; None: the files do not say
    prefixes: Mapping[InputType | None, str]  # before a text; None: before one of no type


def recipe_of(card: Card, folder: Path) -> Recipe:
    """What the card says, and for the rest what the files say.

    Raises:
        ConfigError: neither says how, or the files name a module that GLaDOS does not compute.
    """
    told = card.embedding or Embedding(dimensions=1)
    pooling, normalised = told.pooling, told.normalised
    dense: tuple[Path, ...] = ()
    modules = list(_modules(folder))
    if modules:
        found, dense, last = _steps(card, folder, modules)
        pooling = pooling or found
        normalised = last if normalised is None else normalised
    if pooling is None:
        raise ConfigError(
            f"{card.name}: no modules.json says how to make a vector of its states; choose a model of "
            "sentence-transformers, or write pooling into [embedding] of its card"
        )
    return Recipe(pooling, dense, normalised is not False, _window(card, folder), _prefixes(told, folder))


def _window(card: Card, folder: Path) -> int | None:
    """Most tokens of a text; None if the files do not say it."""
    config = read_json(folder / "sentence_bert_config.json")
    task, window = config.get("transformer_task", "feature-extraction"), config.get("max_seq_length")
    if task != "feature-extraction":
        raise ConfigError(f"{card.name}: its task is {str(task)[:100]}, not to make vectors; choose another model")
    return window if isinstance(window, int) and window > 0 else None


def _modules(folder: Path) -> Iterator[tuple[str, str]]:
    """(the name of the class without its package, the folder) of each module in order; none without modules.json."""
    path = folder / "modules.json"
    if not path.is_file():
        return
    try:
        entries: list[Any] = json.loads(path.read_text(encoding="utf-8"))
        for entry in sorted(entries, key=lambda each: int(each["idx"])):
            yield str(entry["type"]).rpartition(".")[2], str(entry["path"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot read this list of modules ({error}); fetch it again") from error


def _steps(card: Card, folder: Path, modules: list[tuple[str, str]]) -> tuple[Pooling, tuple[Path, ...], bool]:
    """(the pooling, the linear layers, whether vectors are normalised at the end)."""
    kinds = [kind for kind, _ in modules]
    dense = kinds.count("Dense")
    expected = ["Transformer", "Pooling", *["Dense"] * dense]
    if kinds not in (expected, [*expected, "Normalize"]):
        raise ConfigError(
            f"{card.name}: its modules are {', '.join(kinds)[:200]}, and GLaDOS computes Transformer, Pooling, Dense, "
            "Normalize in this order; choose another model"
        )
    if modules[0][1] not in {"", "."}:
        raise ConfigError(f"{card.name}: its weights are in the folder {modules[0][1][:100]}; put them at the top")
    places = [_below(folder, path) for _, path in modules[1:]]
    return _pooling(places[0] / "config.json"), tuple(places[1 : 1 + dense]), kinds[-1] == "Normalize"


def _below(folder: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ConfigError(f"{folder / 'modules.json'}: {name!r} leads out of the folder; choose another model")
    return folder / path


def _pooling(path: Path) -> Pooling:
    """The one way that the file names. Raises ConfigError if it names several, or one that GLaDOS does not compute."""
    config = read_json(path)
    named: Any = config.get("pooling_mode")
    if named is None:
        named = [name for key, name in OLD_NAMES.items() if config.get(key)]
    if config.get("include_prompt") is False:
        raise ConfigError(f"{path}: leaves the prefix out of the mean, which GLaDOS does not; choose another model")
    names = named if isinstance(named, list) else [named]
    known: tuple[Pooling, ...] = get_args(Pooling)
    for pooling in known:
        if names == [pooling]:
            return pooling
    told = ", ".join(map(str, names))[:200] or "nothing"
    raise ConfigError(f"{path}: pools by {told}, and GLaDOS by one of cls, lasttoken and mean; choose another model")


def _prefixes(told: Embedding, folder: Path) -> dict[InputType | None, str]:
    """The card's prefixes, or those of the files."""
    config = read_json(folder / "config_sentence_transformers.json")
    prompts = config.get("prompts")
    prompts = prompts if isinstance(prompts, dict) else {}

    def found(*names: str) -> str:
        return next((text for name in names if isinstance(text := prompts.get(name), str)), "")

    query, document = told.query_prefix, told.document_prefix
    return {
        None: found(str(config.get("default_prompt_name"))),
        "query": found(*QUERY_NAMES) if query is None else query,
        "document": found(*DOCUMENT_NAMES) if document is None else document,
    }
