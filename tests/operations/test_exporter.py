"""What an adapter shows on its metrics port, asked over HTTP while real turns run on a real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from glados_bots.cli.health import require_health
from glados_bots.conversation import Turn
from glados_bots.errors import ConfigError, GladosError
from glados_bots.operations.exporter import create_app, exported
from glados_bots.settings import Settings
from glados_bots.store.connection import Client, connect
from glados_bots.store.store import Store
from glados_bots.surface import Budget
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.worker import Worker
from glados_bots.wire.client import InferenceClient
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.surface import MemorySurface
from tests.servers import free_port, running
from tests.waiting import until


async def scrape(port: int) -> dict[str, float]:
    """Samples as `name{platform,other}` -> value; those of other platforms are left out."""
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(f"http://127.0.0.1:{port}/metrics")
    samples: dict[str, float] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            if sample.labels.get("platform") == "watched" and "le" not in sample.labels:
                others = [value for label, value in sample.labels.items() if label != "platform"]
                samples[" ".join([sample.name, *others])] = sample.value
    return samples


@asynccontextmanager
async def working(store: Store, settings: Settings, model_url: str) -> AsyncIterator[None]:
    client = InferenceClient(model_url)
    worker = Worker(store, MemorySurface(), client, Pacer(store.client, store.prefix), settings)
    async with exported(settings, store):
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            await worker.drain(0)
            await task
            await client.aclose()


async def answers(port: int) -> bool:
    try:
        await scrape(port)
    except httpx.HTTPError:
        return False
    return True


async def test_turns_are_counted_by_platform_from_the_question_to_its_end(client: Client) -> None:
    store = Store(client, "watched", ttl=60, max_exchanges=5)
    port = free_port()
    model = ScriptedModel()
    async with running(model.app()) as url, working(store, Settings(_env_file=None, metrics_port=port), f"{url}/v1"):
        await until(lambda: answers(port))
        await store.accept(Turn("1", "c", "ada", "one"))
        await store.accept(Turn("1", "c", "ada", "one"))
        await store.accept(Turn("2", "c", "ada", "two"))
        await Pacer(client, store.prefix).exhausted(Budget("channel", 5, 1.0), 0.001)

        async def one_runs() -> bool:
            return (await scrape(port)).get("glados_turns_running") == 1

        await until(one_runs)
        before = await scrape(port)
        assert before["glados_questions_total accepted"] == 2
        assert before["glados_questions_total duplicate"] == 1
        assert before["glados_conversations_waiting"] == 1
        assert before["glados_rate_limited_total"] == 1
        assert before["glados_store_up"] == 1
        model.gate.set()

        async def both_ended() -> bool:
            return (await scrape(port)).get("glados_turns_total done") == 2

        await until(both_ended)
        after = await scrape(port)
        assert after["glados_turn_seconds_count"] == 2
        assert after["glados_turn_seconds_sum"] >= 0
        assert after["glados_conversations_waiting"] == 0
        assert after["glados_dead_letters"] == 0
        assert after["glados_messages_total done"] >= 2


async def test_a_store_that_is_away_makes_the_role_not_ready_but_it_lives() -> None:
    away = connect("redis://127.0.0.1:1/0")
    store = Store(away, "watched", ttl=60, max_exchanges=5)
    port = free_port()
    settings = Settings(_env_file=None, metrics_port=port)
    async with working(store, settings, "http://127.0.0.1:1/v1"):
        await until(lambda: answers(port))
        assert (await scrape(port))["glados_store_up"] == 0
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http:
            assert (await http.get("/health")).status_code == 200
            assert (await http.get("/ready")).status_code == 503
        await asyncio.to_thread(require_health, settings, "discord")
    await away.aclose()
    with pytest.raises(GladosError, match="discord does not work"):
        await asyncio.to_thread(require_health, settings, "discord")


async def test_a_taken_port_is_named(client: Client) -> None:
    store = Store(client, "watched", ttl=60, max_exchanges=5)
    port = free_port()
    settings = Settings(_env_file=None, metrics_port=port)
    async with working(store, settings, "http://127.0.0.1:1/v1"):
        await until(lambda: answers(port))
        with pytest.raises(ConfigError, match=f"GLADOS_METRICS_PORT={port}"):
            async with working(store, settings, "http://127.0.0.1:1/v1"):
                pass


def test_a_role_without_a_port_says_which_setting_gives_it_one() -> None:
    with pytest.raises(ConfigError, match="GLADOS_METRICS_PORT"):
        require_health(Settings(_env_file=None), "slack")
    with pytest.raises(ConfigError, match="nix: no role has this name; choose from serve, discord, slack, web"):
        require_health(Settings(_env_file=None), "nix")


@pytest.mark.parametrize(
    ("sender", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.7", {}, 401),
        ("10.0.0.7", {"Authorization": "Bearer guess"}, 401),
        ("10.0.0.7", {"Authorization": "Bearer s3cret"}, 200),
        ("10.0.0.7", {"X-Api-Key": "s3cret"}, 200),
        ("10.0.0.7", {"X-Forwarded-For": "127.0.0.1"}, 401),
    ],
)
async def test_other_machines_need_the_key_for_metrics_and_not_for_probes(
    client: Client, sender: str, headers: dict[str, str], status: int
) -> None:
    app = create_app(Store(client, "watched", ttl=60, max_exchanges=5), "s3cret")
    transport = httpx.ASGITransport(app, client=(sender, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://metrics", headers=headers) as http:
        assert (await http.get("/metrics")).status_code == status
        assert [(await http.get(path)).status_code for path in ("/health", "/ready")] == [200, 200]


async def test_without_a_key_other_machines_see_no_metrics(client: Client) -> None:
    app = create_app(Store(client, "watched", ttl=60, max_exchanges=5))
    transport = httpx.ASGITransport(app, client=("10.0.0.7", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://metrics") as http:
        for headers in ({}, {"Authorization": "Bearer"}, {"X-Api-Key": ""}):
            assert (await http.get("/metrics", headers=headers)).status_code == 401
