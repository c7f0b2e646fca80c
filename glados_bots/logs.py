"""How every role logs: one line per event, with the turn and the request it belongs to, and without people's words.

    INFO glados_bots.turns.turn: turn 7: ended (done) [turn=web:7 request=5f0c…]
    {"at": "2026-11-24T21:00:00.123Z", "level": "info", "logger": "…", "message": "…", "turn": "web:7", "request": "…"}

The headers X-Glados-Turn and X-Request-Id carry both ids, so the service's lines name them too. Control characters are
escaped, so no text can begin a second line or colour a terminal. Above debug level, a line shows only the type of an
error that is not ours: its text may quote what somebody asked.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from glados_bots.errors import GladosError
from glados_bots.settings import Settings

TURN_HEADER, REQUEST_HEADER = "X-Glados-Turn", "X-Request-Id"
ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST_ENTRY = 4_000  # characters of one message or one error
OURS = re.compile(r"\[([\w-]+)\] (.*)", re.DOTALL)  # how the supervisor marks its children's lines

# Errors whose texts are shown: they name hosts, codes and states, never what was sent.
TOLD = (GladosError, OSError, TimeoutError)
TOLD_MODULES = frozenset({"httpx", "aiohttp", "discord", "slack_sdk"})
# Their line per request or loading step says nothing new; slack_bolt logs whole bodies if a signature is wrong.
QUIET = ("httpx", "httpx2", "httpcore", "ContinuousBatchingLogger", "slack_bolt", "slack_sdk")

_turn: ContextVar[str] = ContextVar("turn", default="")
_request: ContextVar[str] = ContextVar("request", default="")


@contextmanager
def about(*, turn: str = "", request: str = "") -> Iterator[None]:
    """All lines logged in this block, and in tasks begun in it, name this turn or request. Not for generators."""
    tokens = [(var, var.set(value)) for var, value in ((_turn, turn), (_request, request)) if value]
    try:
        yield
    finally:
        for var, token in reversed(tokens):
            var.reset(token)


def new_request() -> str:
    return uuid4().hex


def headers() -> dict[str, str]:
    """Headers that a request must carry so that the other side logs the same ids."""
    found = {REQUEST_HEADER: _request.get(), TURN_HEADER: _turn.get()}
    return {name: value for name, value in found.items() if ID.fullmatch(value)}


def received(given: Mapping[str, str]) -> tuple[str, str]:
    """(turn, request) from a request's headers. An invalid turn becomes empty; an invalid request gets a new id."""
    turn, request = given.get(TURN_HEADER, ""), given.get(REQUEST_HEADER, "")
    return (turn if ID.fullmatch(turn) else ""), (request if ID.fullmatch(request) else new_request())


def configure(settings: Settings) -> None:
    """Make this process log to standard error, as the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    told = settings.log_level == "debug"
    handler.setFormatter(JsonLines(told=told) if settings.log_format == "json" else TextLines(told=told))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET if told else logging.WARNING)


class Lines(logging.Formatter):
    """Shared by text and JSON lines: ids, escaped characters, and errors that quote nobody unless `told`."""

    def __init__(self, *, told: bool = False) -> None:
        super().__init__()
        self._told = told

    def parts(self, record: logging.LogRecord) -> dict[str, str]:
        """All parts of a line, in order, without the empty ones."""
        found = {
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": clean(self._message(record)),
            "turn": _turn.get(),
            "request": _request.get(),
            "error": self._error(record),
        }
        return {name: value for name, value in found.items() if value}

    def _message(self, record: logging.LogRecord) -> str:
        args = record.args
        if isinstance(args, tuple):
            args = tuple(self.describe(arg) if isinstance(arg, BaseException) else arg for arg in args)
        return str(record.msg) % args if args else str(record.msg)

    def _error(self, record: logging.LogRecord) -> str:
        if not record.exc_info or record.exc_info[1] is None:
            return ""
        return "\n".join(self._lines(record.exc_info[1]))[-LONGEST_ENTRY:]

    def _lines(self, error: BaseException) -> Iterator[str]:
        """The lines of a traceback, causes first, in Python's order."""
        earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if earlier is not None:
            yield from self._lines(earlier)
        for frame in traceback.extract_tb(error.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"
        yield f"{type(error).__qualname__}: {clean(self.describe(error))}"
        for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
            yield from self._lines(each)

    def describe(self, error: BaseException) -> str:
        """The text of an error if it may be shown, else its type."""
        if isinstance(error, GladosError):
            return error.in_full if self._told else str(error)
        if self._told or isinstance(error, TOLD) or type(error).__module__.partition(".")[0] in TOLD_MODULES:
            return str(error)
        return f"{type(error).__qualname__} (its text is shown at GLADOS_LOG_LEVEL=debug)"


class TextLines(Lines):
    """For people. Lines of a traceback are indented, so that none of them looks like a line of the log."""

    def format(self, record: logging.LogRecord) -> str:
        parts = self.parts(record)
        ids = " ".join(f"{name}={parts[name]}" for name in ("turn", "request") if name in parts)
        error = "".join(f"\n    {line}" for line in parts.get("error", "").splitlines())
        return f"{record.levelname} {record.name}: {parts.get('message', '')}{f' [{ids}]' if ids else ''}{error}"


class JsonLines(Lines):
    """For machines: one object per line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"at": _time(record.created), **self.parts(record)}, ensure_ascii=False)


class RoleLines(logging.Formatter):
    """The supervisor's lines if roles log JSON: their objects with the role's name; other lines become objects."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        found = OURS.fullmatch(text)
        role, line = found.groups() if found else ("supervisor", text)
        whole = {"at": _time(record.created), "level": record.levelname.lower(), "message": clean(line)}
        return json.dumps({"role": role, **(_object(line) or whole)}, ensure_ascii=False)


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clean(text: str) -> str:
    """A text as one line; control characters become visible escapes."""
    short = text if len(text) <= LONGEST_ENTRY else f"{text[:LONGEST_ENTRY]}…"
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], short)
