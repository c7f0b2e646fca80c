"""Logs: every line of a turn names it, on both sides of the wire; none quotes what was said, whatever goes wrong."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from glados_bots import logs
from glados_bots.adapter_core import AdapterCore
from glados_bots.conversation import Turn
from glados_bots.errors import ConfigError, StoreUnavailableError
from glados_bots.inference.api.app import create_app
from glados_bots.settings import Settings
from glados_bots.store.connection import Client, reply_of
from glados_bots.wire.events import Delta, Finished
from tests.fakes.engine import ScriptedEngine
from tests.fakes.surface import MemorySurface
from tests.servers import running
from tests.waiting import until

MARKER = "xyzzy-4711"
FORGED = f"{MARKER}\nINFO glados_bots: forged\x1b[31m \u2028 red"


class Book:
    """What was logged, as JSON lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["logger"].startswith(logger)]


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    """This process logs as a role that is set to JSON."""
    found = Book()
    monkeypatch.setattr(sys, "stderr", found.stream)
    logs.configure(Settings(_env_file=None, log_format="json"))
    return found


@asynccontextmanager
async def adapter(redis_url: str, model_url: str, surface: MemorySurface) -> AsyncIterator[AdapterCore[MemorySurface]]:
    settings = Settings(_env_file=None, redis_url=redis_url, inference_url=model_url, lease=1, join_window=0)
    core = AdapterCore(settings, "test", lambda *_: surface)
    task = asyncio.create_task(core.run())
    try:
        yield core
    finally:
        await core.worker.drain(0)
        await task
        await core.aclose()


async def answered(core: AdapterCore[MemorySurface], turn: Turn) -> None:
    await core.intake.accept(turn)
    await until(lambda: idle(core))


async def idle(core: AdapterCore[MemorySurface]) -> bool:
    return (await core.store.load())[0] == 0


async def test_every_line_of_a_turn_names_it_in_the_adapter_and_in_the_service(redis_url: str, book: Book) -> None:
    engine = ScriptedEngine(Delta(f"answer {MARKER}"), Finished("stop", 5, 0, 2))
    async with running(create_app(engine)) as url, adapter(redis_url, f"{url}/v1", MemorySurface()) as core:
        await answered(core, Turn("1", "c", "ada", FORGED))
    (asked,) = [line for line in book.of("glados_bots.inference.api.guard") if "POST /v1/chat" in line["message"]]
    assert asked["turn"] == "test:1"
    (asks,) = [line for line in book.of("glados_bots.turns.answering") if "asks" in line["message"]]
    assert asks["request"] == asked["request"]
    told = [line for line in book.lines if line["logger"].startswith("glados_bots") and "turn 1" in line["message"]]
    assert [line["message"].partition(": ")[2] for line in told] == [
        "accepted", "begun, attempt 1", "asks the model scripted", "ended (done)",
    ]  # fmt: skip
    assert {line["turn"] for line in told} == {"test:1"}
    assert MARKER not in book.stream.getvalue()


def echoing() -> FastAPI:
    """A foreign service that quotes the question in every error it has: by status, in a stream, as plain text."""
    app, asked = FastAPI(), 0

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"data": [{"id": "foreign"}]}

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        nonlocal asked
        asked += 1
        said = str((await request.json())["messages"])
        broken = f"data: {json.dumps({'error': {'message': said}})}\n\n"
        return [
            Response(said, 500),
            JSONResponse({"error": {"message": said}}, 503, {"Retry-After": "0"}),
            StreamingResponse(iter([broken]), media_type="text/event-stream"),
            JSONResponse({"error": {"message": said, "code": "bad"}}, 400),
        ][(asked - 1) % 4]

    return app


async def test_a_service_that_quotes_the_question_in_its_errors_is_not_quoted(redis_url: str, book: Book) -> None:
    surface = MemorySurface()
    async with running(echoing()) as url, adapter(redis_url, f"{url}/v1", surface) as core:
        await answered(core, Turn("1", "c", "ada", f"question {MARKER}"))
    said = [line["message"] for line in book.of("glados_bots.turns")]
    assert [each for each in ("500", "503", "in the middle") if not [line for line in said if each in line]] == []
    assert "turn 1: the service refused: The model's server does not accept this request (status 400)." in said
    assert MARKER not in surface.seen("1")
    assert MARKER not in book.stream.getvalue()


async def test_what_breaks_inside_us_is_told_by_its_place_and_not_by_its_text(redis_url: str, book: Book) -> None:
    surface = MemorySurface()
    surface.faults = [ValueError(f"cannot render {MARKER}"), RuntimeError(MARKER)]
    engine = ScriptedEngine(Delta(f"answer {MARKER}"), ValueError(MARKER))
    async with running(create_app(engine)) as url, adapter(redis_url, f"{url}/v1", surface) as core:
        await core.intake.accept(Turn("1", "c", "ada", f"question {MARKER}"))
        await until(lambda: any("failed in the middle" in line["message"] for line in book.lines))
        engine.script = (Delta(f"answer {MARKER}"), Finished("stop", 5, 0, 2))
        await until(lambda: idle(core))
    text = book.stream.getvalue()
    assert "ValueError" in text
    assert MARKER not in text
    assert surface.seen("1") == f"answer {MARKER}"


async def test_a_redis_that_refuses_a_command_quotes_nothing_of_it(client: Client, book: Book) -> None:
    await client.set("glados:words", MARKER)
    async with client.pipeline(transaction=True) as pipe:
        pipe.lpush("glados:words", FORGED)  # the wrong type: redis-py names the command with its arguments
        with pytest.raises(StoreUnavailableError, match="WRONGTYPE") as caught:
            await reply_of(pipe.execute())
    assert MARKER not in str(caught.value)
    logging.getLogger("glados_bots.turns.worker").warning("%s; trying again", caught.value)
    logging.getLogger("glados_bots.turns.worker").error("turn 1: attempt 1 failed", exc_info=caught.value)
    first, second = book.lines
    assert "WRONGTYPE" in first["message"]
    assert "StoreUnavailableError" in second["error"]
    assert MARKER not in book.stream.getvalue()


def record(message: str, *args: object, exc: BaseException | None = None) -> logging.LogRecord:
    info = (type(exc), exc, exc.__traceback__) if exc else None
    return logging.LogRecord("glados_bots.x", logging.WARNING, "x.py", 1, message, args, info)


def raised(error: BaseException) -> BaseException:
    try:
        raise error  # noqa: TRY301 - with a traceback
    except BaseException as caught:  # noqa: BLE001 - any
        return caught


def test_no_text_can_forge_a_line_or_colour_the_terminal() -> None:
    shown = logs.TextLines().format(record("turn %s: odd", FORGED, exc=raised(ConfigError(FORGED))))
    assert [line for line in shown.splitlines() if line.startswith(("INFO", "WARNING"))] == [shown.splitlines()[0]]
    assert "\x1b" not in shown
    assert "\u2028" not in shown
    assert "\\nINFO glados_bots: forged\\x1b[31m" in shown
    assert len(logs.JsonLines().format(record(FORGED)).splitlines()) == 1


def test_only_debug_shows_the_texts_of_errors_that_are_not_ours() -> None:
    error = raised(ValueError(MARKER))
    assert MARKER not in logs.TextLines().format(record("failed: %s", error, exc=error))
    assert "GLADOS_LOG_LEVEL=debug" in logs.TextLines().format(record("failed: %s", error))
    assert "test_logs.py" in logs.TextLines().format(record("failed", exc=error))
    assert MARKER in logs.TextLines(told=True).format(record("failed: %s", error))
    known = raised(ConnectionRefusedError(111, "Connect call failed"))
    assert "Connect call failed" in logs.TextLines().format(record("away: %s", known))


def test_causes_and_groups_are_told_by_the_same_rule() -> None:
    group = ExceptionGroup(MARKER, [ValueError(MARKER), OSError(5, "disk")])
    group.__cause__ = raised(KeyError(MARKER))
    shown = logs.TextLines().format(record("failed", exc=raised(group)))
    assert MARKER not in shown
    for name in ("KeyError", "ExceptionGroup", "ValueError", "disk"):
        assert name in shown


@pytest.mark.parametrize("given", ["", "x" * 200, "a b", "a\nb", "ä"])
def test_an_id_that_is_none_is_not_taken_over(given: str) -> None:
    turn, request = logs.received({logs.TURN_HEADER: given, logs.REQUEST_HEADER: given})
    assert turn == ""
    assert len(request) == 32
    with logs.about(turn=given, request="r1"):
        assert logs.headers() == {logs.REQUEST_HEADER: "r1"}


def test_the_supervisor_adds_the_role_to_objects_and_makes_objects_of_lines() -> None:
    lines = logs.RoleLines()
    ours = json.loads(lines.format(record("[%s] %s", "web", '{"level": "info", "message": "hello"}')))
    assert ours == {"role": "web", "level": "info", "message": "hello"}
    other = json.loads(lines.format(record("[%s] %s", "valkey", "1:M * Ready \x1b[0m")))
    assert (other["role"], other["message"]) == ("valkey", "1:M * Ready \\x1b[0m")
    assert json.loads(lines.format(record("stopping")))["role"] == "supervisor"
    deep = json.loads(lines.format(record("[%s] %s", "web", "[" * 3_000)))
    assert (deep["role"], deep["message"]) == ("web", "[" * 3_000)
