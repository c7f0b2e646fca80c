"""Downloads from the Hugging Face hub: resumable, with progress, of a pinned commit; each file's sha256 is compared.

Files are in HF_HOME, as huggingface_hub stores them. If all are here, nothing uses the network. With HF_HUB_OFFLINE=1,
files that are not on this machine cause an error that says so.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache

from glados_bots.errors import first_line
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import require_closed
from glados_bots.inference.model_files.hub import asking, cache, checking, contents, fetching, pins

log = logging.getLogger(__name__)

PROBE_S = 5.0
WEIGHTS = {".safetensors", ".bin", ".gguf"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file of weights on this machine."""

    name: str
    size: int
    sha256: str
    expected: str | None  # the hub's sha256; None if it is not known


def snapshot(card: Card, token: str | None, *, pickled: bool = False) -> Path:
    """The folder of the base's files at the pinned commit; fetches missing files, and pins the commit of a first fetch.

    A file that was never compared with the hub's sha256 is compared now.

    Raises:
        ConfigError: with the remedy. A file that differs from the hub's is deleted.
    """
    with asking.explained(card):
        folder = _complete(card, token, pickled=pickled)
        for path, _, expected in _weights(card, folder):
            if expected:
                checking.compare(str(card.base.hub), path, expected, since=0)
        pins.keep(card, folder.name)
        pins.write_reference(card, folder.name)
    return folder


def _complete(card: Card, token: str | None, *, pickled: bool) -> Path:
    hub = str(card.base.hub)
    try:
        commit = asking.commit_of(card, token)
        files = asking.files_of(hub, commit, token)
    except asking.UNREACHABLE as error:
        return _without_hub(card, error)
    pins.keep(card, commit)  # first of all: the next call continues with the same commit
    return fetching.complete(hub, commit, contents.needed(files, pickled=pickled), token)


def _without_hub(card: Card, error: Exception) -> Path:
    """The snapshot as it is here, if it looks whole; else raises the hub's error."""
    commit = pins.known(card)
    folder = cache.snapshot(str(card.base.hub), commit) if commit else None
    if folder is None or not contents.looks_whole(folder):
        raise error
    log.warning("%s: the hub did not answer (%s); taking the files that are here", card.base.hub, first_line(error))
    return folder


def config_of(card: Card, token: str | None) -> Path:
    """Only the base's config.json, a few kilobytes. Raises ConfigError with the remedy."""
    hub, revision = str(card.base.hub), pins.known(card) or card.base.revision
    cached = try_to_load_from_cache(hub, "config.json", revision=revision, cache_dir=cache.root())
    if isinstance(cached, str):
        return Path(cached)
    with asking.explained(card):
        HfApi().model_info(
            hub, revision=revision, token=token, timeout=PROBE_S
        )  # fails quickly; a download would retry for half a minute
        return Path(hf_hub_download(hub, "config.json", revision=revision, token=token, cache_dir=cache.root()))


def has_only_pickles(card: Card, token: str | None) -> bool:
    """Whether the hub has the base's weights only as pickles. False if the hub is not reachable."""
    try:
        return contents.has_only_pickles(asking.files_of(str(card.base.hub), asking.commit_of(card, token), token))
    except asking.UNREACHABLE:
        return False


def verify(card: Card, folder: Path, since: float = 0) -> Iterator[Fetched]:
    """The files of weights, each compared with the hub's. Raises ConfigError if one differs; the file is deleted.

    Args:
        card: the folder's card.
        folder: a snapshot, or another folder of weights, which is hashed and compared with nothing.
        since: files of the hub that were compared at or after this time (Unix seconds) are not hashed again.
    """
    for path, name, expected in _weights(card, folder):
        if expected:
            checking.compare(str(card.base.hub), path, expected, since)
        yield Fetched(name, path.stat().st_size, expected or checking.sha256(path), expected)


def revision_of(folder: Path) -> str | None:
    """The commit of a snapshot, which is the name of its folder in the hub's cache; None for other folders."""
    return folder.name if folder.parent.name == "snapshots" else None


def _weights(card: Card, folder: Path) -> Iterator[tuple[Path, str, str | None]]:
    """(path, name in the folder, the hub's sha256 if it is known) of each file of weights."""
    require_closed(folder)
    hub, commit = card.base.hub, revision_of(folder)
    files = (contents.recorded(hub, commit) or {}) if hub and commit else {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in WEIGHTS and path.is_file()):
        name = path.relative_to(folder).as_posix()
        yield path, name, checking.expected(folder, name, files) if hub else None
