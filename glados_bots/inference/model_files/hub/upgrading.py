"""Finds out what a newer commit of a card's base would change, and moves the pin to it."""

from dataclasses import dataclass

from huggingface_hub.errors import RevisionNotFoundError

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hub import asking, contents, pins
from glados_bots.inference.model_files.hub.asking import Commit


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A newer commit.

    Attributes:
        old: the commit that this machine serves; None if there is none.
        card: the card at the newer commit.
        commits: what happened since, newest first.
        changed: needed files that are new or differ.
        size: the bytes to fetch.
    """

    old: str | None
    new: str
    card: Card
    commits: list[Commit]
    changed: list[str]
    size: int


def find(card: Card, token: str | None) -> Upgrade | None:
    """The newest commit of the card's branch; None if this machine serves it. Raises ConfigError with the remedy."""
    hub = card.base.hub
    if hub is None:
        raise ConfigError(f"{card.name}: its base is {card.base_name}, not on the hub; there is nothing to upgrade")
    with asking.explained(card):
        old, new = pins.known(card), asking.newest(card, token)
        if new == old:
            return None
        needed = _needed(hub, new, token)
        before = _before(hub, old, token)
        return Upgrade(
            old,
            new,
            pins.at(card, new),
            asking.commits_since(card, old, new, token),
            [path for path, listed in needed.items() if before.get(path) != listed],
            contents.bytes_missing(hub, contents.missing(hub, new, needed)),
        )


def take(card: Card, commit: str) -> None:
    """Serve this commit from now on."""
    pins.keep(card, commit)
    pins.write_reference(card, commit)


def _before(hub: str, commit: str | None, token: str | None) -> contents.Files:
    try:
        return _needed(hub, commit, token) if commit else {}
    except RevisionNotFoundError:  # the hub dropped it
        return {}


def _needed(hub: str, commit: str, token: str | None) -> contents.Files:
    files = asking.files_of(hub, commit, token)
    return contents.needed(files, pickled=contents.has_only_pickles(files))
