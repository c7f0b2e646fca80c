"""OpenAI's published schema against the service: what it calls a request is answered, or refused by name.

schemathesis makes the requests. Every good reply fits the published schema, every refusal has the published form, and
no request ends in 5xx or in silence. differences.py names the fields that are not served, and why.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from schemathesis.generation.modes import GenerationMode

from glados_bots.inference import echo_engine
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.fields import HARMLESS
from glados_bots.inference.engine import EngineOptions
from tests.fakes.embedder import ScriptedEmbedder
from tests.inference.contract import differences, published
from tests.inference.contract.bounds import LONGEST_S, bounded, cases
from tests.servers import in_a_thread

FEW, MANY = 4, 12
PATHS = list(differences.FIELDS)
EACH_FIELD = [(path, name) for path in PATHS for name in sorted(published.fields(path)) if name != "model"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patched, in_a_thread(_echo(tmp_path_factory.mktemp("data"))) as address:
        patched.setattr(echo_engine, "PAUSE_S", 0.0)
        yield f"{address}/v1"


def _echo(data_dir: Path) -> Any:
    return create_app(echo_engine.EchoEngine(None, EngineOptions(data_dir)), embedder=ScriptedEmbedder())


def _events(text: str) -> list[Any]:
    """The events of a stream, without `[DONE]`."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def ask(url: str, case: Any) -> tuple[int, Any]:
    """(status, refusal) of one request, whose reply fits the schema."""
    response = case.call(base_url=url, timeout=LONGEST_S)
    if response.status_code == 200:
        kind = response.headers["content-type"][0].partition(";")[0]
        name = published.schema_of(case.operation.path, "post", kind)
        for reply in _events(response.text) if kind == published.STREAM else [response.json()]:
            assert not published.wrong(reply, name), case.body
        return 200, None
    assert 400 <= response.status_code < 500, (response.status_code, response.text, case.body)
    assert not published.wrong(response.json(), "ErrorResponse")
    return response.status_code, response.json()["error"]


def each(examples: int, operation: Any, mode: GenerationMode, check: Callable[[Any], None]) -> None:
    bounded(examples)(given(case=cases(operation, mode))(check))()


def check_field(url: str, path: str, field: str, examples: int) -> None:
    """Every published value of one field is answered, or refused as differences.py says."""
    kind, reason = differences.FIELDS[path].get(field, ("served", ""))
    statuses: set[int] = set()

    def check(case: Any) -> None:
        status, refusal = ask(url, case)
        statuses.add(status)
        if refusal is not None:
            assert reason, (refusal, case.body[field])
            assert str(refusal["param"]).split(".")[0] in {field, *published.companions(path, field)}, refusal

    each(examples, published.operation(path, [field]), GenerationMode.POSITIVE, check)
    if kind == differences.REFUSED and examples >= MANY:  # else the refused values may be rare
        assert 400 in statuses


def check_whole(url: str, path: str, mode: GenerationMode, examples: int) -> None:
    """Requests with any number of the published fields, right or wrong. A field that is not read takes any value."""
    unread = HARMLESS if mode == GenerationMode.NEGATIVE else ()
    asked = [name for name in published.fields(path) if name not in unread]
    names = [name if name in published.PLAIN[path] else f"{name}?" for name in asked]
    statuses = []
    each(examples, published.operation(path, names), mode, lambda case: statuses.append(ask(url, case)[0]))
    assert 400 in statuses


@pytest.mark.parametrize(("path", "field"), EACH_FIELD)
def test_a_published_field_is_served_or_refused_by_name(url: str, path: str, field: str) -> None:
    check_field(url, path, field, FEW)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "field"), EACH_FIELD)
def test_many_values_of_a_published_field(url: str, path: str, field: str) -> None:
    check_field(url, path, field, MANY)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_a_published_request_breaks_nothing(url: str, path: str, mode: GenerationMode) -> None:
    check_whole(url, path, mode, 5 * FEW)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_many_published_requests(url: str, path: str, mode: GenerationMode) -> None:
    check_whole(url, path, mode, 5 * MANY)


def test_every_difference_is_about_a_published_field() -> None:
    assert all(set(table) <= set(published.fields(path)) for path, table in differences.FIELDS.items())
