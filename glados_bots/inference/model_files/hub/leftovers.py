"""What a repository's cache holds beside the served commit: `glados models remove --old` deletes it."""

from collections.abc import Iterator
from pathlib import Path

from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hub import cache, contents, pins


def of(card: Card) -> list[Path]:
    """The files and folders that belong to other commits alone; none if no commit is served."""
    hub, served = str(card.base.hub), pins.known(card)
    if served is None:
        return []
    snapshots = [path for path in cache.repository(hub).glob("snapshots/*") if path.name != served]
    commits = {path.name for path in snapshots}
    references = [path for path in cache.repository(hub).glob("refs/*") if path.is_file() and _names(path, commits)]
    return [*references, *snapshots, *_blobs_of_others(hub, served)]


def _blobs_of_others(hub: str, served: str) -> Iterator[Path]:
    linked = {path.resolve().name for path in cache.snapshot(hub, served).rglob("*") if path.is_file()}
    listed = {file.sha256 for file in (contents.recorded(hub, served) or {}).values()}
    for path in cache.repository(hub).glob("blobs/*"):
        if path.name.partition(".")[0] not in linked | listed:
            yield path


def _names(reference: Path, commits: set[str]) -> bool:
    return reference.read_text(encoding="utf-8").strip() in commits
