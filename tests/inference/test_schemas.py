"""What a request may say, and that nothing it says gets past unbounded."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from glados_bots.conversation import Message
from glados_bots.inference.engine import Sampling
from glados_bots.inference.schemas import MOST_MESSAGES, MOST_STOPS, ChatRequest

ASK = {"role": "user", "content": "Hi"}
NUMBERS = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (0, 100_000),
    "seed": (-(2**63), 2**63 - 1),
    "max_tokens": (1, 1_000_000),
    "max_completion_tokens": (1, 1_000_000),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "n": (1, 1),
}
FRACTIONS = {"temperature", "top_p", "presence_penalty", "frequency_penalty"}


def request(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", "messages": [ASK], **fields})


def wrong_field(**fields: Any) -> str:
    """The first field found wrong."""
    with pytest.raises(ValidationError) as caught:
        request(**fields)
    return ".".join(str(part) for part in caught.value.errors()[0]["loc"])


def test_everything_a_request_can_say_reaches_the_engine() -> None:
    said = request(
        messages=[
            {"role": "developer", "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "kind."}]},
            {"role": "user", "content": "Hi", "name": "ada"},
        ],
        max_tokens=7,
        max_completion_tokens=8,
        temperature=1,
        top_p=0.5,
        top_k=3,
        seed=-4,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        stop="END",
        user="ada",
        metadata={"a": "b"},
    )
    assert [message.plain() for message in said.messages] == [Message("system", "Be kind."), Message("user", "Hi")]
    assert said.sampling() == Sampling(8, 1.0, 0.5, 3, -4, 0.5, -0.5, ("END",))


def test_what_is_left_out_or_null_is_left_to_the_card() -> None:
    nothing = dict.fromkeys([*NUMBERS, "stop", "stream", "stream_options", "tools", "response_format"])
    assert request().sampling() == request(**nothing).sampling() == Sampling()


@given(st.sampled_from(sorted(NUMBERS)), st.one_of(st.integers(), st.floats()))
@settings(max_examples=300, deadline=None)
def test_a_number_outside_its_bounds_is_refused_by_name(field: str, number: float) -> None:
    low, high = NUMBERS[field]
    whole = isinstance(number, int)
    if low <= number <= high and (whole or field in FRACTIONS) and (number or field != "top_p"):
        assert getattr(request(**{field: number}), field) == number
    else:
        assert wrong_field(**{field: number}) == field


@pytest.mark.parametrize("field", sorted(NUMBERS))
@pytest.mark.parametrize("value", ["1", True, [1], {"a": 1}, float("nan"), float("inf"), 10**400, -(10**30)])
def test_what_is_no_number_is_refused_by_name(field: str, value: Any) -> None:
    assert wrong_field(**{field: value}) == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [{"type": "function"}]),
        ("functions", [{}]),
        ("logprobs", True),
        ("logit_bias", {"5": 100}),
        ("audio", {"voice": "x"}),
        ("chat_template", "{{ messages }}"),
        ("chat_template_kwargs", {"a": 1}),
        ("response_format", {"type": "json_object"}),
    ],
)
def test_what_we_do_not_do_is_refused_and_not_ignored(field: str, value: Any) -> None:
    assert wrong_field(**{field: value}) == field


@pytest.mark.parametrize(
    ("field", "value"), [("tools", []), ("logprobs", False), ("response_format", {"type": "text"})]
)
def test_what_asks_for_nothing_is_taken(field: str, value: Any) -> None:
    assert request(**{field: value}).sampling() == Sampling()


@pytest.mark.parametrize(
    ("stop", "field"),
    [
        ([""], "stop.0"),
        (["a", "b" * 201], "stop.1"),
        (["x"] * (MOST_STOPS + 1), "stop"),
        (5, "stop"),
        ("\ud800", "stop.0"),
    ],
)
def test_stop_strings_are_bounded(stop: Any, field: str) -> None:
    assert wrong_field(stop=stop) == field


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([], "messages"),
        ("Hi", "messages"),
        ([ASK] * (MOST_MESSAGES + 1), "messages"),
        ([{"role": "user", "content": " \n"}], "messages"),
        ([{"role": "assistant", "content": "Hi"}], "messages"),
        ([ASK, {"role": "tool", "content": "5"}], "messages.1.role"),
        ([{"role": "user", "content": None}], "messages.0.content"),
        ([{"role": "user", "content": "\udc00"}], "messages.0.content"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "messages.0.content"),
        ([{"role": "user", "content": [{"type": "text", "text": "x"}] * 1001}], "messages.0.content"),
        ([ASK, {"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]}], "messages.1.tool_calls"),
    ],
)
def test_messages_that_cannot_be_answered_are_refused_by_place(messages: Any, field: str) -> None:
    assert wrong_field(messages=messages) == field
