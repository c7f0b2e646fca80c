"""docs/api/README.md names every field of a request, and the service does with each what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.inference.api.checking import StrictSchema
from glados_bots.inference.api.completions.requests import CompletionRequest
from glados_bots.inference.api.errors import _invalid
from glados_bots.inference.api.remedies import REMEDIES, remedy
from tests.inference.contract import published

PAGE = Path(__file__).parents[3] / "docs" / "api" / "README.md"
SCHEMAS: dict[str, type[StrictSchema]] = {"Chat": ChatRequest, "Completions": CompletionRequest}
PLAIN = {
    "Chat": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
    "Completions": {"model": "m", "prompt": "Hi"},
}
PATHS = {"Chat": "/chat/completions", "Completions": "/completions"}
# Values that ask for something, where another value than "x" is needed
ASKS: dict[str, Any] = {"add_special_tokens": False, "add_generation_prompt": False, "skip_special_tokens": False}


def rows() -> Iterator[tuple[str, str, str, str]]:
    """(field, endpoint, `yes`, `no` or `unread`, remedy) of each cell of the page."""
    page = PAGE.read_text(encoding="utf-8")
    head, *lines = re.findall(r"^\| (?:Field|`).*$", page[page.index("## Fields") :], re.MULTILINE)
    endpoints = [cell.strip() for cell in head.split("|")[2:-2]]
    for line in lines:
        names, *cells, told = (cell.strip() for cell in line.strip("|").split("|"))
        for name in re.findall("`([^`]+)`", names):
            for endpoint, cell in zip(endpoints, cells, strict=True):
                yield name, endpoint, cell, told


ROWS = list(rows())
NOWHERE = {name for name, *_ in ROWS} - {name for name, _, cell, _ in ROWS if cell != "no"}


@pytest.mark.parametrize(("name", "endpoint", "cell", "told"), ROWS, ids=lambda each: str(each)[:30])
def test_a_field_is_done_or_refused_as_the_page_says(name: str, endpoint: str, cell: str, told: str) -> None:
    schema = SCHEMAS[endpoint]
    plain: Any = PLAIN[endpoint]
    given = {**plain, name: ASKS.get(name, ["x"])}
    if cell == "yes":
        assert name in schema.model_fields
    elif cell == "unread":
        assert name not in schema.model_fields
        schema.model_validate(given)
    else:
        assert cell == "no"
        with pytest.raises(ValidationError) as caught:
            schema.model_validate(given)
        error = caught.value.errors()[0]
        assert error["loc"] == (name,)
        assert said(error).endswith(told if name in NOWHERE else remedy(name))


def said(error: Any) -> str:
    """The text of the refusal, as clients get it."""
    return str(_invalid(RequestValidationError([{**error, "loc": ("body", *error["loc"])}])))


@pytest.mark.parametrize("endpoint", SCHEMAS)
def test_the_page_names_every_field(endpoint: str) -> None:
    named = {name: cell for name, where, cell, _ in ROWS if where == endpoint}
    for names in (published.fields(PATHS[endpoint]), REMEDIES, SCHEMAS[endpoint].model_fields):
        assert set(names) <= set(named)


def test_what_has_a_remedy_is_done_nowhere_or_elsewhere() -> None:
    assert {name: told for name, _, _, told in ROWS if name in NOWHERE and name in REMEDIES} == {
        name: REMEDIES[name] for name in REMEDIES if name in NOWHERE
    }
