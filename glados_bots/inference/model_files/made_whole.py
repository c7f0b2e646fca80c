"""Folders of converted weights: they appear whole or not at all."""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glados_bots.errors import ConfigError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def made_whole(target: Path, needed: int) -> Iterator[Path]:
    """A folder to fill, which becomes `target` at the end; after a failure nothing of it stays.

    Args:
        target: not there yet, in a folder that is.
        needed: bytes, at most.

    Raises:
        ConfigError: there is no room, before or while it is filled.
    """
    free = shutil.disk_usage(target.parent).free
    full = ConfigError(
        f"no room in {target.parent}: the converted weights need up to {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB "
        "are free; free some space or set GLADOS_DATA_DIR to another disk"
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
