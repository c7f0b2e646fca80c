"""Asks the hub, and tells its refusals as errors with the remedy."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from httpx2 import HTTPError  # the hub library's HTTP client; its errors pass through the library
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from glados_bots.errors import ConfigError, first_line
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hub import cache, contents, pins
from glados_bots.inference.model_files.hub.checking import SHA256
from glados_bots.inference.model_files.hub.contents import Files, Listed, told

UNREACHABLE = (HfHubHTTPError, HTTPError, OfflineModeIsEnabled, OSError)
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PROBE_S = 10.0


@dataclass(frozen=True, slots=True)
class Commit:
    """One change of a repository."""

    id: str
    at: datetime
    title: str  # its author's words


def commit_of(card: Card, token: str | None) -> str:
    """The commit to serve: the pinned one, that of the weights which are here, or the newest that the hub has."""
    known = pins.known(card)
    if known and (pins.is_fixed(card) or contents.looks_whole(cache.snapshot(str(card.base.hub), known))):
        return known
    return newest(card, token)


def newest(card: Card, token: str | None) -> str:
    """The newest commit of the card's branch; remembers its files."""
    hub = str(card.base.hub)
    commit, files = _ask(hub, pins.branch(card), token)
    contents.record(hub, commit, files)
    return commit


def files_of(hub: str, commit: str, token: str | None) -> Files:
    """The files of a commit: from the record, or from the hub."""
    known = contents.recorded(hub, commit)
    if known is not None:
        return known
    _, files = _ask(hub, commit, token)
    contents.record(hub, commit, files)
    return files


def commits_since(card: Card, old: str | None, new: str, token: str | None) -> list[Commit]:
    """The commits after the old one, newest first; all if the old one is not among them."""
    found = []
    for commit in HfApi().list_repo_commits(str(card.base.hub), revision=new, token=token):
        if commit.commit_id == old:
            break
        found.append(Commit(commit.commit_id, commit.created_at, commit.title))
    return found


def _ask(hub: str, revision: str, token: str | None) -> tuple[str, Files]:
    info = HfApi().model_info(hub, revision=revision, token=token, files_metadata=True, timeout=PROBE_S)
    commit = str(info.sha)
    if not pins.COMMIT.fullmatch(commit):  # it becomes the name of a folder
        raise ConfigError(f"{hub}: the hub answered with no commit for {revision}; check HF_ENDPOINT")
    files = {
        file.rfilename: Listed(int(file.size or 0), _sha256(hub, file), file.blob_id)
        for file in info.siblings or ()
        if _is_inside(file.rfilename)
    }
    return commit, files


def _sha256(hub: str, file: Any) -> str | None:
    """The file's sha256, which names the file in the cache; None for a small file."""
    found = file.lfs.sha256 if file.lfs else None
    if found and not SHA256.fullmatch(found):
        raise ConfigError(f"{hub}: the hub lists no sha256 for {file.rfilename}; check HF_ENDPOINT")
    return found


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/")


@contextmanager
def explained(card: Card) -> Iterator[None]:
    """Convert the hub's and the disk's errors to ConfigError, each with its remedy."""
    hub = card.base.hub
    try:
        yield
    except GatedRepoError as error:
        raise ConfigError(
            f"{hub} is gated: sign in at https://huggingface.co/{hub} and accept its licence, create a token with read "
            "access at https://huggingface.co/settings/tokens, and pass it with --token or GLADOS_HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise _no_revision(card) from error
    except RepositoryNotFoundError as error:
        raise ConfigError(f"{hub}: the hub has no such model, or the model is private and needs --token") from error
    except (LocalEntryNotFoundError, EntryNotFoundError, HfHubHTTPError, HTTPError, OSError) as error:
        raise _unfetched(str(hub), error) from error


def _no_revision(card: Card) -> ConfigError:
    if pinned := pins.pin(card):
        return ConfigError(
            f"{card.base.hub} has no commit {pinned} any more, which this machine serves; "
            f"`glados models upgrade {card.name}` takes the newest"
        )
    return ConfigError(f"{card.base.hub} has no revision {card.base.revision}; correct it in the card")


def _unfetched(hub: str, error: Exception) -> ConfigError:
    place = cache.root()
    if getattr(error, "errno", None) in FULL:
        return ConfigError(
            f"{hub}: the disk of {place} is full ({told(shutil.disk_usage(place).free)} are free); free some "
            "space, or set HF_HOME to a larger disk, and call `glados models pull` again: what is here is kept"
        )
    if isinstance(error, PermissionError):
        return ConfigError(
            f"{error.filename or place}: cannot write here ({error.strerror}); set HF_HOME to your folder"
        )
    return ConfigError(
        f"{hub} cannot be fetched ({first_line(error)}); check the network and HF_HUB_OFFLINE, "
        "or put its files into a folder and pass that to --model; a later call continues the download"
    )
