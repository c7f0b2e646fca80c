"""Downloads from the Hugging Face hub: resumable, with progress; each file's sha256 is compared with the hub's.

huggingface_hub does the work. It stores files in HF_HOME and resumes an interrupted download. With HF_HUB_OFFLINE=1,
nothing uses the network: files that are not on this machine cause an error that says so.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from httpx2 import HTTPError  # the hub library's HTTP client; its errors pass through the library
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
    """A file of weights on this machine."""

    name: str
    size: int
    sha256: str
    expected: str | None  # the hub's sha256; None if the hub does not report one (offline)


def snapshot(card: Card, token: str | None, *, pickled: bool = False) -> Path:
    """The folder of the base's files; fetches missing files. Raises ConfigError with the remedy."""
    log.info("fetching %s (only files that are not on this machine yet)", card.base.hub)
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
    """Only the base's config.json, a few kilobytes. Raises ConfigError with the remedy."""
    hub, revision = str(card.base.hub), card.base.revision
    cached = try_to_load_from_cache(hub, "config.json", revision=revision)
    if isinstance(cached, str):
        return Path(cached)
    with _explained(card):
        HfApi().model_info(
            hub, revision=revision, token=token, timeout=PROBE_S
        )  # fails quickly; a download would retry for half a minute
        return Path(hf_hub_download(hub, "config.json", revision=revision, token=token))


def has_only_pickles(card: Card, token: str | None) -> bool:
    """Whether the hub has the base's weights only as pickles. False if the hub is not reachable."""
    names = _listing(card, token)
    return any(name.endswith(".bin") for name in names) and not any(name.endswith(".safetensors") for name in names)


def verify(card: Card, folder: Path, token: str | None) -> Iterator[Fetched]:
    """Hash each file of weights in turn. Raises ConfigError if one differs from the hub's file."""
    require_closed(folder)
    expected = _listing(card, token) if card.base.hub else {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".safetensors", ".bin", ".gguf"}):
        name = path.relative_to(folder).as_posix()
        fetched = Fetched(name, path.stat().st_size, sha256(path), expected.get(name))
        if fetched.expected and fetched.expected != fetched.sha256:
            path.resolve().unlink()
            raise ConfigError(f"{path}: its sha256 is not the hub's; the file was deleted, fetch it again")
        yield fetched


def revision_of(folder: Path) -> str | None:
    """The commit of a snapshot, which is the name of its folder in the hub's cache; None for other folders."""
    return folder.name if folder.parent.name == "snapshots" else None


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file, progress(f"sha256 of {path.name}", path.stat().st_size, "B") as advance:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            advance(len(chunk))
    return digest.hexdigest()


def _listing(card: Card, token: str | None) -> dict[str, str | None]:
    """The repository's files with their sha256, or None where the hub has none; empty if the hub is not reachable."""
    try:
        info = HfApi().model_info(str(card.base.hub), revision=card.base.revision, token=token, files_metadata=True)
    except (HfHubHTTPError, HTTPError, OfflineModeIsEnabled, OSError):
        return {}
    return {file.rfilename: file.lfs.sha256 if file.lfs else None for file in info.siblings or ()}


@contextmanager
def _explained(card: Card) -> Iterator[None]:
    """Convert the hub's errors to ConfigError, each with its remedy."""
    hub = card.base.hub
    try:
        yield
    except GatedRepoError as error:
        raise ConfigError(
            f"{hub} is gated: sign in at https://huggingface.co/{hub} and accept its licence, create a token with read "
            "access at https://huggingface.co/settings/tokens, and pass it with --token or GLADOS_HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise ConfigError(f"{hub} has no revision {card.base.revision}; correct it in the card") from error
    except RepositoryNotFoundError as error:
        raise ConfigError(f"{hub}: the hub has no such model, or the model is private and needs --token") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, HTTPError, OSError) as error:
        raise ConfigError(
            f"{hub} cannot be fetched ({first_line(error)}); check the network and HF_HUB_OFFLINE, "
            "or put its files into a folder and pass that to --model"
        ) from error
