"""The API against its own description: odd requests made by schemathesis, none of which may break it.

Not checked are the statuses and bodies of refusals: the description leaves them out, and test_guard.py knows them.
"""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation.modes import GenerationMode

from glados_bots.inference.api.app import create_app
from tests.fakes.engine import ScriptedEngine
from tests.servers import free_port, running

pytestmark = pytest.mark.slow

WITH_INPUT = {"POST /v1/chat/completions", "POST /v1/responses"}  # what can be wrong; any text is a proper {name}
BOUNDED = settings(
    max_examples=60,  # of each operation, valid and invalid ones
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
KEY = "s3cret"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The service, in a thread of its own: schemathesis is not asynchronous."""
    ready, done = threading.Event(), threading.Event()
    port = free_port()

    async def serve() -> None:
        async with running(create_app(ScriptedEngine(), api_key=KEY), port):
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(20)
    yield f"http://127.0.0.1:{port}"
    done.set()
    thread.join()


@pytest.fixture(scope="module")
def operations(url: str) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers={"Authorization": f"Bearer {KEY}"})
    return [cast("Ok[Any]", result).ok() for result in schema.get_all_operations()]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_breaks_the_service(operations: list[Any], mode: GenerationMode) -> None:
    statuses: dict[str, set[int]] = {}
    assert len(operations) == 7

    def ask(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {KEY}"}, timeout=20)
        case.validate_response(response, checks=[not_a_server_error])
        statuses.setdefault(case.operation.label, set()).add(response.status_code)
        if response.status_code >= 400:
            assert response.json()["error"]["code"]

    for operation in operations:
        if mode == GenerationMode.NEGATIVE and operation.label not in WITH_INPUT:
            continue  # nothing can be wrong where nothing is sent
        BOUNDED(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    assert set(statuses) == (WITH_INPUT if mode == GenerationMode.NEGATIVE else {each.label for each in operations})
    if mode == GenerationMode.NEGATIVE:
        assert statuses["POST /v1/chat/completions"] <= {400, 413, 404, 405}
