"""OpenAI's events of a streamed response: all of them, in their order, and one end whatever happens."""

import asyncio
from typing import Any

import httpx
import pytest

from glados_bots.errors import GenerationFailedError, PromptTooLongError, QueueFullError
from glados_bots.inference.api import streaming
from glados_bots.wire.events import Delta, Finished, FinishReason, Queued, Thought, ToolCallDelta
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.responses.asking import ADD, RESPONSES, asked, body, streamed

BEGIN = ["response.created", "response.in_progress"]
MESSAGE = [
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]
CALL = [
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The types of the events; deltas in a row count as one."""
    found = [event["type"] for event in events]
    return [kind for index, kind in enumerate(found) if index == 0 or kind != found[index - 1]]


async def test_words_come_as_a_message_with_one_part(http: httpx.AsyncClient) -> None:
    events = await streamed(http)
    assert kinds(events) == [*BEGIN, *MESSAGE, "response.completed"]
    assert "".join(event.get("delta", "") for event in events) == "Hello **world**"
    response = events[-1]["response"]
    assert response["usage"]["total_tokens"] == 7
    assert response["output"] == [events[-2]["item"]]
    assert events[0]["response"]["id"] == response["id"]


async def test_reasoning_and_calls_are_items_of_their_own(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    engine.script = (
        Thought("Hm, "), Thought("a sum."), Delta("I add."), ToolCallDelta(0, "call_1", "add", '{"a"'),
        ToolCallDelta(0, arguments=": 1}"), ToolCallDelta(1, "call_2", "add", '{"a": 2}'),
        Finished("tool_calls", 5, 3, 20, 6),
    )  # fmt: skip
    events = await streamed(http, tools=[ADD])
    reasoning = [kind.replace("output_text", "reasoning_text") for kind in MESSAGE]
    assert kinds(events) == [*BEGIN, *reasoning, *MESSAGE, *CALL, *CALL, "response.completed"]
    thought, words, first, second = events[-1]["response"]["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "Hm, a sum."}]
    assert words["content"][0]["text"] == "I add."
    assert [(call["call_id"], call["name"], call["arguments"]) for call in (first, second)] == [
        ("call_1", "add", '{"a": 1}'), ("call_2", "add", '{"a": 2}'),
    ]  # fmt: skip
    assert [event["output_index"] for event in events if "output_index" in event] == sorted(
        event["output_index"] for event in events if "output_index" in event
    )
    usage = events[-1]["response"]["usage"]
    assert usage["input_tokens_details"]["cached_tokens"] == 3
    assert usage["output_tokens_details"]["reasoning_tokens"] == 6


async def test_a_summary_is_the_whole_reasoning(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    engine.script = (Thought("Hm."), Delta("Yes."), Finished("stop", 5, 0, 9, 6))
    events = await streamed(http, reasoning={"summary": "auto"})
    assert kinds(events)[2:8] == [
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
    ]
    assert events[-1]["response"]["output"][0]["summary"] == [{"type": "summary_text", "text": "Hm."}]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_stream_and_a_whole_response_say_the_same(
    engine: ScriptedEngine, http: httpx.AsyncClient, *, stream: bool
) -> None:
    engine.script = (Thought("Hm."), Delta("Yes."), ToolCallDelta(0, "c", "add", "{}"), Finished("stop", 5, 0, 9, 6))
    found = (await streamed(http))[-1]["response"] if stream else await asked(http)
    assert [item["type"] for item in found["output"]] == ["reasoning", "message", "function_call"]
    assert {item["status"] for item in found["output"]} == {"completed"}
    assert (found["status"], found["store"], found["error"]) == ("completed", False, None)


async def test_an_empty_answer_has_an_empty_message(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    engine.script = (Thought("Hm."), Finished("stop", 5, 0, 3, 3))
    found = await asked(http)
    assert [item["type"] for item in found["output"]] == ["reasoning", "message"]
    assert found["output"][1]["content"][0]["text"] == ""


SCHEMA = {"format": {"type": "json_schema", "name": "one", "schema": {"type": "object"}}}
CUT = [
    # the window is full: some clients take incomplete for a failure
    ("length", {}, ("completed", "max_output_tokens")),
    ("length", {"max_output_tokens": 5}, ("incomplete", "max_output_tokens")),
    ("length", {"text": SCHEMA}, ("incomplete", "max_output_tokens")),
    ("length", {"text": {"format": {"type": "json_object"}}}, ("incomplete", "max_output_tokens")),
    ("content_filter", {}, ("incomplete", "content_filter")),
    ("stop", {}, ("completed", None)),
]


@pytest.mark.parametrize(("reason", "fields", "expected"), CUT)
async def test_an_answer_that_was_cut_says_so(
    engine: ScriptedEngine,
    http: httpx.AsyncClient,
    reason: FinishReason,
    fields: dict[str, Any],
    expected: tuple[str, str | None],
) -> None:
    status, told = expected
    engine.script = (Delta("Hal"), Finished(reason, 5, 0, 5))
    events = await streamed(http, **fields)
    response = events[-1]["response"]
    assert (events[-1]["type"], response["status"]) == (f"response.{status}", status)
    assert (response["incomplete_details"] or {}).get("reason") == told
    assert response["output"][0]["status"] == status
    assert response["output"][0]["content"][0]["text"] == "Hal"


@pytest.mark.parametrize("last", [ToolCallDelta(0, "c", "add", '{"a": '), Thought("Hm")])
async def test_a_cut_call_and_a_cut_thought_are_incomplete(
    engine: ScriptedEngine, http: httpx.AsyncClient, last: Any
) -> None:
    engine.script = (last, Finished("length", 5, 0, 5))
    found = await asked(http, tools=[ADD])
    assert (found["status"], found["output"][0]["status"]) == ("incomplete", "incomplete")


async def test_a_failure_ends_a_stream_with_its_reason(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    engine.script = (Delta("Hal"), GenerationFailedError("bang"))
    events = await streamed(http)
    assert kinds(events) == [*BEGIN, *MESSAGE, "response.failed"]
    response = events[-1]["response"]
    assert (response["status"], response["error"]) == ("failed", {"code": "server_error", "message": "bang"})
    assert response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PromptTooLongError(2000, 900, 1000), (400, "context_length_exceeded", "input")),
        (QueueFullError(9, 12.0), (429, "queue_full", None)),
    ],
)
async def test_a_failure_before_the_first_event_has_its_status(
    engine: ScriptedEngine,
    http: httpx.AsyncClient,
    error: Exception,
    expected: tuple[int, str, str | None],
    *,
    stream: bool,
) -> None:
    engine.script = (error,)
    response = await http.post(RESPONSES, json=body(stream=stream))
    found = response.json()["error"]
    assert (response.status_code, found["code"], found["param"]) == expected


async def test_a_late_refusal_names_its_own_code(
    engine: ScriptedEngine, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "KEEP_ALIVE_S", 0.02)
    engine.gate = asyncio.Semaphore(0)
    engine.script = (PromptTooLongError(2000, 900, 1000),)
    async with http.stream("POST", RESPONSES, json=body(stream=True)) as response:
        lines = response.aiter_lines()
        while "still here" not in await anext(lines):
            continue
        engine.gate.release()
        rest = [line async for line in lines]
    assert '"code": "context_length_exceeded"' in rest[-2]
    assert rest[-3] == "event: response.failed"


async def test_a_place_in_the_queue_is_a_comment(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    engine.script = (Queued(2, 7.5), Delta("Hi"), Finished("stop", 5, 0, 2))
    response = await http.post(RESPONSES, json=body(stream=True))
    assert response.headers["X-Glados-Queue-Position"] == "2"
    assert ": queue position=2 wait=7.5\n\n" in response.text
