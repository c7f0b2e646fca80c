"""Several answers to one request: each has its events, the prompt counts once, and who leaves stops all."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from glados_bots.conversation import Message
from glados_bots.inference.api.access import KeyGate
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.choices import MOST_AT_ONCE, by_choice, seeded, together
from glados_bots.inference.api.keys import KeyBook
from glados_bots.wire.events import Begun, Choice, Delta, Event, Finished, Queued, Sampling
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT, body
from tests.servers import running
from tests.waiting import until, until_ready

DONE = Finished("stop", 5, 1, 2)


def chunks(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


def test_the_first_choice_keeps_the_seed_and_others_have_their_own() -> None:
    seeds = [one.seed for one in seeded(Sampling(seed=7), 8)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 8
    assert all(seed is not None and -(2**63) <= seed < 2**63 for seed in seeds)
    assert seeds == [one.seed for one in seeded(Sampling(seed=7), 8)]
    assert [one.seed for one in seeded(Sampling(), 3)] == [None] * 3


async def test_others_begin_when_the_first_speaks(engine: ScriptedEngine) -> None:
    engine.script = (Begun(5), Delta("Hi"), DONE)
    engine.gate = asyncio.Semaphore(1)  # for `Begun`

    def start() -> Any:
        return engine.generate("", [Message("user", "Hi")], Sampling())

    events = together([[start, start, start]])
    assert await anext(events) == Begun(5)
    await asyncio.sleep(0)
    assert len(engine.asked) == 1
    engine.gate.release()
    assert await anext(events) == Choice(0, Delta("Hi"))
    await until(lambda: len(engine.asked) == 3)
    for _ in range(7):
        engine.gate.release()
    rest = [event async for event in events]
    assert rest[-1] == Finished("stop", 5, 1, 6)
    assert sorted(event.index for event in rest if isinstance(event, Choice)) == [0, 1, 1, 2, 2]


async def test_places_in_the_queue_are_told_until_an_answer_begins() -> None:
    engine = ScriptedEngine(Queued(2, 1.0), Begun(5), Delta("Hi"), DONE)
    start = [lambda: engine.generate("", [Message("user", "Hi")], Sampling())] * 2
    told = [event async for event in together([start])]
    assert told[:3] == [Queued(2, 1.0), Begun(5), Choice(0, Delta("Hi"))]
    assert sum(isinstance(event, Queued | Begun) for event in told) == 2


async def test_many_prompts_take_turns(engine: ScriptedEngine) -> None:
    engine.script = (Begun(5), Delta("Hi"), DONE)
    engine.gate = asyncio.Semaphore(0)
    start = [lambda: engine.generate("", [Message("user", "Hi")], Sampling())]
    told: list[Event] = []

    async def read() -> None:
        told.extend([event async for event in together([start] * 20)])

    reading = asyncio.create_task(read())
    await until(lambda: len(engine.asked) == MOST_AT_ONCE)
    await asyncio.sleep(0)
    assert len(engine.asked) == MOST_AT_ONCE
    for _ in range(60):
        engine.gate.release()
    await reading
    assert told[-1] == Finished("stop", 100, 20, 40)


async def test_an_answer_that_fails_ends_all_others() -> None:
    engine = ScriptedEngine(Begun(5), Delta("Hi"), ValueError("broken"))
    start = [lambda: engine.generate("", [Message("user", "Hi")], Sampling())] * 4
    with pytest.raises(ValueError, match="broken"):
        _ = [event async for event in together([start])]
    assert engine.cancelled <= 3


def test_the_events_of_each_choice() -> None:
    assert by_choice([Delta("a"), DONE], 1) == [[Delta("a"), DONE]]
    mixed: list[Event] = [Choice(1, Delta("b")), Choice(0, Delta("a")), Choice(0, DONE), Choice(1, DONE), DONE]
    assert by_choice(mixed, 2) == [[Delta("a"), DONE], [Delta("b"), DONE]]


async def test_whole_answers_have_an_index_and_count_the_prompt_once(
    http: httpx.AsyncClient, engine: ScriptedEngine
) -> None:
    reply = (await http.post(CHAT, json=body(n=3, seed=1))).json()
    assert [choice["index"] for choice in reply["choices"]] == [0, 1, 2]
    assert {choice["message"]["content"] for choice in reply["choices"]} == {"Hello **world**"}
    assert reply["usage"]["prompt_tokens"] == 5
    assert reply["usage"]["completion_tokens"] == 6
    assert len({sampling.seed for _, sampling in engine.asked}) == 3


async def test_streamed_answers_are_told_apart_by_their_index(http: httpx.AsyncClient) -> None:
    wanted = body(n=2, stream=True, stream_options={"include_usage": True})
    text = (await http.post(CHAT, json=wanted)).text
    *parts, last = chunks(text)
    for index in range(2):
        own = [part["choices"][0] for part in parts if part["choices"][0]["index"] == index]
        assert own[0]["delta"] == {"role": "assistant", "content": ""}
        assert "".join(one["delta"].get("content", "") for one in own) == "Hello **world**"
        assert [one["finish_reason"] for one in own if one["finish_reason"]] == ["stop"]
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 9)
    assert text.endswith("data: [DONE]\n\n")


async def test_who_leaves_stops_all_choices(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    engine.script = (Begun(5), Delta("Hi"), *[Delta(" again")] * 100, DONE)
    engine.gate = asyncio.Semaphore(2)
    async with http.stream("POST", CHAT, json=body(n=4, stream=True)) as response:
        async for line in response.aiter_lines():
            if "Hi" in line:
                break
        await until(lambda: len(engine.asked) == 4)
    await until(lambda: engine.cancelled == 4)


async def test_keys_pay_for_the_prompt_once_and_for_each_answer(tmp_path: Path) -> None:
    book = KeyBook(tmp_path)
    key, secret = book.create("ada", ["chat"], tokens_per_day=1_000)
    app = create_app(ScriptedEngine(), api_key="own", keys=book)
    async with running(app) as url, httpx.AsyncClient(base_url=url) as client:
        await until_ready(client)
        headers = {"Authorization": f"Bearer {secret}"}
        assert (await client.post(CHAT, json=body(n=4, max_tokens=50), headers=headers)).status_code == 200
        assert book.spent_today(key.id) == 5 + 4 * 2
        gate: KeyGate = app.state.service.gate
        assert gate._reserved[key.id] == 0


@pytest.mark.parametrize("n", [0, 9, 1.5, True, "2"])
async def test_only_one_to_eight_answers(http: httpx.AsyncClient, n: Any) -> None:
    response = await http.post(CHAT, json=body(n=n))
    assert (response.status_code, response.json()["error"]["param"]) == (400, "n")
