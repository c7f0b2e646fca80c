"""OpenTelemetry traces of a turn: from the question taken in, through the request, to the engine. Off unless asked for.

    question    an adapter takes it in
    turn        one attempt of a worker, from its lease to its end
    request     one request to the service; its context travels in `traceparent`
    serve       the service's side of it
    engine      from the line to the last token

The number of a trace is made of the turn, so every process and every attempt adds to the same one. Spans hold ids,
counts and outcomes, never what was said. Without GLADOS_OTLP_ENDPOINT nothing of OpenTelemetry is imported, and `span`
is a constant.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from glados_bots.errors import ConfigError
from glados_bots.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

Value = str | int | float | bool

_tracer: "Tracer | None" = None
_trace: ContextVar[int] = ContextVar("trace", default=0)


class Mark:
    """What a span lets its block add; without a span nobody looks."""

    def __init__(self, span: "Span | None" = None) -> None:
        self._span = span

    def set(self, **attributes: Value) -> None:
        """Add attributes under our name."""
        if self._span:
            self._span.set_attributes({f"glados.{name}": value for name, value in attributes.items()})


NOTHING: AbstractContextManager[Mark] = nullcontext(Mark())


def configure(settings: Settings, role: str) -> None:
    """Send this process's spans to the collector of the settings, if there is one.

    Raises:
        ConfigError: the packages of the extra `otel` are missing.
    """
    if settings.otlp_endpoint is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - same
    except ModuleNotFoundError as error:
        raise ConfigError(
            "GLADOS_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: pip install 'glados-bots[otel]'"
        ) from error
    endpoint = f"{str(settings.otlp_endpoint).rstrip('/')}/v1/traces"
    start(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)), role)


def start(processor: "SpanProcessor", role: str) -> None:
    """Give spans to a processor from now on. Not OpenTelemetry's global provider: nobody else's spans come along."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - same
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415 - same

    class TurnIds(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return _trace.get() or super().generate_trace_id()

    global _tracer  # noqa: PLW0603 - as logging's root, a process has one
    provider = TracerProvider(resource=Resource.create({"service.name": f"glados-{role}"}), id_generator=TurnIds())
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("glados_bots")


def span(
    name: str, *, turn: str = "", carrier: Mapping[str, str] | None = None, **attributes: Value
) -> AbstractContextManager[Mark]:
    """A span around a block.

    Args:
        name: one of the names above.
        turn: makes it a root of this turn's trace.
        carrier: headers of a request, whose sender's span it goes on from.
        attributes: what it says of itself.
    """
    return NOTHING if _tracer is None else _span(_tracer, name, turn, carrier, attributes)


@contextmanager
def _span(
    tracer: "Tracer", name: str, turn: str, carrier: Mapping[str, str] | None, attributes: dict[str, Value]
) -> Iterator[Mark]:
    from opentelemetry import trace  # noqa: PLC0415 - an extra
    from opentelemetry.context import Context  # noqa: PLC0415 - same
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - same

    parent = TraceContextTextMapPropagator().extract(dict(carrier)) if carrier is not None else None
    token = _trace.set(_number(turn) if turn else 0)
    try:
        begun = tracer.start_span(name, Context() if turn else parent)
    finally:
        _trace.reset(token)
    mark = Mark(begun)
    mark.set(**attributes, **({"turn": turn} if turn else {}))
    with trace.use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield mark
        except BaseException as error:
            begun.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise


def headers() -> dict[str, str]:
    """What a request must carry so that the other side's spans follow ours."""
    found: dict[str, Any] = {}
    if _tracer is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - extra

        TraceContextTextMapPropagator().inject(found)
    return found


def _number(turn: str) -> int:
    return int.from_bytes(hashlib.sha256(turn.encode()).digest()[:16])
