"""The endpoints that load and unload LoRAs: vLLM's bodies and sentences, for keys with the scope `admin`."""

from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest

from glados_bots.errors import EngineDeadError, LoraRefusedError
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.keys import KeyBook
from glados_bots.inference.api.service import Service
from tests.fakes.engine import ScriptedEngine
from tests.servers import running
from tests.waiting import until_ready

LOAD, UNLOAD = "/v1/load_lora_adapter", "/v1/unload_lora_adapter"
SQL = {"lora_name": "sql", "lora_path": "sql-lora"}


async def test_a_lora_is_loaded_listed_replaced_and_unloaded_in_vllms_words(http: httpx.AsyncClient) -> None:
    loaded = await http.post(LOAD, json=SQL)
    assert (loaded.status_code, loaded.text) == (200, "Success: LoRA adapter 'sql' added successfully.")
    assert loaded.headers["Content-Type"].startswith("text/plain")
    listed = {model["id"]: model for model in (await http.get("/v1/models")).json()["data"]}
    assert (listed["sql"]["root"], listed["sql"]["parent"]) == ("sql-lora", "scripted")
    assert (listed["scripted"]["root"], listed["scripted"]["parent"]) == ("scripted", None)
    assert (await http.get("/v1/models/sql")).json()["parent"] == "scripted"
    again = await http.post(LOAD, json=SQL)
    assert again.status_code == 400
    assert "has already been loaded" in again.json()["error"]["message"]
    assert (await http.post(LOAD, json={**SQL, "load_inplace": True, "is_3d_lora_weight": False})).is_success
    gone = await http.post(UNLOAD, json={"lora_name": "sql", "lora_int_id": 1})
    assert (gone.status_code, gone.text) == (200, "Success: LoRA adapter 'sql' removed successfully.")
    missing = await http.post(UNLOAD, json={"lora_name": "sql"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "lora_not_found")
    assert (await http.get("/v1/models/sql")).status_code == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "lora_name"),
        ({"lora_name": "sql"}, "lora_path"),
        ({"lora_name": "", "lora_path": "x"}, "lora_name"),
        ({"lora_name": "sql", "lora_path": ""}, "lora_path"),
        ({"lora_name": 1, "lora_path": "x"}, "lora_name"),
        ({"lora_name": "sql", "lora_path": ["x"]}, "lora_path"),
        ({**SQL, "load_inplace": "yes"}, "load_inplace"),
        ({**SQL, "lora_path": "x" * 5000}, "lora_path"),
        ({**SQL, "is_3d_lora_weight": True}, "is_3d_lora_weight"),
    ],
)
async def test_a_wrong_body_is_refused_by_its_field(http: httpx.AsyncClient, body: object, param: str) -> None:
    response = await http.post(LOAD, json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("code", "status"), [("invalid_lora", 400), ("lora_not_found", 404), ("lora_loading_off", 404), ("loras_full", 409)]
)
async def test_each_refusal_has_its_status(
    engine: ScriptedEngine, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise LoraRefusedError("no; do this instead", code, retry_after=9.5)

    monkeypatch.setattr(engine, "load_lora", refuse)
    response = await http.post(LOAD, json=SQL)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.headers["Retry-After"] == "10"


async def test_a_dead_engine_is_told(
    engine: ScriptedEngine, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise EngineDeadError("it has ended")

    monkeypatch.setattr(engine, "unload_lora", fail)
    assert (await http.post(UNLOAD, json=SQL | {"lora_path": None})).status_code == 503


async def test_only_the_scope_admin_may_change_loras(engine: ScriptedEngine, tmp_path: Path) -> None:
    book = KeyBook(tmp_path)
    keys = {scopes: book.create("key", scopes)[1] for scopes in (("admin",), ("chat", "models", "metrics"))}
    async with running(create_app(engine, keys=book)) as url, httpx.AsyncClient(base_url=url) as client:
        await until_ready(client)
        for scopes, key in keys.items():
            for path in (LOAD, UNLOAD):
                response = await client.post(path, json=SQL, headers={"Authorization": f"Bearer {key}"})
                allowed = "admin" in scopes
                assert response.status_code == (403 if not allowed else 200 if path == LOAD else 400), (scopes, path)
        assert (await client.post(LOAD, json=SQL)).status_code == 401


async def test_the_embedding_models_name_is_taken(http: httpx.AsyncClient, service: Service) -> None:
    service.embedder = Mock(model="minilm", context_length=256, dimensions=384, least_dimensions=384, fatal=None)
    response = await http.post(LOAD, json={**SQL, "lora_name": "minilm"})
    service.embedder = None
    assert (response.status_code, response.json()["error"]["param"]) == (400, "lora_name")
