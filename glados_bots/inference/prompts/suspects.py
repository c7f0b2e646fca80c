"""Finds prompts that kill the process which encodes them. The next process tries them once more, and then refuses them.

Clients repeat such a request when the service is back, and would kill it again and again. So a file holds digests of
all prompts that are being encoded. Prompts in that file at a process's start were in hand when its predecessor died.
"""

import hashlib
import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from glados_bots.conversation import Message
from glados_bots.errors import PromptRefusedError

log = logging.getLogger(__name__)

MOST_DEATHS = 2  # a single death may have any cause
REFUSED = "encoding this prompt has killed the service {deaths} times, so the service does not try it again"


class Suspects:
    """Prompts that were in hand when earlier processes died. Several threads may call `making`.

    Args:
        file: the file that stores them; if it is not writable, nothing is stored.
    """

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._in_hand: list[str] = []
        kept = _read(file)
        self._descriptor = _opened(file)
        self._size = file.stat().st_size if self._descriptor is not None else 0
        self._deaths: dict[str, int] = kept["deaths"]
        for name in kept["in_hand"]:
            self._deaths[name] = self._deaths.get(name, 0) + 1
        self._write()

    @contextmanager
    def making(self, messages: Sequence[Message]) -> Iterator[None]:
        """Wrap the encoding of a prompt. Raises PromptRefusedError if it has killed MOST_DEATHS processes in a row."""
        name = hashlib.sha256(repr(messages).encode(errors="replace")).hexdigest()[:32]
        deaths = self._deaths.get(name, 0)
        if deaths >= MOST_DEATHS:
            log.error("refused a prompt that has killed this service %d times", deaths)
            raise PromptRefusedError(REFUSED.format(deaths=deaths))
        with self._lock:
            self._in_hand.append(name)
            self._write()
        try:
            yield
        finally:
            with self._lock:
                self._in_hand.remove(name)
                self._deaths.pop(name, None)
                self._write()

    def _write(self) -> None:
        """Overwrite the file in place, because each prompt needs two writes. Written data survives the process."""
        text = json.dumps({"deaths": self._deaths, "in_hand": self._in_hand}).encode()
        self._size = max(self._size, len(text))
        if self._descriptor is not None:
            with suppress(OSError):
                os.pwrite(self._descriptor, text.ljust(self._size), 0)


def _read(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        found = json.loads(file.read_text(encoding="utf-8"))
        deaths = {str(name): int(count) for name, count in found["deaths"].items()}
        return {"deaths": deaths, "in_hand": [str(name) for name in found["in_hand"]]}
    return {"deaths": {}, "in_hand": []}


def _opened(file: Path) -> int | None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        log.warning("cannot write %s (%s): a prompt that kills the service may kill it again", file, error)
        return None
