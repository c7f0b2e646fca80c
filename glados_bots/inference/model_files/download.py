"""Fetch from the Hugging Face hub: resumable, with progress, each file's sha256 compared with the hub's.

Everything is done by huggingface_hub, which keeps files in HF_HOME and takes up a broken download where it ended.
HF_HUB_OFFLINE=1 never asks the network: what is here is used, what is not is an error that says so.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from httpx2 import HTTPError  # the hub library's client, whose errors it lets through
from huggingface_hub import HfApi, hf_hub_download, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from glados_bots.errors import ConfigError, first_line
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import require_closed
from glados_bots.processes.bars import hub_bars
from glados_bots.processes.progress import progress

log = logging.getLogger(__name__)

TEXTS = ["*.json", "*.model", "*.txt", "*.jinja"]
SAFE = "*.safetensors"
PICKLED = "*.bin"
CHUNK = 2**22
PROBE_S = 5.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file of weights that is here."""

    name: str
    size: int
    sha256: str
    expected: str | None  # the hub's sha256, None where it does not say (offline)


def snapshot(card: Card, token: str | None, *, pickled: bool = False) -> Path:
    """The folder of the base's files, fetched where they are not here. Raises ConfigError with the remedy."""
    log.info("fetching %s (what is here already is not fetched again)", card.base.hub)
    with _explained(card), hub_bars(f"fetching {card.base.hub}") as bars:
        return Path(
            snapshot_download(
                str(card.base.hub),
                revision=card.base.revision,
                token=token,
                allow_patterns=[*TEXTS, PICKLED if pickled else SAFE],
                tqdm_class=bars,
            )
        )


def config_of(card: Card, token: str | None) -> Path:
    """The base's config.json alone: a few kilobytes. Raises ConfigError with the remedy."""
    hub, revision = str(card.base.hub), card.base.revision
    cached = try_to_load_from_cache(hub, "config.json", revision=revision)
    if isinstance(cached, str):
        return Path(cached)
    with _explained(card):
        HfApi().model_info(
            hub, revision=revision, token=token, timeout=PROBE_S
        )  # downloads ask again for half a minute
        return Path(hf_hub_download(hub, "config.json", revision=revision, token=token))


def has_only_pickles(card: Card, token: str | None) -> bool:
    """Whether the hub offers the base's weights as pickles only. False where the hub cannot be asked."""
    names = _listing(card, token)
    return any(name.endswith(".bin") for name in names) and not any(name.endswith(".safetensors") for name in names)


def verify(card: Card, folder: Path, token: str | None) -> Iterator[Fetched]:
    """Hash each file of weights, one after the other. Raises ConfigError when one is not what the hub has."""
    require_closed(folder)
    expected = _listing(card, token) if card.base.hub else {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".safetensors", ".bin", ".gguf"}):
        name = path.relative_to(folder).as_posix()
        fetched = Fetched(name, path.stat().st_size, sha256(path), expected.get(name))
        if fetched.expected and fetched.expected != fetched.sha256:
            path.resolve().unlink()
            raise ConfigError(f"{path}: its sha256 is not the hub's; the file was removed, fetch it again")
        yield fetched


def revision_of(folder: Path) -> str | None:
    """The commit a snapshot is of: the name of its folder in the hub's cache."""
    return folder.name if folder.parent.name == "snapshots" else None


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file, progress(f"sha256 of {path.name}", path.stat().st_size, "B") as advance:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            advance(len(chunk))
    return digest.hexdigest()


def _listing(card: Card, token: str | None) -> dict[str, str | None]:
    """The repository's files and their sha256 where the hub knows it; empty where it cannot be asked."""
    try:
        info = HfApi().model_info(str(card.base.hub), revision=card.base.revision, token=token, files_metadata=True)
    except (HfHubHTTPError, HTTPError, OfflineModeIsEnabled, OSError):
        return {}
    return {file.rfilename: file.lfs.sha256 if file.lfs else None for file in info.siblings or ()}


@contextmanager
def _explained(card: Card) -> Iterator[None]:
    """The hub's errors as ours, each with its remedy."""
    hub = card.base.hub
    try:
        yield
    except GatedRepoError as error:
        raise ConfigError(
            f"{hub} is gated: sign in at https://huggingface.co/{hub} and accept its licence, make a token with read "
            "access at https://huggingface.co/settings/tokens, and give it with --token or GLADOS_HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise ConfigError(f"{hub} has no revision {card.base.revision}; correct it in the card") from error
    except RepositoryNotFoundError as error:
        raise ConfigError(f"{hub}: there is no such model at the hub, or it is private and needs a --token") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, HTTPError, OSError) as error:
        raise ConfigError(
            f"{hub} cannot be fetched ({first_line(error)}); check the network and HF_HUB_OFFLINE, "
            "or put its files into a folder and give that to --model"
        ) from error
