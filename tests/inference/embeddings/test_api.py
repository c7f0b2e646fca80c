"""POST /v1/embeddings: OpenAI's protocol and client, refusals with their place, and the same care as for chats."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from fastapi import FastAPI

from glados_bots.errors import ConfigError, EngineDeadError, GenerationFailedError, InputRefusedError, QueueFullError
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.checking import MOST_WORDS
from glados_bots.inference.api.embeddings.requests import MOST_IDS, MOST_INPUTS
from glados_bots.inference.api.keys import KeyBook
from glados_bots.inference.api.service import Service
from tests.fakes.embedder import ScriptedEmbedder
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT
from tests.inference.api.chat_requests import body as chat_body
from tests.servers import running
from tests.waiting import until, until_ready

PATH = "/v1/embeddings"


@pytest.fixture
def embedder() -> ScriptedEmbedder:
    return ScriptedEmbedder()


@pytest.fixture
def app(engine: ScriptedEngine, embedder: ScriptedEmbedder) -> FastAPI:
    return create_app(engine, embedder=embedder)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[openai.AsyncOpenAI]:
    async with running(app) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as found:
        await until(lambda: app.state.service.why_not_ready() is None)
        yield found


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "vectors", "input": "Hi", **fields}


async def refusal(http: httpx.AsyncClient, request: dict[str, Any]) -> tuple[int, str, str, str]:
    """(status, code, param, message)."""
    answer = await http.post(PATH, content=json.dumps(request), headers={"Content-Type": "application/json"})
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"], error["message"]


async def test_openais_client_reads_its_base64_default(client: openai.AsyncOpenAI) -> None:
    found = await client.embeddings.create(model="vectors", input=["a", "two"])
    assert [entry.embedding for entry in found.data] == [[0.0, 1.0, 0.0, 0.0], [1.0, 3.0, 0.0, 0.0]]
    assert [entry.index for entry in found.data] == [0, 1]
    assert (found.object, found.model, found.data[0].object) == ("list", "vectors", "embedding")
    assert (found.usage.prompt_tokens, found.usage.total_tokens) == (4, 4)


@pytest.mark.parametrize("given", ["Hi", ["Hi"], [7, 8], [[7, 8]]])
@pytest.mark.parametrize("form", ["float", "base64"])
async def test_openais_client_sends_every_form_of_input(client: openai.AsyncOpenAI, given: Any, form: Any) -> None:
    found = await client.embeddings.create(model="vectors", input=given, encoding_format=form, user="somebody")
    (entry,) = found.data
    numbers: Any = entry.embedding
    if form == "base64":
        numbers = np.frombuffer(base64.b64decode(numbers), dtype="<f4").tolist()
    assert numbers == [0.0, 2.0, 0.0, 0.0]


async def test_shorter_vectors_and_queries_reach_the_embedder(
    embedder: ScriptedEmbedder, client: openai.AsyncOpenAI
) -> None:
    more = {"input_type": "query", "truncate_prompt_tokens": -1}
    found = await client.embeddings.create(model="vectors", input=["a"], dimensions=2, extra_body=more)
    assert found.data[0].embedding == [0.0, 1.0]
    job, caller = embedder.asked[0]
    assert (job.input_type, job.dimensions, job.truncate, caller) == ("query", 2, -1, "")


async def test_a_passage_is_a_document(embedder: ScriptedEmbedder, http: httpx.AsyncClient) -> None:
    assert (await http.post(PATH, json=body(input_type="passage"))).status_code == 200
    assert embedder.asked[0][0].input_type == "document"


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({"input": ""}, "input", "input[0] is empty"),
        ({"input": []}, "input", "at least one text"),
        ({"input": None}, "input", "give a text"),
        ({"input": 5}, "input", "give a text"),
        ({"input": True}, "input", "give a text"),
        ({"input": {"text": "a"}}, "input", "give a text"),
        ({"input": ["a", ""]}, "input", "input[1] is empty"),
        ({"input": ["a", None]}, "input", "input[1] is neither"),
        ({"input": ["a", 5]}, "input", "input[1] is neither"),
        ({"input": ["a", [5]]}, "input", "texts or token ids, not both"),
        ({"input": [[5], []]}, "input", "input[1] is empty"),
        ({"input": [[5], ["a"]]}, "input", "input[1] is neither"),
        ({"input": [[[5]]]}, "input", "input[0] is neither"),
        ({"input": [5, -1]}, "input", "input[0] is neither"),
        ({"input": [5, True]}, "input", "input[0] is neither"),
        ({"input": [1.5]}, "input", "input[0] is neither"),
        ({"input": [10**30]}, "input", "input[0] is neither"),
        ({"input": "\ud800"}, "input", "surrogate"),
        ({"input": ["x"] * (MOST_INPUTS + 1)}, "input", f"{MOST_INPUTS + 1} inputs; at most {MOST_INPUTS}"),
        ({"input": "x" * (MOST_WORDS + 1)}, "input", f"at most {MOST_WORDS} bytes"),
        ({"input": [[5] * 200] * (MOST_IDS // 200 + 1)}, "input", f"at most {MOST_IDS} token ids"),
        ({"encoding_format": "hex"}, "encoding_format", "'float' or 'base64'"),
        ({"dimensions": 0}, "dimensions", "greater than or equal to 1"),
        ({"dimensions": 1}, "dimensions", "2 to 4 numbers"),
        ({"dimensions": 5}, "dimensions", "2 to 4 numbers"),
        ({"dimensions": "4"}, "dimensions", "integer"),
        ({"input_type": "image"}, "input_type", "'query', 'document' or 'passage'"),
        ({"truncate_prompt_tokens": -2}, "truncate_prompt_tokens", "greater than or equal to -1"),
    ],
)
async def test_a_bad_field_is_named_with_its_place(
    embedder: ScriptedEmbedder, http: httpx.AsyncClient, fields: dict[str, Any], param: str, said: str
) -> None:
    status, code, place, message = await refusal(http, body(**fields))
    assert (status, code, place) == (400, "invalid_value", param)
    assert said in message
    assert embedder.asked == []


async def test_an_unknown_field_is_refused_and_one_that_asks_for_nothing_passes(http: httpx.AsyncClient) -> None:
    assert (await refusal(http, body(late_chunking=True)))[:3] == (400, "unknown_parameter", "late_chunking")
    harmless = {
        "user": "u",
        "dimensions": None,
        "encoding_format": None,
        "late_chunking": False,
        "metadata": {"a": "b"},
    }
    assert (await http.post(PATH, json=body(**harmless))).status_code == 200


async def test_a_model_of_one_length_says_so(embedder: ScriptedEmbedder, http: httpx.AsyncClient) -> None:
    embedder.least_dimensions = embedder.dimensions
    assert "4 numbers only" in (await refusal(http, body(dimensions=3)))[3]
    assert (await http.post(PATH, json=body(dimensions=4))).status_code == 200


async def test_each_model_is_refused_by_name_where_it_does_not_belong(http: httpx.AsyncClient) -> None:
    status, code, param, message = await refusal(http, body(model="scripted"))
    assert (status, code, param) == (400, "cannot_embed", "model")
    assert "ask vectors" in message
    answer = await http.post(CHAT, json=chat_body(model="vectors"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "cannot_chat")
    assert "ask scripted" in answer.json()["error"]["message"]
    status, code, _, message = await refusal(http, body(model="other"))
    assert (status, code) == (404, "model_not_found")
    assert "served: scripted, vectors" in message


async def test_without_an_embedding_model_the_setting_is_named(engine: ScriptedEngine) -> None:
    async with running(create_app(engine)) as url, httpx.AsyncClient(base_url=url) as http:
        await until_ready(http)
        assert "GLADOS_EMBEDDING_MODEL" in (await refusal(http, body(model="scripted")))[3]
        assert (await refusal(http, body(model="vectors")))[1] == "model_not_found"


async def test_the_list_of_models_says_what_each_can_do(http: httpx.AsyncClient) -> None:
    chat, vectors = (await http.get("/v1/models")).json()["data"]
    assert chat["capabilities"] == {"chat": True, "embedding": False, "vision": False}
    assert vectors["capabilities"] == {"chat": False, "embedding": True, "vision": False}
    assert (vectors["max_model_len"], vectors["dimensions"], vectors["least_dimensions"]) == (100, 4, 2)
    assert (await http.get("/v1/models/vectors")).json() == vectors


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (InputRefusedError("input", "input[1]: too long", "context_length_exceeded", prompt_tokens=9), 400,
         "context_length_exceeded"),
        (QueueFullError(9, 12.0), 429, "queue_full"),
        (GenerationFailedError("bang"), 500, "generation_failed"),
        (EngineDeadError("gone"), 503, "engine_dead"),
        (ZeroDivisionError(), 500, "internal_error"),
    ],
)  # fmt: skip
async def test_a_failure_has_its_status(
    embedder: ScriptedEmbedder, http: httpx.AsyncClient, failure: Exception, status: int, code: str
) -> None:
    embedder.failure = failure
    assert (await refusal(http, body()))[:2] == (status, code)


async def test_a_dead_embedder_ends_the_service(engine: ScriptedEngine, embedder: ScriptedEmbedder) -> None:
    deaths: list[Exception] = []
    app = create_app(engine, embedder=embedder, on_death=deaths.append)
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        await until_ready(http)
        embedder.fatal = "the GPU is gone"
        await until(lambda: bool(deaths))
        assert (await http.post(CHAT, json=chat_body())).status_code == 503
    assert "the GPU is gone" in str(deaths[0])
    assert embedder.stopped


async def test_an_embedder_that_cannot_load_ends_the_service(
    engine: ScriptedEngine, embedder: ScriptedEmbedder
) -> None:
    embedder.load_error = ConfigError("no such weights")
    deaths: list[Exception] = []
    async with running(create_app(engine, embedder=embedder, on_death=deaths.append)):
        await until(lambda: bool(deaths))
    assert deaths == [embedder.load_error]


async def test_two_models_of_one_name_are_refused(engine: ScriptedEngine, embedder: ScriptedEmbedder) -> None:
    embedder.model = "scripted"
    deaths: list[Exception] = []
    async with running(create_app(engine, embedder=embedder, on_death=deaths.append)):
        await until(lambda: bool(deaths))
    assert isinstance(deaths[0], ConfigError)
    assert "GLADOS_EMBEDDING_MODEL" in str(deaths[0])


async def test_a_client_that_leaves_ends_its_job(embedder: ScriptedEmbedder, http: httpx.AsyncClient) -> None:
    embedder.gate = asyncio.Event()
    asking = asyncio.create_task(http.post(PATH, json=body()))
    await until(lambda: embedder.begun == 1)
    asking.cancel()
    await until(lambda: embedder.closed == 1)
    assert embedder.finished == 0


async def test_a_drain_lets_running_jobs_finish_and_refuses_new_ones(
    embedder: ScriptedEmbedder, service: Service, http: httpx.AsyncClient
) -> None:
    embedder.gate = asyncio.Event()
    asking = asyncio.create_task(http.post(PATH, json=body()))
    await until(lambda: embedder.begun == 1)
    draining = asyncio.create_task(service.drain(60))
    await until(lambda: service.why_not_ready() is not None)
    assert (await http.post(PATH, json=body())).status_code == 503
    embedder.gate.set()
    assert (await asking).status_code == 200
    await draining


async def test_a_drain_without_grace_aborts_the_job(
    embedder: ScriptedEmbedder, service: Service, http: httpx.AsyncClient
) -> None:
    embedder.gate = asyncio.Event()
    asking = asyncio.create_task(http.post(PATH, json=body()))
    await until(lambda: embedder.begun == 1)
    await service.drain(0)
    assert (await asking).status_code == 503


async def test_the_tokens_of_texts_count_for_the_key(
    engine: ScriptedEngine, embedder: ScriptedEmbedder, tmp_path: Path
) -> None:
    book = KeyBook(tmp_path)
    key, text = book.create("laptop", ["chat"], tokens_per_day=30)
    _, other = book.create("lists", ["models"])
    app = create_app(engine, embedder=embedder, keys=book)
    headers = {"Authorization": f"Bearer {text}"}
    async with running(app) as url, httpx.AsyncClient(base_url=url, headers=headers) as http:
        await until_ready(http)
        assert (await http.post(PATH, json=body(input=["x" * 20, "y" * 10]))).status_code == 200
        await until(lambda: book.spent_today(key.id) == 30)
        assert (await refusal(http, body()))[:2] == (429, "tokens_per_day")
        forbidden = await http.post(PATH, json=body(), headers={"Authorization": f"Bearer {other}"})
        assert (forbidden.status_code, forbidden.json()["error"]["code"]) == (403, "missing_scope")
    assert embedder.asked[0][1] == key.id


async def test_running_jobs_may_not_exceed_the_keys_tokens_together(
    engine: ScriptedEngine, embedder: ScriptedEmbedder, tmp_path: Path
) -> None:
    book = KeyBook(tmp_path)
    _, text = book.create("laptop", ["chat"], tokens_per_day=30)
    embedder.gate = asyncio.Event()
    app = create_app(engine, embedder=embedder, keys=book)
    headers = {"Authorization": f"Bearer {text}"}
    async with running(app) as url, httpx.AsyncClient(base_url=url, headers=headers) as http:
        await until_ready(http)
        first = asyncio.create_task(http.post(PATH, json=body(input="x" * 40)))
        await until(lambda: embedder.begun == 1)
        assert (await refusal(http, body()))[:2] == (429, "tokens_per_day")
        embedder.gate.set()
        assert (await first).status_code == 200


async def test_metrics_count_texts_tokens_and_those_who_wait(http: httpx.AsyncClient) -> None:
    await http.post(PATH, json=body(input=["a", "bc"]))
    text = (await http.get("/metrics")).text
    for line in (
        "glados_embeddings_total 2.0",
        'glados_tokens_total{kind="prompt"} 3.0',
        'glados_requests_total{outcome="stop"} 1.0',
        "glados_embedding_requests_waiting 3.0",
        "glados_embedding_requests_running 1.0",
    ):
        assert line in text
