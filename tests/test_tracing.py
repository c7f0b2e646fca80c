"""Traces: one for each turn, from the question to the engine, sent to a real collector's endpoint on loopback."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import Tracer

from glados_bots import tracing
from glados_bots.conversation import Turn
from glados_bots.errors import ConfigError
from glados_bots.inference.api.app import create_app
from glados_bots.settings import Settings
from glados_bots.wire.events import Delta, Finished
from tests.fakes.engine import ScriptedEngine
from tests.fakes.surface import MemorySurface
from tests.servers import running
from tests.test_logs import MARKER, adapter, answered, idle
from tests.waiting import until


class Collector:
    """What an OpenTelemetry collector would have been sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.bodies: list[bytes] = []

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/traces")
        async def take(request: Request) -> Response:
            self.bodies.append(await request.body())
            for resource in ExportTraceServiceRequest.FromString(self.bodies[-1]).resource_spans:
                self.services |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
            return Response(media_type="application/x-protobuf")

        return app

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    found = Collector()
    async with running(found.app()) as url:
        tracing.configure(Settings(_env_file=None, otlp_endpoint=url), "test")
        yield found
        tracer, tracing._tracer = tracing._tracer, None
        assert isinstance(tracer, Tracer)
        await asyncio.to_thread(tracer.span_processor.shutdown)


def attributes(span: Span) -> dict[str, str]:
    return {a.key.removeprefix("glados."): a.value.string_value or str(a.value.int_value) for a in span.attributes}


async def test_a_turn_is_one_trace_from_the_question_to_the_engine(redis_url: str, collector: Collector) -> None:
    engine = ScriptedEngine(Delta(f"answer {MARKER}"), Finished("stop", 5, 0, 2))
    async with running(create_app(engine)) as url, adapter(redis_url, f"{url}/v1", MemorySurface()) as core:
        await answered(core, Turn("1", "c", "ada", MARKER))
        await answered(core, Turn("2", "c", "ada", MARKER))
    await until(lambda: len(collector.named("turn")) == 2 and len(collector.named("engine")) == 2)
    (trace,) = {span.trace_id for span in collector.spans if attributes(span).get("turn") == "test:1"}
    spans = {span.span_id: span for span in collector.spans if span.trace_id == trace}
    (engine_span,) = [span for span in spans.values() if span.name == "engine"]
    way = [engine_span]
    while way[-1].parent_span_id:
        way.append(spans[way[-1].parent_span_id])
    assert [span.name for span in way] == ["engine", "serve", "request", "turn"]
    (question,) = [span for span in spans.values() if span.name == "question"]
    assert attributes(question)["status"] == "accepted"
    assert attributes(way[-1])["attempt"] == "1"
    assert attributes(engine_span)["outcome"] == "stop"
    assert collector.services == {"glados-test"}
    assert not [body for body in collector.bodies if MARKER.encode() in body]


async def test_every_attempt_adds_to_the_trace_of_its_turn(redis_url: str, collector: Collector) -> None:
    surface = MemorySurface()
    surface.faults = [ValueError(MARKER)]
    engine = ScriptedEngine(Delta("answer"), Finished("stop", 5, 0, 2))
    async with running(create_app(engine)) as url, adapter(redis_url, f"{url}/v1", surface) as core:
        await core.intake.accept(Turn("1", "c", "ada", "?"))
        await until(lambda: idle(core))
    await until(lambda: bool(collector.named("turn")))
    assert len({span.trace_id for span in collector.spans}) == 1


async def test_an_attempt_that_fails_says_so_without_the_text_of_its_error(collector: Collector) -> None:
    with pytest.raises(ValueError, match=MARKER), tracing.span("turn", turn="test:1"):
        raise ValueError(MARKER)
    await until(lambda: bool(collector.named("turn")))
    (span,) = collector.spans
    assert span.status == Status(code=Status.STATUS_CODE_ERROR, message="ValueError")
    assert not span.events


def test_without_the_setting_nothing_is_imported_and_nothing_is_sent() -> None:
    script = (
        "import sys, glados_bots.cli.app; from glados_bots import tracing\n"
        "from glados_bots.settings import Settings\n"
        "tracing.configure(Settings(_env_file=None), 'web')\n"
        "assert tracing.span('turn', turn='x') is tracing.span('request')\n"
        "assert tracing.headers() == {}\n"
        "assert 'opentelemetry.sdk.trace' not in sys.modules and 'opentelemetry.exporter' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigError, match=r"pip install 'glados-bots\[otel\]'"):
        tracing.configure(Settings(_env_file=None, otlp_endpoint="http://localhost:4318"), "web")
