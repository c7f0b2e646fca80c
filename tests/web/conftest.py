"""The page as it runs: uvicorn, a real Valkey, and a scripted model at the far end of the wire."""

from collections.abc import AsyncIterator

import httpx
import pytest

from glados_bots.settings import Settings
from glados_web.app import create_app
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running


@pytest.fixture
async def model() -> ScriptedModel:
    """Answers at once, until the test closes its gate."""
    scripted = ScriptedModel()
    scripted.gate.set()
    return scripted


@pytest.fixture
async def settings(redis_url: str, model: ScriptedModel) -> AsyncIterator[Settings]:
    """Settings of a page on the empty database and the scripted model."""
    async with running(model.app()) as url:
        yield Settings(redis_url=redis_url, inference_url=f"{url}/v1", grace=1, message_max_chars=2000)


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[str]:
    """URL of the running page."""
    async with running(create_app(settings)) as url:
        yield url


@pytest.fixture
async def visitor(site: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's HTTP side, which has seen the page."""
    async with httpx.AsyncClient(base_url=site, trust_env=False) as client:
        await client.get("/")
        yield client
