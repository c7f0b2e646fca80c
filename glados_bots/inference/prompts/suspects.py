"""Prompts that end the process which makes them: the next process makes them once more, and then no more.

Whoever asks for such a prompt asks again when the service is back, and would end it again, for ever. So what is being
made stands in a file, as a digest; what stands there when a process starts was being made when the one before it died.
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

MOST_DEATHS = 2  # one may be anything's fault
REFUSED = "this prompt has ended the service {deaths} times as it was made, and is not tried again"


class Suspects:
    """What was in hand when earlier processes died. Its method may be called from several threads.

    Args:
        file: where it is kept; without a place to write, nothing is.
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
        """While a prompt is made. Raises PromptRefusedError for one that has ended MOST_DEATHS processes in a row."""
        name = hashlib.sha256(repr(messages).encode(errors="replace")).hexdigest()[:32]
        deaths = self._deaths.get(name, 0)
        if deaths >= MOST_DEATHS:
            log.error("a prompt that has ended this service %d times is refused", deaths)
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
        """In place, as this is done twice for each prompt. What a process has written outlives it."""
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
        log.warning("%s cannot be written (%s): a prompt that ends the service may end it again", file, error)
        return None
