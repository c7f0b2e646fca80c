"""What an error of a server means, and what it says to people."""

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from glados_bots.errors import RequestRejectedError, ServiceUnavailableError
from glados_bots.wire.refusals import (
    BLIND,
    LONGEST_RETRY_S,
    TOO_LARGE,
    TOO_LONG,
    TOO_MANY_PICTURES,
    refusal,
    retry_after_s,
)
from glados_bots.wording.sentence import say

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


MMPROJ = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
DETAIL = [{"type": "string_type", "loc": ["body", "messages", 0, "content"], "msg": "Input should be a valid string"}]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "this model reads text", "code": "image_not_supported"}}),
        (500, {"error": {"code": 500, "message": MMPROJ, "type": "server_error"}}),
        (500, {"error": {"code": 500, "message": "image input is not supported by this server"}}),
        (400, {"error": {"message": "unsupported content[].type"}}),
        (500, {"error": {"message": 'Failed to parse messages: Unsupported content part type: "image_url"; '}}),
        (500, {"error": {"message": "this model is missing data required for image input", "type": "api_error"}}),
        (400, {"error": {"message": "this model does not support image input (ref: 1)"}}),
        (400, {"error": "Model does not support images. Please use a model that does."}),
        (400, {"error": {"message": "org/text-8b is not a multimodal model", "type": "BadRequestError", "code": 400}}),
        (400, {"object": "error", "message": "At most 0 image(s) may be provided in one prompt.", "code": 400}),
        (404, {"error": {"message": "No endpoints found that support image input", "code": 404}}),
        (404, {"error": {"code": "404", "message": "No endpoints found that support image input", "type": ""}}),
        (400, {"error": {"message": "Invalid content type. image_url is only supported by certain models."}}),
        (400, {"error": {"message": "Failed to deserialize the JSON body into the target type: messages[0]: unknown "
                                    "variant `image_url`, expected `text` at line 1"}}),
        (400, {"error": {"message": "message type 'image_url' is not supported for model 'glm-5'"}}),
        (400, {"error": {"message": "messages.content.type is invalid, allowed values: ['text']"}}),
        (400, {"error": {"message": "messages[0].content must be a string"}}),
        (400, {"error": {"message": "Image input is not enabled for this model"}}),
        (400, {"error": {"message": "This model doesn't support vision"}}),
        (422, {"detail": DETAIL}),
    ],
)  # fmt: skip
def test_a_model_that_cannot_see_is_known_by_its_servers_words(status: int, body: dict[str, Any]) -> None:
    found = refusal(status, json.dumps(body).encode(), {})
    assert isinstance(found, RequestRejectedError)
    assert (found.code, found.sentence) == (BLIND, say("server-blind"))


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("At most 1 image(s) may be provided in one prompt. Set `--limit-mm-per-prompt` to increase this limit.", 1),
        ("Too many images provided. This model supports up to 5 images", None),
        ("This model takes a maximum of 8 images", 8),
    ],
)
def test_too_many_pictures_are_known_with_their_number(text: str, most: int | None) -> None:
    found = refusal(400, json.dumps({"error": {"message": text}}).encode(), {})
    assert isinstance(found, RequestRejectedError)
    assert (found.code, found.max_pictures) == (TOO_MANY_PICTURES, most)
    assert found.sentence == say("server-too-many-pictures")


@pytest.mark.parametrize(
    "text",
    [
        "No endpoints found for org/name.",
        "Invalid image data: cannot identify image file",
        "the URL of the image must be https or a base64 encoded image",
        "temperature must be a number",
    ],
)
def test_other_words_about_pictures_are_not_taken_for_it(text: str) -> None:
    found = refusal(404, json.dumps({"error": {"message": text}}).encode(), {})
    assert isinstance(found, RequestRejectedError)
    assert found.code not in {BLIND, TOO_MANY_PICTURES}


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for_whatever_it_says_of_pictures(status: int) -> None:
    assert isinstance(refusal(status, json.dumps({"error": MMPROJ}).encode(), {}), ServiceUnavailableError)


@pytest.mark.parametrize(
    "body", [b"<html><h1>413 Request Entity Too Large</h1></html>", b'{"error": {"code": "x"}}', b""]
)
def test_a_body_that_is_too_large_is_said_in_one_sentence(body: bytes) -> None:
    found = refusal(413, body, {"Retry-After": "5"})
    assert isinstance(found, RequestRejectedError)
    assert (found.code, found.sentence) == (TOO_LARGE, say("server-413"))
