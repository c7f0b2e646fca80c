"""What a request of /v1/responses means to the engine, and what is refused with its place."""

import json
from typing import Any

import httpx
import pytest

from glados_bots.conversation import Message, ToolCall
from glados_bots.errors import ParameterRefusedError
from glados_bots.wire.events import Grammar, Tool, ToolUse
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.responses.asking import ADD, RESPONSES, asked, body, refused
from tests.inference.pictures.draw import data_url, drawn

HI = {"role": "user", "content": "Hi"}
CALL = {"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "c1", "name": "add", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "3"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
WORDS = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Yes.", "annotations": [], "logprobs": []}],
}
ADDED = (ToolCall("c1", "add", "{}"),)
GIVEN = Message("tool", "3", tool_call_id="c1", name="add")
PICTURE = {"type": "input_image", "detail": "auto", "image_url": data_url(drawn(1))}
CONVERSATIONS: list[tuple[Any, list[Message]]] = [
    ("Hi", [Message("user", "Hi")]),
    ([HI], [Message("user", "Hi")]),
    (
        [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": word} for word in ("a", "b")]}],
        [Message("user", "a\nb")],
    ),
    ([{"role": "developer", "content": "Be brief."}, HI], [Message("system", "Be brief."), Message("user", "Hi")]),
    ([HI, WORDS, HI], [Message("user", "Hi"), Message("assistant", "Yes."), Message("user", "Hi")]),
    ([HI, {**WORDS, "content": "Yes."}], [Message("user", "Hi"), Message("assistant", "Yes.")]),
    (
        [HI, THOUGHT, WORDS, CALL, RESULT],
        [Message("user", "Hi"), Message("assistant", "Yes.", tool_calls=ADDED, reasoning="Hm."), GIVEN],
    ),
    (
        [HI, CALL, {**RESULT, "output": [{"type": "input_text", "text": "3"}]}, WORDS],
        [Message("user", "Hi"), Message("assistant", "", tool_calls=ADDED), GIVEN, Message("assistant", "Yes.")],
    ),
    (
        [HI, {**THOUGHT, "content": None, "summary": [{"type": "summary_text", "text": "Hm."}]}, WORDS],
        [Message("user", "Hi"), Message("assistant", "Yes.", reasoning="Hm.")],
    ),
    (
        [HI, {**CALL, "namespace": "sums"}, RESULT],
        [
            Message("user", "Hi"),
            Message("assistant", "", tool_calls=(ToolCall("c1", "sums__add", "{}"),)),
            Message("tool", "3", tool_call_id="c1", name="sums__add"),
        ],
    ),
    (
        [
            HI,
            {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": 'a "b"'},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "3"},
        ],
        [
            Message("user", "Hi"),
            Message("assistant", "", tool_calls=(ToolCall("c1", "patch", json.dumps({"input": 'a "b"'})),)),
            Message("tool", "3", tool_call_id="c1", name="patch"),
        ],
    ),
    (
        [HI, THOUGHT, HI, WORDS],  # a thought without an answer is no part of a later one
        [Message("user", "Hi"), Message("user", "Hi"), Message("assistant", "Yes.")],
    ),
    (
        [HI, {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
        [Message("user", "Hi"), Message("assistant", "No.")],
    ),
]


@pytest.mark.parametrize(("given", "expected"), CONVERSATIONS)
async def test_items_become_messages(
    engine: ScriptedEngine, http: httpx.AsyncClient, given: Any, expected: list[Message]
) -> None:
    await asked(http, input=given)
    assert list(engine.asked[-1][0]) == expected
    await asked(http, input=given, instructions="Be kind.")
    assert list(engine.asked[-1][0]) == [Message("system", "Be kind."), *expected]


async def test_pictures_reach_the_engine_also_those_that_a_tool_gave(
    engine: ScriptedEngine, http: httpx.AsyncClient
) -> None:
    engine.seeing = engine.models
    shown = {"role": "user", "content": [{"type": "input_text", "text": "Look."}, PICTURE]}
    await asked(http, input=[shown, CALL, {**RESULT, "output": [{"type": "input_text", "text": "3"}, PICTURE]}])
    messages = engine.asked[-1][0]
    assert [message.role for message in messages] == ["user", "assistant", "tool", "user"]
    assert [len(message.pictures) for message in messages] == [1, 0, 0, 1]
    assert (messages[2].content, messages[3].content) == ("3", "")


async def test_a_model_that_sees_nothing_is_named(http: httpx.AsyncClient) -> None:
    response = await http.post(RESPONSES, json=body(input=[{"role": "user", "content": [PICTURE]}]))
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, "image_not_supported", "input")


async def test_a_bad_picture_is_named_by_its_place(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    engine.seeing = engine.models
    bad = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    place, _ = await refused(http, input=[HI, {"role": "user", "content": [{"type": "input_text", "text": "a"}, bad]}])
    assert place == "input.1.content.1.image_url"


async def test_wishes_reach_the_engine(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    await asked(http, max_output_tokens=7, temperature=0.5, top_p=0, reasoning={"effort": "low"})
    sampling = engine.asked[-1][1]
    assert (sampling.max_tokens, sampling.temperature, sampling.top_p, sampling.effort) == (7, 0.5, 1e-6, "low")
    assert (sampling.tools, sampling.grammar, sampling.logprobs) == (None, None, None)
    await asked(http, include=["message.output_text.logprobs"], top_logprobs=3)
    assert engine.asked[-1][1].logprobs == 3
    await asked(http, include=["message.output_text.logprobs", "reasoning.encrypted_content"])
    assert engine.asked[-1][1].logprobs == 0


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


FORMATS: list[tuple[dict[str, Any], Grammar | None]] = [
    ({"type": "text"}, None),
    ({"type": "json_object"}, Grammar("json_object", field="text.format")),
    (
        {"type": "json_schema", "name": "one", "schema": SCHEMA, "strict": True},
        Grammar("json_schema", json.dumps(SCHEMA), "text.format.schema"),
    ),
]


@pytest.mark.parametrize(("given", "expected"), FORMATS)
async def test_a_format_is_a_grammar(
    engine: ScriptedEngine, http: httpx.AsyncClient, given: dict[str, Any], expected: Grammar | None
) -> None:
    found = await asked(http, text={"format": given})
    assert engine.asked[-1][1].grammar == expected
    assert found["text"]["format"] == given


TOOL = Tool("add", "Adds.", ADD["parameters"], strict=True, field="tools.0.parameters")  # type: ignore[arg-type]
ALL = frozenset(["add", "patch"])
PATCH = {"type": "custom", "name": "patch"}
NAMED = {"type": "function", "name": "add"}
CHOICES = [
    (None, ALL, False),
    ("auto", ALL, False),
    ("none", frozenset(), False),
    ("required", ALL, True),
    (NAMED, frozenset(["add"]), True),
    (PATCH, frozenset(["patch"]), True),
    ({"type": "allowed_tools", "mode": "auto", "tools": [NAMED]}, frozenset(["add"]), False),
    ({"type": "allowed_tools", "mode": "required", "tools": [PATCH, NAMED]}, ALL, True),
]


@pytest.mark.parametrize(("choice", "allowed", "required"), CHOICES)
async def test_a_choice_says_what_may_and_what_must_be_called(
    engine: ScriptedEngine, http: httpx.AsyncClient, choice: Any, allowed: frozenset[str], *, required: bool
) -> None:
    found = await asked(http, tools=[ADD, PATCH], tool_choice=choice, parallel_tool_calls=False)
    use = engine.asked[-1][1].tools
    assert use is not None
    assert (use.allowed, use.required, use.parallel) == (allowed, required, False)
    assert use.tools[0] == TOOL
    assert found["parallel_tool_calls"] is False


async def test_codex_tools_are_offered_or_left_out(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}
    tools = [
        {"type": "namespace", "name": "sums", "description": "Sums.", "tools": [ADD]},
        {"type": "custom", "name": "patch", "description": "Patches.", "format": grammar},
        {"type": "web_search", "external_web_access": False},
        {"type": "tool_search", "execution": "client", "description": "Finds tools."},
    ]
    found = await asked(http, tools=tools)
    use: ToolUse | None = engine.asked[-1][1].tools
    assert use is not None
    assert [tool.name for tool in use.tools] == ["sums__add", "patch"]
    assert use.tools[1].description == "Patches.\n\nThe form of `input` (lark):\nstart: /x/"
    assert use.tools[1].parameters["required"] == ["input"]
    assert [tool["type"] for tool in found["tools"]] == ["namespace", "custom"]


async def test_the_expression_of_a_custom_tool_is_forced(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    await asked(http, tools=[{**PATCH, "format": {"type": "grammar", "syntax": "regex", "definition": "a+|b"}}])
    use = engine.asked[-1][1].tools
    assert use is not None
    assert use.tools[0].parameters["properties"] == {"input": {"type": "string", "pattern": "^(?:a+|b)$"}}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"input": []}, "input", "at least 1"),
    ({"input": 5}, "input", "valid list"),
    ({"input": [5]}, "input.0", "give an object"),
    ({"input": [{"type": "web_search_call", "id": "x"}]}, "input.0", "does not offer this type"),
    ({"input": [HI, {"type": "item_reference", "id": "x"}]}, "input.1", "send the item itself"),
    ({"input": [{"role": "robot", "content": "x"}]}, "input.0.role", "'user', 'assistant'"),
    ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "input.0.content.0", "type"),
    ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 5}]}]}, "input.0.content.0.text", "string"),
    ({"input": [{"role": "user", "content": "\ud83d"}]}, "input.0.content.0.text", "surrogate"),
    ({"input": [{"role": "user", "content": "x", "weight": 5}]}, "input.0.weight", "not offered"),
    ({"input": [{"role": "system", "content": [PICTURE]}]}, "input.0.content.0", "only a user"),
    ({"input": [{"role": "assistant", "content": [PICTURE]}]}, "input.0.content.0", "only a user"),
    ({"input": [HI, RESULT]}, "input.1.call_id", "no earlier item"),
    ({"input": [HI, {**CALL, "call_id": ""}]}, "input.1.call_id", "at least 1"),
    ({"input": [HI, {**CALL, "arguments": {}}]}, "input.1.arguments", "string"),
    ({"input": "x" * (2 * 2**20 + 1)}, "input", "at most"),
    ({"input": [HI, {**CALL, "arguments": "x" * (2 * 2**20)}]}, "input", "at most"),
    ({"previous_response_id": "resp_1"}, "previous_response_id", "stores no responses"),
    ({"conversation": "conv_1"}, "conversation", "stores no responses"),
    ({"background": True}, "background", "not offered"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt", "not offered"),
    ({"truncation": "auto"}, "truncation", "disabled"),
    ({"top_logprobs": 3}, "top_logprobs", "include must hold message.output_text.logprobs"),
    ({"top_logprobs": 21, "include": ["message.output_text.logprobs"]}, "top_logprobs", "20"),
    ({"include": ["x"]}, "include.0", "message.output_text.logprobs"),
    ({"max_output_tokens": 0}, "max_output_tokens", "greater"),
    ({"temperature": 3}, "temperature", "less"),
    ({"text": {"verbosity": "high"}}, "text.verbosity", "medium"),
    ({"text": {"format": {"type": "xml"}}}, "text.format", "json_schema"),
    ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name", "required"),
    ({"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}}, "text.format.name", "pattern"),
    ({"reasoning": {"effort": "huge"}}, "reasoning.effort", "'none', 'minimal'"),
    ({"tools": [{"type": "web_search"}]}, "tools.0", "cannot search"),
    ({"tools": [ADD, {"type": "file_search", "vector_store_ids": []}]}, "tools.1", "does not offer this type"),
    ({"tools": [{**ADD, "name": "a\nb"}]}, "tools.0.name", "a name has 1 to 64"),
    ({"tools": [ADD, ADD]}, "tools.1.name", "another tool has this name"),
    ({"tools": [{"type": "namespace", "name": "n", "tools": [{**ADD, "x": 1}]}]}, "tools.0.tools.0.x", "not offered"),
    ({"tools": [{**ADD, "name": f"add{n}"} for n in range(129)]}, "tools", "at most 128"),
    ({"input": [{"type": "reasoning", "summary": []}]}, "input", "at least one message with text"),
    ({"tool_choice": "required"}, "tool_choice", "there are no tools"),
    ({"tools": [ADD], "tool_choice": {"type": "function", "name": "sub"}}, "tool_choice", "not in tools"),
    ({"tools": [ADD], "tool_choice": {"type": "web_search"}}, "tool_choice", "does not offer this type"),
    ({"tools": [ADD], "tool_choice": "sometimes"}, "tool_choice", "give none, auto, required"),
    ({"metadata": {"a": 5}}, "metadata.a", "string"),
    ({"service": "x"}, "service", "not offered"),
]


@pytest.mark.parametrize(("fields", "place", "reason"), REFUSED)
async def test_what_is_not_offered_is_refused_with_its_place(
    http: httpx.AsyncClient, fields: dict[str, Any], place: str, reason: str
) -> None:
    found, text = await refused(http, **fields)
    assert found == place
    assert reason in text


async def test_what_the_engine_refuses_has_its_place_in_this_form(
    engine: ScriptedEngine, http: httpx.AsyncClient
) -> None:
    engine.script = (ParameterRefusedError("reasoning_effort", "this model does not know the level 'high'"),)
    assert await refused(http, reasoning={"effort": "high"}) == (
        "reasoning.effort", "this model does not know the level 'high'",
    )  # fmt: skip


async def test_what_changes_nothing_may_stand_there(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    found = await asked(
        http,
        background=False, client_metadata={"a": "b"}, max_tool_calls=3, metadata={"team": "blue"}, prompt_cache_key="k",
        safety_identifier="ada", service_tier="auto", store=True, truncation="disabled", user="ada",
        previous_response_id=None, conversation=None, prompt=None, tools=[],
        stream_options={"include_obfuscation": True},
    )  # fmt: skip
    assert (found["store"], found["metadata"]) == (False, {"team": "blue"})
    assert engine.asked[-1][1].tools is None
