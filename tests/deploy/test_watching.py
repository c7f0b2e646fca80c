"""The dashboard and the alerts: every query parses, and every metric and label it names is one a role really shows."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import httpx
import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from glados_bots import metrics as core_metrics
from glados_bots.inference.api.app import create_app as create_service
from glados_bots.operations.exporter import create_app as create_exporter
from glados_bots.store.connection import Client
from glados_bots.store.store import Store
from glados_bots.surface import Budget
from glados_bots.turns.pacing import Pacer
from glados_slack import metrics as slack_metrics
from tests.deploy.places import DEPLOY, load_yaml
from tests.fakes.engine import ScriptedEngine
from tests.servers import running
from tests.waiting import until_ready

DASHBOARD = json.loads((DEPLOY / "grafana" / "glados.json").read_text(encoding="utf-8"))
RULES = [rule for group in load_yaml(DEPLOY / "prometheus" / "alerts.yaml")["groups"] for rule in group["rules"]]
PROMETHEUS = load_yaml(DEPLOY / "prometheus" / "prometheus.yaml")
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"].replace("$__rate_interval", "5m") for panel in PANELS for target in panel["targets"]]
QUERIES += [rule["expr"] for rule in RULES]
DECLARED = [
    value
    for module in (core_metrics, slack_metrics)
    for value in vars(module).values()
    if hasattr(value, "_labelnames")
]
OF_PROMETHEUS = {"job", "instance"}  # labels it adds itself


def selectors(tree: Any) -> Iterator[promql_parser.VectorSelector]:
    """Every metric a query reads."""
    if isinstance(tree, promql_parser.VectorSelector):
        yield tree
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if hasattr(tree, name):
            yield from selectors(getattr(tree, name))
    for argument in getattr(tree, "args", []):
        yield from selectors(argument)


async def shown(url: str) -> dict[str, set[str]]:
    """Sample name -> labels, of everything on a metrics page; a family without samples counts with its name."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{url}/metrics")).text
    found: dict[str, set[str]] = {"up": set()}
    for family in text_string_to_metric_families(text):
        found.setdefault(family.name, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


async def everything_exported(client: Client) -> dict[str, set[str]]:
    """Both kinds of metrics pages, after something has happened of everything that is counted."""
    engine = ScriptedEngine()
    async with running(create_service(engine)) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            await until_ready(http)
            body = {"model": engine.models[0], "messages": [{"role": "user", "content": "hi"}], "stream": True}
            await http.post("/v1/chat/completions", json=body)
            await http.post("/v1/chat/completions", json={**body, "model": "none"})
        service = await shown(url)
    store = Store(client, "watching", ttl=60, max_exchanges=5)
    for metric in DECLARED:
        if metric._labelnames:
            metric.labels(*["watching"] * len(metric._labelnames))  # test_exporter.py sees them counted
    await Pacer(client, store.prefix).exhausted(Budget("b", 1, 1.0), 0.001)
    async with running(create_exporter(store)) as url:
        return service | await shown(url)


def test_every_query_parses_and_reads_something() -> None:
    for query in QUERIES:
        assert list(selectors(promql_parser.parse(query))), query


def test_a_broken_query_would_not_parse() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse("sum by (platform (glados_turns_total)")


async def test_every_metric_and_label_is_really_exported(client: Client) -> None:
    exported = await everything_exported(client)
    gauge_labels = {"glados_gpu_memory_bytes": {"gpu", "kind"}}  # without a GPU the family has no samples
    for query in QUERIES:
        tree = promql_parser.parse(query)
        named = [selector.name for selector in selectors(tree)]
        known = OF_PROMETHEUS.copy()
        for name in named:
            assert name in exported, f"{name} in {query}"
            known |= exported[name] | gauge_labels.get(name, set())
        for labels in re.findall(r"by \(([^)]*)\)", query):
            assert set(labels.split(", ")) <= known, query
        for selector in selectors(tree):
            assert {matcher.name for matcher in selector.matchers.matchers} <= known, query


def test_everything_our_code_exports_is_on_the_dashboard() -> None:
    names = {metric._name for metric in DECLARED}
    assert {name for name in names if not any(name in query for query in QUERIES)} == set()


def test_the_dashboard_can_be_imported() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert DASHBOARD["templating"]["list"][0]["name"] == "datasource"
    for panel in PANELS:
        assert panel["description"]
        assert panel["datasource"]["uid"] == "${datasource}"
    for one, two in combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        apart_x = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
        assert apart_x or apart_y


def test_labels_in_texts_are_labels_of_their_query() -> None:
    texts = [(t["legendFormat"], t["expr"]) for panel in PANELS for t in panel["targets"]]
    for legend, query in texts:
        for label in set(re.findall(r"{{(\w+)}}", legend)) - OF_PROMETHEUS:
            grouped = re.search(rf"by \([^)]*\b{label}\b", query)
            assert grouped or " by " not in query, (legend, query)


def test_alerts_say_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    jobs = {job["job_name"] for job in PROMETHEUS["scrape_configs"]}
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        for job in re.findall(r'job="([^"]*)"', rule["expr"]):
            assert job in jobs
