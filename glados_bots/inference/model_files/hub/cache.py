"""Where huggingface_hub stores files, found without the library: repositories with blobs, snapshots and refs.

A blob's name is the file's sha256 if the hub stores the file with LFS, as it does with weights.
"""

import os
from pathlib import Path


def root() -> Path:
    """The folder of all repositories, by the library's own variables."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{caches}/huggingface"
    place = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    return Path(os.path.expandvars(place)).expanduser()


def repository(hub: str) -> Path:
    """The folder of the repository ORG/NAME."""
    return root() / _flat(hub)


def snapshot(hub: str, commit: str) -> Path:
    """The folder of the files of one commit: links to blobs."""
    return repository(hub) / "snapshots" / commit


def blob(hub: str, name: str) -> Path:
    return repository(hub) / "blobs" / name


def part(hub: str, name: str) -> Path:
    """The beginning of a blob that is not whole yet."""
    return repository(hub) / "blobs" / f"{name}.incomplete"


def lock(hub: str, name: str) -> Path:
    """The file that whoever writes this blob locks, the library too."""
    return root() / ".locks" / _flat(hub) / f"{name}.lock"


def reference(hub: str, revision: str) -> str | None:
    """The commit of a branch or tag when it was last fetched; None if unknown."""
    path = _reference(hub, revision)
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def write_reference(hub: str, revision: str, commit: str) -> None:
    if reference(hub, revision) == commit:
        return  # a cache that is whole may be read-only
    path = _reference(hub, revision)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(commit, encoding="utf-8")


def _reference(hub: str, revision: str) -> Path:
    return repository(hub) / "refs" / revision


def _flat(hub: str) -> str:
    return f"models--{hub.replace('/', '--')}"
