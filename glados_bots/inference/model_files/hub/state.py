"""How much of a card's base is in the hub's cache. Without the network and without the hub's library."""

from dataclasses import dataclass

from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hub import cache, contents, pins


@dataclass(frozen=True, slots=True)
class State:
    """Bytes here, bytes of all needed files, and whether nothing is missing. 0 bytes if the hub was never asked."""

    here: int = 0
    total: int = 0
    is_whole: bool = False


def of(card: Card) -> State:
    """The state of the commit that is served."""
    hub, commit = str(card.base.hub), pins.known(card)
    if commit is None:
        return State()
    listed = contents.recorded(hub, commit)
    if listed is None:
        return State(is_whole=contents.looks_whole(cache.snapshot(hub, commit)))
    files = contents.needed(listed, pickled=contents.has_only_pickles(listed))
    missing = contents.missing(hub, commit, files)
    total = sum(file.size for file in files.values())
    return State(total - contents.bytes_missing(hub, missing), total, not missing)
