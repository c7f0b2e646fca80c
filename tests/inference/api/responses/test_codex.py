"""A session of the real Codex (0.171.0), recorded against a scripted engine, replays.

In the fixture, long texts are cut. The session has a thought, a call of a function, a call within a namespace, and the
answer.
"""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from glados_bots.wire.events import Delta, Event, Finished, Thought, ToolCallDelta
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import JSON
from tests.inference.api.responses.asking import EVENT, RESPONSES

SESSION: list[dict[str, Any]] = json.loads((Path(__file__).parent / "codex_session.json").read_text(encoding="utf-8"))
SAID: list[tuple[Event, ...]] = [
    (
        Thought("I look"), Thought(" at it."), Delta("Let me see."),
        ToolCallDelta(0, "call_1", "exec_command", '{"cmd":'), ToolCallDelta(0, arguments='"echo hi"}'),
        Finished("tool_calls", 50, 2, 9, 3),
    ),
    (ToolCallDelta(0, "call_2", "multi_agent_v1__close_agent", '{"target": "none"}'), Finished("tool_calls", 50, 2, 9)),
    (Delta("Done: "), Delta("hi"), Finished("stop", 60, 50, 4)),
]  # fmt: skip


async def replayed(http: httpx.AsyncClient, request: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a request."""
    response = await http.post(RESPONSES, content=json.dumps({**request, "model": "scripted"}), headers=JSON)
    assert response.status_code == 200, response.text
    lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines]


async def test_the_session_replays(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    """What Codex sent back after each of its requests is what the service now says again."""
    for number, script in enumerate(SAID):
        engine.script = script
        events = await replayed(http, SESSION[number])
        for event in events:
            EVENT.validate_python(event)
        done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
        assert done == events[-1]["response"]["output"]
        if number + 1 < len(SESSION):
            news = SESSION[number + 1]["input"][len(SESSION[number]["input"]) :]
            assert [_kept(item) for item in done] == [_kept(item) for item in news[: len(done)]]
            assert news[len(done)]["type"] == "function_call_output"
    *_, answer, result = engine.asked[-1][0]
    assert answer.tool_calls[0].name == "multi_agent_v1__close_agent"
    assert result.tool_call_id == "call_2"


def _kept(item: dict[str, Any]) -> dict[str, Any]:
    """An item without its id, and without what Codex adds or leaves out."""
    return {name: value for name, value in item.items() if value and name not in {"id", "status", "encrypted_content"}}


@pytest.mark.parametrize("number", range(len(SESSION)))
async def test_the_tools_of_codex_reach_the_model(engine: ScriptedEngine, http: httpx.AsyncClient, number: int) -> None:
    await replayed(http, SESSION[number])
    use = engine.asked[-1][1].tools
    assert use is not None
    names = [tool.name for tool in use.tools]
    assert {"exec_command", "view_image", "multi_agent_v1__spawn_agent"} <= set(names)
    assert "web_search" not in names
    assert use.allowed == frozenset(names)
