"""Prometheus metrics of the inference service. One object per app, so that tests do not share counters."""

import sys
from collections.abc import Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from glados_bots.inference.embeddings.embedder import Embedder
from glados_bots.inference.engine import Engine
from glados_bots.processes.watchdog import lag_histogram

FIRST_TOKEN_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120)
BETWEEN_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
DURATION_BUCKETS = (0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600)


class Observed(Protocol):
    """The service, as far as the gauges read it."""

    engine: Engine
    embedder: Embedder | None
    loaded: bool

    def why_not_ready(self) -> str | None:
        """None while the service accepts requests, else the reason."""


class Gauges(Collector):
    """The state at the time of a scrape, from one snapshot. An engine that is still loading has no figures."""

    def __init__(self, service: Observed) -> None:
        self._service = service

    def collect(self) -> Iterable[GaugeMetricFamily]:
        ready = self._service.why_not_ready() is None
        yield GaugeMetricFamily("glados_ready", "1 while the service accepts requests", value=ready)
        if not self._service.loaded:
            return
        stats = self._service.engine.stats()
        yield GaugeMetricFamily("glados_requests_waiting", "Requests in the waiting line", value=stats.waiting)
        yield GaugeMetricFamily("glados_requests_running", "Requests being answered", value=stats.running)
        yield GaugeMetricFamily(
            "glados_kv_pages_used", "Key-value cache pages in use or kept for later turns", value=stats.kv_pages_used
        )
        yield GaugeMetricFamily("glados_kv_pages", "Pages of the key-value cache", value=stats.kv_pages_total)
        yield from _embedding(self._service.embedder)
        yield _gpu_memory()


def _embedding(embedder: Embedder | None) -> Iterable[GaugeMetricFamily]:
    if embedder is not None:
        text = "Embedding requests whose next batch waits"
        yield GaugeMetricFamily("glados_embedding_requests_waiting", text, value=embedder.waiting)
        text = "Embedding requests whose batch is being computed"
        yield GaugeMetricFamily("glados_embedding_requests_running", text, value=embedder.running)


def _gpu_memory() -> GaugeMetricFamily:
    """Memory of each GPU that torch can use, used by all processes on it; empty without a GPU or without torch."""
    family = GaugeMetricFamily("glados_gpu_memory_bytes", "Memory of a GPU", labels=["gpu", "kind"])
    torch = sys.modules.get("torch")  # importing it only for this would take seconds
    if torch is not None and torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            family.add_metric([str(index), "used"], total - free)
            family.add_metric([str(index), "total"], total)
    return family


class Metrics:
    """Counters of one service. The rate of `glados_tokens_total` gives tokens per second."""

    def __init__(self, service: Observed) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(Gauges(service))
        self.requests = self._counter("glados_requests_total", "Generations ended, by outcome", "outcome")
        self.errors = self._counter("glados_errors_total", "Errors sent to clients, by code", "code")
        self.tokens = self._counter("glados_tokens_total", "Tokens, by kind", "kind")
        self.embeddings = Counter("glados_embeddings_total", "Texts embedded", registry=self._registry)
        self.first_token = self._histogram(
            "glados_time_to_first_token_seconds", "Time from the request to its first words", FIRST_TOKEN_BUCKETS
        )
        self.between = self._histogram(
            "glados_inter_token_seconds", "Time between two pieces of the engine", BETWEEN_BUCKETS
        )
        self.duration = self._histogram("glados_request_seconds", "Time from the request to its end", DURATION_BUCKETS)
        self.loop_lag = lag_histogram(registry=self._registry)

    def _counter(self, name: str, text: str, label: str) -> Counter:
        return Counter(name, text, [label], registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, buckets=buckets, registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)
