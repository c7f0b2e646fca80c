"""Compares weights with the hub's sha256, once: the result is remembered while a file keeps its size and time."""

import hashlib
import re
import time
from pathlib import Path

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.hub import records
from glados_bots.inference.model_files.hub.contents import Files
from glados_bots.processes.progress import progress

SHA256 = re.compile(r"[0-9a-f]{64}")
READ = 2**22


def is_known(hub: str, path: Path, digest: str, since: float) -> bool:
    """Whether this file was found right at or after this time (Unix seconds), and has not changed."""
    found = records.read(_record(hub, digest))
    return found.get("state") == _state(path) and found.get("at", 0) >= since


def remember(hub: str, path: Path, digest: str) -> None:
    """Note that the file has this sha256."""
    records.write(_record(hub, digest), {"state": _state(path), "at": time.time()})


def expected(folder: Path, name: str, files: Files) -> str | None:
    """The hub's sha256 of a file: as listed, or by the blob's name; None if the hub has none, or is not known."""
    listed = files.get(name)
    if listed and listed.sha256:
        return listed.sha256
    blob = (folder / name).resolve().name
    return blob if SHA256.fullmatch(blob) else None


def compare(hub: str, path: Path, digest: str, since: float) -> None:
    """Raise ConfigError if the file's sha256 is another, and delete the file.

    Args:
        hub: the repository ORG/NAME.
        path: the file, in a snapshot.
        digest: the hub's sha256.
        since: a result of that time (Unix seconds) or later holds; an older one is not believed.
    """
    if is_known(hub, path, digest, since):
        return
    if sha256(path) != digest:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise ConfigError(f"{path}: its sha256 is not the hub's; the file was deleted, fetch it again")
    remember(hub, path, digest)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file, progress(f"sha256 of {path.name}", path.stat().st_size, "B") as advance:
        while chunk := file.read(READ):
            digest.update(chunk)
            advance(len(chunk))
    return digest.hexdigest()


def _record(hub: str, digest: str) -> Path:
    return records.path_of(hub, f"checked/{digest}")


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]
