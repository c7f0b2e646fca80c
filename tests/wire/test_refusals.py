"""What an error of a server means, and what it says to people."""

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from glados_bots.errors import RequestRejectedError, ServiceUnavailableError
from glados_bots.wire.refusals import LONGEST_RETRY_S, TOO_LONG, refusal, retry_after_s

NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": formatdate(NOW + 90, usegmt=True)}, 90.0),
        ({"Retry-After": formatdate(500.0, usegmt=True), "Date": formatdate(440.0, usegmt=True)}, 60.0),
        ({"Retry-After": formatdate(NOW - 90, usegmt=True)}, 0.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "1e300"}, LONGEST_RETRY_S),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST_RETRY_S),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_a_number_or_a_date(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], seconds: float | None
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize(
    ("error", "figures"),
    [
        ("maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens", (5000, 4096)),
        ("maximum context length is 4096 tokens, requested 5000 tokens (4000 in the messages, 1000 in", (4000, 4096)),
        ("maximum context length is 512 tokens and your request has 300 input tokens (1024 > 512 - 300)", (300, 512)),
        ("The input token count (5000) exceeds the maximum number of tokens allowed (4096).", (5000, 4096)),
        ("The input (5000 tokens) is longer than the model's context length (4096 tokens).", (5000, 4096)),
        (
            "context length of 4096 tokens. You requested a total of 5000 tokens: 4000 tokens from the input",
            (4000, 4096),
        ),
        ("`inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1500 `inputs` tokens", (1500, 2048)),
        ("the model is loaded with context length of only 4096 tokens", (None, 4096)),
        ("Prompt contains 40000 tokens, too large for model with 32768 maximum context length", (40000, None)),
        ("prompt is too long: 210000 tokens > 200000 maximum", (210000, 200000)),
        ("Requested tokens exceed context window of 2048", (None, 2048)),
        ("the context window is full", (None, None)),
    ],
)
def test_a_prompt_that_is_too_long_is_known_with_its_figures(
    error: str, figures: tuple[int | None, int | None]
) -> None:
    found = refusal(400, json.dumps({"error": {"message": error}}).encode(), {})
    assert isinstance(found, RequestRejectedError)
    assert found.code == TOO_LONG
    assert (found.prompt_tokens, found.context_length) == figures


def test_the_figures_of_llama_cpp_stand_in_fields() -> None:
    error = {"code": 400, "type": "exceed_context_size_error", "message": "too big", "n_prompt_tokens": 9, "n_ctx": 8}
    found = refusal(400, json.dumps({"error": error}).encode(), {})
    assert isinstance(found, RequestRejectedError)
    assert (found.code, found.prompt_tokens, found.context_length) == (TOO_LONG, 9, 8)


@pytest.mark.parametrize("text", ["temperature must be below 2", "unknown field: top_k", "the model is not supported"])
def test_other_refusals_are_not_taken_for_it(text: str) -> None:
    found = refusal(400, json.dumps({"error": {"message": text}}).encode(), {})
    assert isinstance(found, RequestRejectedError)
    assert found.code != TOO_LONG


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[1]", b'"x"', b"[" * 100_000, b'{"error": 5}', b"<html>x</html>" * 999]
)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRejectedError),
        (418, RequestRejectedError),
        (429, ServiceUnavailableError),
        (599, ServiceUnavailableError),
    ],
)
def test_any_body_is_a_sentence_of_ours(body: bytes, status: int, kind: type[Exception]) -> None:
    found: Any = refusal(status, body, {})
    assert isinstance(found, kind)
    assert f"status {status}" in str(found)
    assert "html" not in str(found)
    assert len(str(found)) < 200


@pytest.mark.parametrize(("status", "is_final"), [(400, True), (500, True), (429, False), (503, False)])
def test_a_full_window_is_known_whatever_its_status_but_not_where_a_server_is_busy(status: int, is_final: bool) -> None:
    text = "the request exceeds the available context size"
    found = refusal(status, json.dumps({"error": {"message": text, "n_ctx": "4096"}}).encode(), {})
    assert isinstance(found, RequestRejectedError) == is_final
    assert not is_final or (isinstance(found, RequestRejectedError) and found.context_length == 4096)
