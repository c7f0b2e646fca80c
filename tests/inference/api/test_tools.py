"""Tools over HTTP: what a request may say of them, and how calls come back, with OpenAI's own client."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio

from glados_bots.conversation import Message, ToolCall
from glados_bots.wire.events import Delta, Finished, Thought, Tool, ToolCallDelta, ToolUse
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT, body

ASK = {"role": "user", "content": "Weather?"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather.", "parameters": SCHEMA, "strict": True},
}
TIME: dict[str, Any] = {"type": "function", "function": {"name": "get_time"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
CALLED: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
SCRIPT = (
    Thought("Hm."),
    Delta("I look."),
    ToolCallDelta(0, "call_a", "get_weather"),
    ToolCallDelta(0, arguments='{"city": '),
    ToolCallDelta(0, arguments='"Paris"}'),
    ToolCallDelta(1, "call_b", "get_time"),
    ToolCallDelta(1, arguments="{}"),
    Finished("tool_calls", 9, 0, 7),
)


@pytest_asyncio.fixture
async def client(http: httpx.AsyncClient) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{http.base_url}/v1", api_key="none", max_retries=0) as found:
        yield found


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def allowed(mode: str, *names: str) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [named(name) for name in names]}}


BOTH = frozenset(["get_weather", "get_time"])


@pytest.mark.parametrize(
    ("fields", "names", "required", "parallel"),
    [
        ({}, BOTH, False, True),
        ({"tool_choice": "auto", "parallel_tool_calls": False}, BOTH, False, False),
        ({"tool_choice": "required", "parallel_tool_calls": True}, BOTH, True, True),
        ({"tool_choice": "none"}, frozenset(), False, True),
        ({"tool_choice": named("get_time")}, frozenset(["get_time"]), True, False),
        ({"tool_choice": allowed("auto", "get_time")}, frozenset(["get_time"]), False, True),
        ({"tool_choice": allowed("required", "get_time", "get_weather")}, BOTH, True, True),
        ({"function_call": "auto", "functions": []}, BOTH, False, True),
    ],
)
async def test_the_engine_hears_which_tools_there_are_and_which_it_may_call(
    http: httpx.AsyncClient, engine: ScriptedEngine, fields: Any, names: Any, *, required: bool, parallel: bool
) -> None:
    answer = await http.post(CHAT, json=body(tools=[WEATHER, TIME], **fields))
    assert answer.status_code == 200, answer.text
    tools = (
        Tool("get_weather", "The weather.", SCHEMA, strict=True, field="tools.0.function.parameters"),
        Tool("get_time", field="tools.1.function.parameters"),
    )
    assert engine.asked[-1][1].tools == ToolUse(tools, names, required, parallel)


@pytest.mark.parametrize("fields", [{"tools": []}, {"tools": None}, {"tool_choice": "auto"}, {"tool_choice": "none"}])
async def test_without_tools_there_are_none(
    http: httpx.AsyncClient, engine: ScriptedEngine, fields: dict[str, Any]
) -> None:
    assert (await http.post(CHAT, json=body(**fields))).status_code == 200
    assert engine.asked[-1][1].tools is None


async def test_calls_and_results_reach_the_engine(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    parts = [{"type": "text", "text": "21"}, {"type": "text", "text": "degrees"}]
    other = {**CALL, "id": "call_2", "function": {"name": "get_time", "arguments": "no JSON"}}
    talk = [
        ASK,
        {"role": "assistant", "content": "", "tool_calls": [CALL, other], "reasoning_content": "Hm."},
        {**RESULT, "content": parts},
        {**RESULT, "tool_call_id": "call_2", "content": ""},
        {"role": "assistant", "tool_calls": [CALL]},
        RESULT,
    ]
    assert (await http.post(CHAT, json=body(messages=talk))).status_code == 200
    first, second = ToolCall("call_1", "get_weather", '{"city": "Paris"}'), ToolCall("call_2", "get_time", "no JSON")
    assert engine.asked[-1][0] == (
        Message("user", "Weather?"),
        Message("assistant", "", tool_calls=(first, second), reasoning="Hm."),
        Message("tool", "21\ndegrees", tool_call_id="call_1", name="get_weather"),
        Message("tool", "", tool_call_id="call_2", name="get_time"),
        Message("assistant", "", tool_calls=(first,)),
        Message("tool", "21 degrees", tool_call_id="call_1", name="get_weather"),
    )


def tool(**fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", **fields}}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"x": schema}}
    return schema


@pytest.mark.parametrize(
    ("fields", "place", "remedy"),
    [
        ({"tools": [tool()] * 300}, "tools", "at most 128"),
        ({"tools": [tool(), tool()]}, "tools.1.function.name", "another one"),
        ({"tools": [tool(name="a\nb")]}, "tools.0.function.name", "letters, digits, _ and -"),
        ({"tools": [tool(name="")]}, "tools.0.function.name", "1 to 64"),
        ({"tools": [tool(name="x" * 65)]}, "tools.0.function.name", "1 to 64"),
        ({"tools": [tool(name="wetter.für")]}, "tools.0.function.name", "letters"),
        ({"tools": [{"type": "function"}]}, "tools.0.function", ""),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type", "function"),
        ({"tools": [tool(parameters={"type": "string"})]}, "tools.0.function.parameters", '"type": "object"'),
        ({"tools": [tool(parameters=nested(200))]}, "tools.0.function.parameters", "64 levels"),
        ({"tools": [tool(parameters="{}")]}, "tools.0.function.parameters", "dict"),
        ({"tools": [tool(parameters={"description": "\ud800"})]}, "tools.0.function.parameters", "surrogate"),
        ({"tools": [tool(description=5)]}, "tools.0.function.description", "string"),
        ({"tools": [tool(cost=5)]}, "tools.0.function.cost", "not offered"),
        ({"tools": {"name": "f"}}, "tools", "list"),
        ({"tool_choice": "required"}, "tool_choice", "give some in tools"),
        ({"tool_choice": named("f")}, "tool_choice", "give some in tools"),
        ({"tools": [tool()], "tool_choice": named("g")}, "tool_choice", "not in tools"),
        ({"tools": [tool()], "tool_choice": {"type": "x"}}, "tool_choice", "by its name"),
        ({"tools": [tool()], "tool_choice": [1]}, "tool_choice", "by its name"),
        ({"tools": [tool()], "tool_choice": {"type": "function"}}, "tool_choice.function", ""),
        ({"tools": [tool()], "tool_choice": allowed("auto", "f", "g")}, "tool_choice", "not in tools"),
        ({"tools": [tool()], "tool_choice": "any"}, "tool_choice", '"none", "auto", "required"'),
        ({"tools": [tool()], "tool_choice": allowed("auto")}, "tool_choice.allowed_tools.tools", "at least 1"),
        ({"functions": [{"name": "f"}]}, "functions", "tools"),
        ({"function_call": {"name": "f"}}, "function_call", "tool_choice"),
        ({"parallel_tool_calls": "yes"}, "parallel_tool_calls", "boolean"),
    ],
)
async def test_a_wrong_tool_is_refused_by_place(
    http: httpx.AsyncClient, fields: dict[str, Any], place: str, remedy: str
) -> None:
    answer = await http.post(CHAT, content=json.dumps(body(**fields)), headers={"Content-Type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, place)
    assert error["message"].startswith(f"{place}: ")
    assert remedy in error["message"]


@pytest.mark.parametrize(
    ("messages", "place", "remedy"),
    [
        ([ASK, RESULT], "messages.1.tool_call_id", "no earlier message"),
        ([ASK, CALLED, {**RESULT, "tool_call_id": "call_9"}], "messages.2.tool_call_id", "no earlier message"),
        ([ASK, {"role": "tool", "content": "x"}], "messages.1.tool_call_id", "names the call"),
        ([{**ASK, "tool_call_id": "call_1"}], "messages.0.tool_call_id", "no other"),
        ([ASK, CALLED, {**RESULT, "content": None}], "messages.2.content", "text"),
        ([ASK, CALLED, {"role": "tool", "tool_call_id": "call_1"}], "messages.2.content", "text"),
        ([{**ASK, "tool_calls": [CALL]}], "messages.0.tool_calls", "assistant"),
        ([ASK, {**CALLED, "tool_calls": [CALL, CALL]}], "messages.1.tool_calls", "own"),
        ([ASK, {**CALLED, "tool_calls": [{**CALL, "id": ""}]}], "messages.1.tool_calls.0.id", "at least 1"),
        ([ASK, {**CALLED, "tool_calls": [{**CALL, "type": "custom"}]}], "messages.1.tool_calls.0.type", "function"),
        (
            [ASK, {**CALLED, "tool_calls": [{**CALL, "function": {"name": "a b", "arguments": ""}}]}],
            "messages.1.tool_calls.0.function.name",
            "letters",
        ),
        (
            [ASK, {**CALLED, "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}]}],
            "messages.1.tool_calls.0.function.arguments",
            "string",
        ),
        ([ASK, CALLED, {**RESULT, "content": "x" * (2**21 + 1)}], "messages", "2097152 bytes"),
    ],
)
async def test_a_wrong_call_in_the_history_is_refused_by_place(
    http: httpx.AsyncClient, messages: list[Any], place: str, remedy: str
) -> None:
    answer = await http.post(CHAT, json=body(messages=messages))
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, place)
    assert remedy in error["message"]


async def test_openais_client_reads_calls_and_sends_them_back(
    engine: ScriptedEngine, client: openai.AsyncOpenAI
) -> None:
    engine.script = SCRIPT
    first = await client.chat.completions.create(model="scripted", messages=[ASK], tools=[WEATHER, TIME])  # type: ignore[list-item]
    choice = first.choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "I look.")
    assert choice.message.tool_calls
    calls = [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls]  # type: ignore[union-attr]
    assert calls == [("call_a", "get_weather", '{"city": "Paris"}'), ("call_b", "get_time", "{}")]
    engine.script = ()
    engine.script = (Delta("Warm."), Finished("stop", 9, 0, 2))
    results = [{"role": "tool", "tool_call_id": call[0], "content": "21"} for call in calls]
    talk: list[Any] = [ASK, choice.message, *results]
    second = await client.chat.completions.create(model="scripted", messages=talk, tools=[WEATHER])  # type: ignore[list-item]
    assert second.choices[0].message.content == "Warm."
    assert engine.asked[-1][0][1].tool_calls == tuple(ToolCall(*call) for call in calls)


async def test_openais_client_reads_a_stream_of_calls(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    """With the client's own accumulator, which refuses deltas that do not fit one another."""
    engine.script = SCRIPT
    async with client.chat.completions.stream(model="scripted", messages=[ASK], tools=[WEATHER, TIME]) as stream:  # type: ignore[list-item]
        kinds = {event.type async for event in stream}
        message = (await stream.get_final_completion()).choices[0].message
    assert "tool_calls.function.arguments.done" in kinds
    assert [call.function.arguments for call in message.tool_calls or ()] == ['{"city": "Paris"}', "{}"]
    assert message.content == "I look."


async def test_an_answer_of_calls_alone_has_no_content(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    engine.script = SCRIPT[2:]
    answer = (await http.post(CHAT, json=body(tools=[WEATHER, TIME]))).json()
    assert answer["choices"][0]["message"]["content"] is None
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    streamed = await http.post(CHAT, json=body(tools=[WEATHER, TIME], stream=True))
    chunks = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [call["function"]["name"] for call in calls if "id" in call] == ["get_weather", "get_time"]
    assert "".join(call["function"]["arguments"] for call in calls if call["index"] == 0) == '{"city": "Paris"}'
    assert not any(delta.get("content") for delta in deltas)
