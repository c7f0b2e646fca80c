"""Colours code in a process of its own. We may kill it, so no rendering waits longer than PATIENCE_S for colours."""

import atexit
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from functools import lru_cache
from html import escape
from pathlib import Path

from pygments.lexers import get_all_lexers

from glados_web.answers.sanitize import sanitize

log = logging.getLogger(__name__)

# Code longer than this stays plain. Lexing takes about a millisecond per thousand characters.
MAX_CHARACTERS = 20_000
# Seconds that one rendering waits for the colours of all its code together.
PATIENCE_S = 2.0
# Characters of HTML in the cache. The page renders blocks again when their stream ends, and when a chat is opened.
KEPT_CHARACTERS = 8_000_000
_PROGRAM = Path(__file__).with_name("highlight.py")


@lru_cache(maxsize=1)
def _languages() -> frozenset[str]:
    return frozenset(alias.lower() for _, aliases, _, _ in get_all_lexers(plugins=False) for alias in aliases)


class Painter:
    """One process that colours code. It starts when it is first needed, and again after it was killed."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._known: dict[tuple[str, str], str] = {}
        self._kept = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._wire: socket.socket | None = None

    def paint(self, code: str, language: str, patience_s: float) -> str | None:
        """Return the code as sanitised HTML: plain if it is too long, its language unknown or its lexer too slow.

        Return None if `patience_s` ended before the result was known.
        """
        if len(code) > MAX_CHARACTERS or language.lower() not in _languages():
            return plain(code)
        known = self._known.get((language, code))
        if known is not None:
            return known
        until = time.monotonic() + patience_s
        if not self._turn.acquire(timeout=max(0.0, patience_s)):
            return None
        try:
            html = self._asked(code, language, until - time.monotonic())
            if html is not None:
                self._keep((language, code), html)
            return html
        finally:
            self._turn.release()

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._wire = None

    def _keep(self, key: tuple[str, str], html: str) -> None:
        """Add to the cache. Drop the oldest entries beyond KEPT_CHARACTERS."""
        self._known[key] = html
        self._kept += len(html)
        while self._kept > KEPT_CHARACTERS:
            self._kept -= len(self._known.pop(next(iter(self._known))))

    def _asked(self, code: str, language: str, patience_s: float) -> str | None:
        """Ask the process. If a lexer takes too long, the process ends, and that code is plain from then on."""
        if patience_s <= 0:
            return None
        try:
            wire = self._wire or self._start()
            wire.settimeout(patience_s)
            wire.sendall(json.dumps([language, code]).encode() + b"\n")
            reply = _line(wire)
        except TimeoutError:
            self.close()
            return None
        except OSError as error:
            log.warning("code is shown without colours: %s", error)
            reply = b""
        if reply:
            return sanitize(json.loads(reply), has_raw_html=False)
        log.info("no colours for %d characters of %s: it took too long, or its process died", len(code), language)
        self.close()
        return plain(code)

    def _start(self) -> socket.socket:
        """Start the process. It gets an empty environment, and no open file of ours but its end of the socket."""
        self._wire, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", str(_PROGRAM)]
            end = theirs.fileno()
            self._process = subprocess.Popen(command, stdin=end, stdout=end, stderr=subprocess.DEVNULL, env={})
        return self._wire


def _line(wire: socket.socket) -> bytes:
    """Read a whole line; empty if the other end closed before the line's end."""
    received = bytearray()
    while not received.endswith(b"\n"):
        part = wire.recv(1 << 16)
        if not part:
            return b""
        received += part
    return bytes(received)


class Patience:
    """How long one rendering may still wait for colours: PATIENCE_S in total. Cached code takes no time."""

    def __init__(self, painter: Painter | None = None) -> None:
        self._painter = painter or PAINTER
        self._left_s = PATIENCE_S

    def paint(self, code: str, language: str) -> str:
        """Return the code as HTML, coloured if the colours come in time."""
        begin = time.monotonic()
        html = self._painter.paint(code, language, self._left_s)
        self._left_s -= time.monotonic() - begin
        return plain(code) if html is None else html


def plain(code: str) -> str:
    """Return the code as sanitised HTML without colours."""
    return sanitize(escape(code), has_raw_html=False)


PAINTER = Painter()
atexit.register(PAINTER.close)
