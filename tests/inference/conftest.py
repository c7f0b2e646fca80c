"""What the tests of the service share: a scripted engine behind the real app on a real socket."""

from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.service import Service
from tests.fakes.engine import ScriptedEngine
from tests.servers import running
from tests.waiting import until_ready


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def app(engine: ScriptedEngine) -> FastAPI:
    return create_app(engine)


@pytest.fixture
def service(app: FastAPI) -> Service:
    return cast("Service", app.state.service)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as url, httpx.AsyncClient(base_url=url) as client:
        await until_ready(client)
        yield client
