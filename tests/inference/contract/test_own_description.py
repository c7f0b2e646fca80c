"""The API's own description (/openapi.json) against the service: odd requests, and what it says of the replies."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import given
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from glados_bots.inference.api.app import create_app
from tests.fakes.engine import ScriptedEngine
from tests.inference.contract.bounds import LONGEST_S, bounded, cases
from tests.servers import in_a_thread

pytestmark = pytest.mark.slow

WITHOUT_INPUT = {
    "GET /health",
    "GET /ready",
    "GET /metrics",
    "GET /v1/models",
    "GET /tokenizer_info",
    "GET /v1/models/{name}",
}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 30  # of each operation, valid and invalid ones
KEY = "s3cret"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with in_a_thread(create_app(ScriptedEngine(), api_key=KEY)) as address:
        yield address


@pytest.fixture(scope="module")
def operations(url: str) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers={"Authorization": f"Bearer {KEY}"})
    return [cast("Ok[Any]", result).ok() for result in schema.get_all_operations()]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_breaks_the_service(operations: list[Any], mode: GenerationMode) -> None:
    """Nothing can be wrong where nothing is sent, and any text is a proper {name}."""
    statuses: dict[str, set[int]] = {}

    def ask(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {KEY}"}, timeout=LONGEST_S)
        case.validate_response(response, checks=CHECKS)
        statuses.setdefault(case.operation.label, set()).add(response.status_code)
        if response.status_code >= 400:
            assert response.json()["error"]["code"]

    for operation in operations:
        if mode == GenerationMode.POSITIVE or operation.label not in WITHOUT_INPUT:
            bounded(EXAMPLES)(given(case=cases(operation, mode))(ask))()
    labels = {each.label for each in operations}
    assert set(statuses) == (labels - WITHOUT_INPUT if mode == GenerationMode.NEGATIVE else labels)
    if mode == GenerationMode.NEGATIVE:
        assert set().union(*statuses.values()) <= {400, 413, 404, 405}
