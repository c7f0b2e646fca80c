"""The files of a commit: which are needed, and which are here. Without the network and without the hub's library."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path

from glados_bots.inference.model_files.hub import cache, records

TEXTS = ("*.json", "*.model", "*.txt", "*.jinja")
SAFE = "*.safetensors"
PICKLED = "*.bin"
MODULES = "[0-9]*_*"  # folders of the modules after an embedding model's weights, as sentence-transformers names them
COPY = "consolidated"  # how Mistral names the weights for its own programs


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the hub lists it."""

    size: int  # bytes
    sha256: str | None = None  # None for small files, which the hub stores in git
    git: str | None = None  # git's name of the contents; of a file with sha256, of what points to it


Files = Mapping[str, Listed]


def recorded(hub: str, commit: str) -> Files | None:
    """The commit's files, as the hub listed them once; None if it was never asked."""
    try:
        return {path: Listed(**listed) for path, listed in records.read(records.path_of(hub, commit))["files"].items()}
    except (KeyError, TypeError, AttributeError):
        return None


def record(hub: str, commit: str, files: Files) -> None:
    """Remember the commit's files, which never change."""
    listed = {path: asdict(file) for path, file in files.items()}
    records.write(records.path_of(hub, commit), {"files": listed})


def needed(files: Files, *, pickled: bool = False) -> Files:
    """The files that GLaDOS reads.

    Weights in folders other than MODULES, and those named COPY, are copies for other programs: they are left out
    where the repository has weights of its own.
    """
    weights = [path for path in files if fnmatch(path, PICKLED if pickled else SAFE)]
    own = [path for path in weights if _is_own(path)]
    texts = [path for path in files if any(fnmatch(path, pattern) for pattern in TEXTS)]
    if own:
        texts = [path for path in texts if not path.startswith(COPY)]
    return {path: files[path] for path in sorted({*(own or weights), *texts})}


def _is_own(path: str) -> bool:
    return fnmatch(path, f"{MODULES}/*") or ("/" not in path and not path.startswith(COPY))


def has_only_pickles(files: Files) -> bool:
    """Whether the repository has its weights only as pickles."""
    return any(fnmatch(path, PICKLED) for path in files) and not any(fnmatch(path, SAFE) for path in files)


def is_whole(path: Path, listed: Listed) -> bool:
    """Whether the file has its full size."""
    return path.is_file() and path.stat().st_size == listed.size


def missing(hub: str, commit: str, files: Files) -> Files:
    """Those of the files that the commit's snapshot does not have in full size."""
    folder = cache.snapshot(hub, commit)
    return {path: listed for path, listed in files.items() if not is_whole(folder / path, listed)}


def bytes_missing(hub: str, missing: Files) -> int:
    """The bytes that the network must bring for these files; files that are alike come once."""
    different = {listed.sha256 or path: listed for path, listed in missing.items()}
    return sum(listed.size - bytes_here(hub, listed) for listed in different.values())


def bytes_here(hub: str, listed: Listed) -> int:
    """How much of a missing file the cache holds already: a whole blob, or its beginning."""
    name = listed.sha256 or listed.git
    for path in (cache.blob(hub, name), cache.part(hub, name)) if name else ():
        if path.is_file():
            return min(path.stat().st_size, listed.size)
    return 0


def told(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"  # noqa: PLR2004 - a GB


def looks_whole(folder: Path) -> bool:
    """Whether a snapshot of unknown contents has weights, and all those that its index names."""
    weights = [path for path in (*folder.glob(SAFE), *folder.glob(PICKLED)) if path.is_file()]
    return bool(weights) and all((folder / name).is_file() for name in _indexed(folder))


def _indexed(folder: Path) -> set[str]:
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        return {str(name) for name in index["weight_map"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
