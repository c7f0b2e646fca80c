"""Which commit of a repository this machine serves.

The first fetch of a branch or tag pins its commit. A restart serves the same commit, whatever the hub has by then.
`glados models upgrade` moves the pin, that of a card which names a commit too: the pin is for the card's revision.
"""

import re

from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hub import cache, records

COMMIT = re.compile(r"[0-9a-f]{40}")
MAIN = "main"


def revision(card: Card) -> str:
    """What the card asks for: a branch, a tag or a commit."""
    return card.base.revision or MAIN


def branch(card: Card) -> str:
    """Where newer commits are."""
    return MAIN if COMMIT.fullmatch(revision(card)) else revision(card)


def pin(card: Card) -> str | None:
    """The pinned commit; None if the card's revision has no pin. Raises ConfigError if the pins cannot be read."""
    found = records.read_strictly(records.path_of(str(card.base.hub), "pins")).get(revision(card))
    return found if isinstance(found, str) and COMMIT.fullmatch(found) else None


def known(card: Card) -> str | None:
    """The commit to serve: the pin, the commit in the card, or the branch's commit in the hub's cache.

    The cache alone decides where weights were fetched before they were pinned, or where the cache was copied.
    """
    wanted = revision(card)
    found = pin(card) or (wanted if COMMIT.fullmatch(wanted) else cache.reference(str(card.base.hub), wanted))
    return found if found and COMMIT.fullmatch(found) else None


def is_fixed(card: Card) -> bool:
    """Whether a pin or the card itself names the commit."""
    return pin(card) is not None or COMMIT.fullmatch(revision(card)) is not None


def keep(card: Card, commit: str) -> None:
    """Pin this commit for the card's revision."""
    if commit == (pin(card) or card.base.revision):
        return
    path = records.path_of(str(card.base.hub), "pins")
    records.write(path, records.read_strictly(path) | {revision(card): commit})


def write_reference(card: Card, commit: str) -> None:
    """Note the commit in the hub's cache too: a copy of the cache, without our record, then serves the same."""
    if not COMMIT.fullmatch(revision(card)):
        cache.write_reference(str(card.base.hub), revision(card), commit)


def at(card: Card, commit: str) -> Card:
    """The card as if it named this commit."""
    return card.model_copy(update={"base": card.base.model_copy(update={"revision": commit})})
