"""What a request may say, and that nothing it says gets past unbounded."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from glados_bots.conversation import Message
from glados_bots.inference.api.chat.calls import conversation
from glados_bots.inference.api.chat.requests import MOST_MESSAGES, ChatRequest
from glados_bots.inference.api.checking import MOST_STOPS
from glados_bots.wire.events import Sampling

ASK = {"role": "user", "content": "Hi"}
NUMBERS = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (-1, 100_000),
    "seed": (-(2**63), 2**63 - 1),
    "max_tokens": (1, 1_000_000),
    "max_completion_tokens": (1, 1_000_000),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "n": (1, 8),
    "min_p": (0, 1),
    "min_tokens": (0, 1_000_000),
    "top_logprobs": (0, 20),
}
FRACTIONS = {"temperature", "top_p", "presence_penalty", "frequency_penalty", "min_p"}


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
            {"role": "developer", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "kind."}]},
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
    assert conversation(said.messages) == [Message("system", "Be\nkind."), Message("user", "Hi")]
    assert said.sampling() == Sampling(8, 1.0, 0.5, 3, -4, 0.5, -0.5, ("END",))


def test_what_is_left_out_or_null_is_left_to_the_card() -> None:
    nothing = dict.fromkeys([*NUMBERS, "stop", "stream", "stream_options", "tools", "response_format"])
    assert request().sampling() == request(**nothing).sampling() == Sampling()


@given(st.sampled_from(sorted(NUMBERS)), st.one_of(st.integers(), st.floats()))
@settings(max_examples=300, deadline=None)
def test_a_number_outside_its_bounds_is_refused_by_name(field: str, number: float) -> None:
    low, high = NUMBERS[field]
    whole = isinstance(number, int) or (number.is_integer() and abs(number) < 2**63)
    if number == -1 and field in {"max_tokens", "max_completion_tokens"}:
        assert request(**{field: number}).sampling() == Sampling()
    elif low <= number <= high and (whole or field in FRACTIONS):
        assert getattr(request(**{field: number, "logprobs": True}), field) == number
    else:
        assert wrong_field(**{field: number}) == field


@pytest.mark.parametrize("field", sorted(NUMBERS))
@pytest.mark.parametrize("value", ["1", True, [1], {"a": 1}, float("nan"), float("inf"), 10**400, -(10**30)])
def test_what_is_no_number_is_refused_by_name(field: str, value: Any) -> None:
    assert wrong_field(**{field: value}) == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("functions", [{}]),
        ("audio", {"voice": "x"}),
        ("function_call", {"name": "f"}),
        ("prompt_logprobs", 0),
        ("do_sample", False),
        ("think", False),
        ("n_predict", 0),
        ("repetition_penalty", 0),
        ("mirostat", 1),
        ("grammar", "root ::= x"),
        ("json_schema", {"type": "object"}),
        ("echo", True),
        ("best_of", 2),
        ("ignore_eos", True),
        ("bad_words", ["x"]),
        ("allowed_token_ids", [1]),
        ("include_stop_str_in_output", True),
        ("skip_special_tokens", False),
        ("continue_final_message", True),
        ("add_generation_prompt", False),
        ("length_penalty", 0.5),
        ("use_beam_search", True),
        ("mirostat", 2),
        ("dry_multiplier", 0.8),
        ("truncate_prompt_tokens", 100),
        ("prompt_logprobs", 1),
        ("top_logprobs", 2),
        ("documents", [{"text": "x"}]),
        ("verbosity", "low"),
        ("modalities", ["text", "audio"]),
        ("web_search_options", {"search_context_size": "low"}),
        ("web_search_options", {}),
        ("n_predict", 5),
        ("max_tokns", 5),
        ("temprature", 1.0),
        ("chat_template", "{{ messages }}"),
        ("reasoning_effort", "much"),
        ("enable_thinking", 0),
    ],
)
def test_what_we_do_not_do_is_refused_and_not_ignored(field: str, value: Any) -> None:
    assert wrong_field(**{field: value}) == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", []),
        ("logprobs", False),
        ("response_format", {"type": "text"}),
        ("tool_choice", "auto"),
        ("parallel_tool_calls", True),
        ("store", True),
        ("service_tier", "auto"),
        ("prompt_cache_key", "a"),
        ("safety_identifier", "ada"),
        ("metadata", {"a": "b"}),
        ("best_of", 1),
        ("echo", False),
        ("min_p", 0.0),
        ("min_p", 0),
        ("min_tokens", 0),
        ("top_logprobs", 0),
        ("logit_bias", {}),
        ("stop_token_ids", []),
        ("n", 1),
        ("length_penalty", 1),
        ("skip_special_tokens", True),
        ("guided_json", None),
        ("guided_choice", []),
        ("guided_regex", ""),
        ("whatever", None),
        ("mirostat", 0),
        ("mirostat_tau", 5.0),
        ("n_predict", -1),
        ("stream_options", {"include_usage": None, "include_obfuscation": True}),
        ("max_tokens", -1),
        ("max_completion_tokens", -1),
    ],
)
def test_what_asks_for_nothing_is_taken(field: str, value: Any) -> None:
    assert request(**{field: value}).sampling() == Sampling()


def test_wishes_about_tokens_reach_the_engine() -> None:
    said = request(
        logprobs=True,
        top_logprobs=20,
        logit_bias={"5": -100, "07": 1.5},
        min_p=0.1,
        repetition_penalty=1.2,
        stop_token_ids=[2, 3],
        min_tokens=4,
    )
    assert said.sampling() == Sampling(
        logprobs=20,
        logit_bias={5: -100.0, 7: 1.5},
        min_p=0.1,
        repetition_penalty=1.2,
        stop_tokens=(2, 3),
        min_tokens=4,
    )
    assert request(logprobs=True).sampling() == Sampling(logprobs=0)
    assert request(repetition_penalty=1).sampling() == Sampling(repetition_penalty=1.0)


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"top_logprobs": 2, "logprobs": False}, "top_logprobs"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ({"logprobs": 5}, "logprobs"),
        ({"logit_bias": {str(token): 1 for token in range(1_025)}}, "logit_bias"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5"),
        ({"logit_bias": {"five": 1}}, "logit_bias.five.[key]"),
        ({"logit_bias": {"-1": 1}}, "logit_bias.-1.[key]"),
        ({"logit_bias": {"5": float("nan")}}, "logit_bias.5"),
        ({"logit_bias": [[5, 1]]}, "logit_bias"),
        ({"stop_token_ids": [2] * 129}, "stop_token_ids"),
        ({"stop_token_ids": [-1]}, "stop_token_ids.0"),
        ({"min_tokens": 9, "max_tokens": 8}, "min_tokens"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"repetition_penalty": -1.0}, "repetition_penalty"),
    ],
)
def test_wishes_about_tokens_are_bounded(wishes: dict[str, Any], field: str) -> None:
    assert wrong_field(**wishes) == field


def test_what_a_template_is_told_is_read() -> None:
    assert request(reasoning_effort="low").sampling() == Sampling(effort="low")
    assert request(reasoning_effort="").sampling() == Sampling()
    assert request(enable_thinking=False).sampling() == Sampling(effort="none")
    assert request(enable_thinking=True).sampling() == Sampling(effort="medium")
    values = {"a": 1, "b": "x", "c": True, "d": None, "e": 0.5}
    assert request(chat_template_kwargs=values).sampling() == Sampling(variables=values)


@pytest.mark.parametrize(
    "given", [{"a": []}, {"a": {}}, {"a b": 1}, {"": 1}, {"a": "x" * 1001}, {f"a{n}": 1 for n in range(17)}, [], "a"]
)
def test_only_some_simple_values_reach_a_template(given: Any) -> None:
    assert wrong_field(chat_template_kwargs=given).startswith("chat_template_kwargs")


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
        ([{"role": "assistant"}], "messages"),
        ([{"role": "user"}], "messages.0.content"),
        ([{"role": "system", "content": None}], "messages.0.content"),
        ([ASK, {"role": "tool", "content": "5"}], "messages.1.tool_call_id"),
        ([{"role": "user", "content": None}], "messages.0.content"),
        ([{"role": "user", "content": "\udc00"}], "messages.0.content"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}], "messages.0.content"),
        ([{"role": "user", "content": [{"type": "text", "text": "x"}] * 1001}], "messages.0.content"),
        ([ASK, {"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]}], "messages.1.tool_calls.0.function"),
    ],
)
def test_messages_that_cannot_be_answered_are_refused_by_place(messages: Any, field: str) -> None:
    assert wrong_field(messages=messages) == field


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "Say hello."}],
        [{"role": "assistant", "content": "Hi"}],
        [ASK, {"role": "assistant", "content": None}, ASK],
        [ASK, {"role": "assistant"}, ASK],
        [{"role": "user", "content": "Hi", "name": "ada", "cache_control": {"type": "ephemeral"}}],
        [ASK, {"role": "assistant", "content": "Hi", "refusal": None, "annotations": [], "audio": None}, ASK],
        [ASK, {"role": "assistant", "content": "Hi", "function_call": None, "tool_calls": None}, ASK],
        [ASK, {"role": "assistant", "content": "Hi", "reasoning_content": "Hm."}, ASK],
    ],
)
def test_messages_as_clients_send_them_are_taken(messages: Any) -> None:
    assert conversation(request(messages=messages).messages) == [
        Message(each["role"], each.get("content") or "", reasoning=each.get("reasoning_content", ""))
        for each in messages
    ]


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([ASK, {"role": "assistant", "content": "On", "prefix": True}], "messages.1.prefix"),
        ([ASK, {"role": "assistant", "content": "On", "function_call": {"name": "f"}}], "messages.1.function_call"),
        ([ASK, {"role": "assistant", "content": "On", "audio": {"id": "x"}}], "messages.1.audio"),
    ],
)
def test_a_field_of_a_message_that_we_do_not_read_is_refused_by_place(messages: Any, field: str) -> None:
    assert wrong_field(messages=messages) == field


def test_an_option_of_streams_that_we_do_not_read_is_refused() -> None:
    assert wrong_field(stream_options={"continuous_usage_stats": True}) == "stream_options.continuous_usage_stats"


@pytest.mark.parametrize(("given", "taken"), [(0, 1e-6), (0.0, 1e-6), (1e-40, 1e-6), (0.3, 0.3), (1, 1.0)])
def test_a_nucleus_of_nothing_keeps_the_likeliest_token(given: float, taken: float) -> None:
    assert request(top_p=given).sampling().top_p == taken


@pytest.mark.parametrize(("given", "taken"), [(-1, 0), (0, 0), (5, 5)])
def test_a_top_k_of_minus_1_is_off(given: int, taken: int) -> None:
    assert request(top_k=given).sampling().top_k == taken
