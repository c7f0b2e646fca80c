"""Brings the missing files of a commit into the hub's cache: weights by our own transfer, the rest by the library."""

import glob
import logging
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout
from huggingface_hub import constants, snapshot_download
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined] # exported lazily

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.hub import cache, contents
from glados_bots.inference.model_files.hub.contents import Files, told
from glados_bots.inference.model_files.hub.transfer import Advance, Blob, StoppedError
from glados_bots.processes.bars import hub_bars
from glados_bots.processes.progress import progress

log = logging.getLogger(__name__)

AT_ONCE = 8  # files, as the library does


def complete(hub: str, commit: str, files: Files, token: str | None) -> Path:
    """The folder of the commit, with all these files in full size.

    Raises:
        ConfigError: the disk has too little room, or a file is not what the hub lists.
        HTTPError, OSError: as of `Blob.fetch`.
    """
    folder = cache.snapshot(hub, commit)
    missing = contents.missing(hub, commit, files)
    if not missing:
        return folder
    if constants.is_offline_mode():
        raise ConfigError(f"{hub}: {_names(missing)} not here in full, and HF_HUB_OFFLINE forbids to fetch them")
    _tell(hub, commit, files, missing)
    _require_room(hub, missing)
    _remove_damaged(folder, missing)
    _fetch_blobs(hub, commit, missing, token)
    with hub_bars(f"fetching {hub}") as bars:
        snapshot_download(
            hub, revision=commit, token=token, cache_dir=cache.root(), tqdm_class=bars,
            allow_patterns=[glob.escape(path) for path in files],
        )  # fmt: skip
    _remove_strays(hub)
    if still := contents.missing(hub, commit, files):
        raise OSError(f"{_names(still)} not what the hub lists")
    return folder


def _names(files: Files) -> str:
    first, *rest = files
    return f"{first} and {len(rest)} more files are" if rest else f"{first} is"


def _tell(hub: str, commit: str, files: Files, missing: Files) -> None:
    total, rest = sum(listed.size for listed in files.values()), contents.bytes_missing(hub, missing)
    log.info(
        "fetching %s at commit %s: %d of %d files, %s (%s of %s are here)",
        hub, commit[:12], len(missing), len(files), told(rest), told(total - rest), told(total),
    )  # fmt: skip


def _require_room(hub: str, missing: Files) -> None:
    place = cache.root()
    place.mkdir(parents=True, exist_ok=True)
    rest, free = contents.bytes_missing(hub, missing), shutil.disk_usage(place).free
    if rest > free:
        raise ConfigError(
            f"{hub}: no room in {place}: {told(rest)} are missing, {told(free)} are free; free some space, "
            "or set HF_HOME to a larger disk"
        )


def _remove_damaged(folder: Path, missing: Files) -> None:
    """Delete files of a wrong size, which the library would take for whole ones."""
    for path, listed in missing.items():
        link = folder / path
        if link.is_file():
            log.warning("%s has %d of %d bytes; fetching it again", link, link.stat().st_size, listed.size)
            link.resolve().unlink()
        link.unlink(missing_ok=True)


def _fetch_blobs(hub: str, commit: str, missing: Files, token: str | None) -> None:
    """Fetch the files with a known sha256. The library fetches those that are too large for plain HTTP."""
    large = {
        path: listed
        for path, listed in missing.items()
        if listed.sha256 and listed.size <= constants.MAX_HTTP_DOWNLOAD_SIZE
    }
    if not large:
        return
    stop = threading.Event()
    with _progress_of_all(f"fetching {hub}", contents.bytes_missing(hub, large)) as advance:
        blobs = {listed.sha256: Blob(hub, commit, path, listed, token, advance, stop) for path, listed in large.items()}
        _run([*blobs.values()], stop)


def _run(blobs: list[Blob], stop: threading.Event) -> None:
    """Fetch several at once. The first failure, or Ctrl-C, stops all."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tasks = [pool.submit(blob.fetch) for blob in blobs]
        try:
            wait(tasks, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()  # all are done, or one failed
            pool.shutdown(cancel_futures=True)
    errors = [task.exception() for task in tasks if not task.cancelled()]
    for error in sorted(filter(None, errors), key=lambda error: isinstance(error, StoppedError)):
        raise error


@contextmanager
def _progress_of_all(what: str, total: int) -> Iterator[Advance]:
    """One `progress` that several threads may advance."""
    lock = threading.Lock()
    with progress(what, total, "B") as advance:

        def advance_alone(count: int) -> None:
            with lock:
                advance(count)

        yield advance_alone


def _remove_strays(hub: str) -> None:
    """Delete the parts that the library left behind when a process was killed: no later call would continue them."""
    for path in (cache.repository(hub) / "blobs").glob("*.*.incomplete"):
        try:
            with WeakFileLock(cache.lock(hub, path.name.partition(".")[0]), timeout=0.01):
                path.unlink(missing_ok=True)
        except Timeout:
            log.debug("%s: another process fetches it", path)
