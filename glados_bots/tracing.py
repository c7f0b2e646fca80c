"""OpenTelemetry traces of a turn: from the accepted question through the request to the engine. Off by default.

    question    an adapter accepts the question
    turn        one attempt of a worker, from the lease to the end
    request     one request to the service; the header `traceparent` carries its context
    serve       the service's side of the request
    engine      from the waiting line to the last token

The trace id is a hash of the turn's id, so every process and every attempt adds to the same trace. Spans hold ids,
counts and outcomes, never people's words. Without GLADOS_OTLP_ENDPOINT nothing of OpenTelemetry is imported, and `span`
returns a constant.
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
    """Lets a block add attributes to its span; without a span, it ignores them."""

    def __init__(self, span: "Span | None" = None) -> None:
        self._span = span

    def set(self, **attributes: Value) -> None:
        """Add attributes with the prefix `glados.`."""
        if self._span:
            self._span.set_attributes({f"glados.{name}": value for name, value in attributes.items()})


NOTHING: AbstractContextManager[Mark] = nullcontext(Mark())


def configure(settings: Settings, role: str) -> None:
    """Send this process's spans to the collector that the settings name, if any.

    Raises:
        ConfigError: the packages of the extra `otel` are not installed.
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
    """From now on, pass spans to a processor. It gets only our spans: we do not use OpenTelemetry's global provider."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - same
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415 - same

    class TurnIds(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return _trace.get() or super().generate_trace_id()

    global _tracer  # noqa: PLW0603 - one per process, like logging's root
    provider = TracerProvider(resource=Resource.create({"service.name": f"glados-{role}"}), id_generator=TurnIds())
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("glados_bots")


def span(
    name: str, *, turn: str = "", carrier: Mapping[str, str] | None = None, **attributes: Value
) -> AbstractContextManager[Mark]:
    """A span around a block.

    Args:
        name: one of the names in this module's docstring.
        turn: makes the span a root of this turn's trace.
        carrier: headers of a request; the sender's span becomes the parent.
        attributes: attributes of the span, without the prefix `glados.`.
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
    """Headers that a request must carry so that the other side's spans follow ours."""
    found: dict[str, Any] = {}
    if _tracer is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - extra

        TraceContextTextMapPropagator().inject(found)
    return found


def _number(turn: str) -> int:
    return int.from_bytes(hashlib.sha256(turn.encode()).digest()[:16])
