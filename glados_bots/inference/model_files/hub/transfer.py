"""Fetches one file of the hub by ranges, so that a later process, too, continues where the last one ended.

huggingface_hub continues a file within one process only: what it has of the file is lost when the process ends. The
bytes go to a part beside the blob. The part becomes the blob when its sha256 is the hub's, and never otherwise.
"""

import hashlib
import itertools
import logging
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from filelock import Timeout
from httpx2 import RemoteProtocolError, TransportError
from huggingface_hub import constants, hf_hub_url, hf_raise_for_status
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined] # exported lazily, which mypy does not see
    WeakFileLock,
    build_hf_headers,
    http_stream_backoff,
)

from glados_bots.errors import ConfigError, first_line
from glados_bots.inference.model_files.hub import cache, checking
from glados_bots.inference.model_files.hub.contents import Listed

log = logging.getLogger(__name__)

WAITS_S = (0.5, 1, 2, 4, 8, 16, 30)  # before each further try; they begin again whenever bytes have come
LOCK_S = 1.0  # seconds between two looks at `stop` while another process has the lock
RANGE = re.compile(r"bytes (\d{1,18})-", re.IGNORECASE)
NO_SUCH_RANGE = 416
IGNORED_RANGE = 200

Advance = Callable[[int], object]


class StoppedError(Exception):
    """Another file of the same fetch failed."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that the hub stores with LFS.

    Attributes:
        advance: told how many more bytes are here; fewer than none if bytes had to be dropped.
        stop: set when the fetch must end.
    """

    hub: str
    commit: str
    path: str
    listed: Listed
    token: str | None
    advance: Advance
    stop: Event

    def fetch(self) -> None:
        """Fetch what is missing, and check the sha256.

        Raises:
            ConfigError: the bytes differ from the hub's; they were deleted.
            HTTPError, OSError: the hub refuses, the line stays cut, or the disk is full; the part stays.
            StoppedError: `stop` was set; the part stays.
        """
        name = str(self.listed.sha256)
        lock = cache.lock(self.hub, name)
        lock.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            self._acquire(lock, held)
            blob, part = cache.blob(self.hub, name), cache.part(self.hub, name)
            if blob.is_file() and blob.stat().st_size == self.listed.size:
                return  # another process was quicker
            part.parent.mkdir(parents=True, exist_ok=True)
            self._complete(part)
            self._check(part)
            part.replace(blob)
            checking.remember(self.hub, blob, name)

    def _acquire(self, lock: Path, held: ExitStack) -> None:
        """Wait for another process that fetches the same file."""
        for waited in itertools.count():
            try:
                held.enter_context(WeakFileLock(lock, timeout=LOCK_S))
            except Timeout:
                if self.stop.is_set():
                    raise StoppedError from None
                if not waited:
                    log.info("%s: another process fetches this file; waiting for it", self.path)
            else:
                return

    def _complete(self, part: Path) -> None:
        waits = iter(WAITS_S)
        while (here := _size(part)) < self.listed.size:
            try:
                self._continue(part, here)
            except (TransportError, HfHubHTTPError) as error:
                if _size(part) > here:
                    waits = iter(WAITS_S)
                wait = next(waits, None)
                if wait is None or not _is_passing(error):
                    raise
                self._wait(part, wait, error)

    def _wait(self, part: Path, wait: float, error: Exception) -> None:
        log.warning(
            "%s: the download broke off at %.1f of %.1f MB (%s); next try in %.1f s",
            self.path, _size(part) / 1e6, self.listed.size / 1e6, first_line(error), wait,
        )  # fmt: skip
        if self.stop.wait(wait):
            raise StoppedError

    def _continue(self, part: Path, begin: int) -> None:
        """Ask for the rest of the file, and append what comes."""
        here = begin
        url = hf_hub_url(self.hub, self.path, revision=self.commit)
        headers = build_hf_headers(token=self.token) | {"Accept-Encoding": "identity", "Range": f"bytes={begin}-"}
        with (
            part.open("ab", buffering=0) as file,
            http_stream_backoff(
                "GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
                retry_on_exceptions=(), retry_on_status_codes=429,
            ) as response,
        ):  # fmt: skip
            if response.status_code == NO_SUCH_RANGE:
                self._drop(part)
            hf_raise_for_status(response)
            if (other := _begins(response.headers.get("Content-Range"))) not in (None, begin):
                raise RemoteProtocolError(f"the hub sent the bytes from {other} on instead of {begin}")
            if response.status_code == IGNORED_RANGE and begin:
                file.truncate(0)
                self.advance(-begin)
                here = 0
            for piece in response.iter_bytes():
                if self.stop.is_set():
                    raise StoppedError
                _write(file.fileno(), piece)
                self.advance(len(piece))
                here += len(piece)
                if here > self.listed.size:
                    return  # not the listed file; its sha256 will tell
        if here == begin:
            raise RemoteProtocolError("the hub sent no bytes")

    def _check(self, part: Path) -> None:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != self.listed.sha256:
            self._drop(part)
            raise ConfigError(
                f"{self.hub}: {self.path}: its sha256 is not the hub's; the file was deleted, fetch it again"
            )

    def _drop(self, part: Path) -> None:
        self.advance(-_size(part))
        part.unlink(missing_ok=True)


def _write(descriptor: int, piece: bytes) -> None:
    """Write all of it. A disk that is nearly full takes a part of the bytes before it raises OSError."""
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _begins(content_range: str | None) -> int | None:
    """The first byte that a response brings (RFC 9110, 14.4); None if it does not tell it."""
    found = RANGE.match(content_range or "")
    return int(found[1]) if found else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_passing(error: Exception) -> bool:
    """Whether a later try may succeed: a cut line, or a hub with trouble of its own."""
    return not isinstance(error, HfHubHTTPError) or error.response.status_code >= 500  # noqa: PLR2004 - the hub's fault
