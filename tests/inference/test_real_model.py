"""`glados serve` as people run it: the real engine and the small model, asked by the official client."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.processes.stack import share_made_files
from tests.servers import free_port

pytestmark = pytest.mark.slow

MODEL = "smollm2_135m"
KEY = "s3cret-key"
QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Name three colours."}]


class Glados:
    """The process and where it listens."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=120)

    def wait_until(self, path: str, text: str) -> None:
        """Return when the answer at this path holds the text; bounded."""
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if text in self.http.get(path).text:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        pytest.fail(f"{path} never said {text!r}: {self.log.read_text()}")


@pytest.fixture(scope="module")
def glados(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glados]:
    folder, port = tmp_path_factory.mktemp("serve"), free_port()
    share_made_files(folder)
    environment = {
        **os.environ,
        "GLADOS_MODEL": MODEL,
        "GLADOS_SERVE_PORT": str(port),
        "GLADOS_API_KEY": KEY,
        "GLADOS_DATA_DIR": str(folder),
        "GLADOS_LOG_LEVEL": "debug",
        "GLADOS_GRACE": "5",
    }
    log = folder / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "glados_bots", "serve"]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    try:
        running = Glados(process, f"http://127.0.0.1:{port}", log)
        running.wait_until("/ready", '"ready"')
        yield running
        running.http.close()
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def client(glados: Glados) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{glados.url}/v1", api_key=KEY, max_retries=0, timeout=120) as client:
        yield client


def test_a_stream_says_what_a_whole_answer_says(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, max_tokens=24)
    text = whole.choices[0].message.content
    assert text
    assert whole.usage is not None
    assert 0 < whole.usage.completion_tokens <= 24
    stream = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, max_tokens=24, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == text


def test_the_same_seed_says_the_same(client: openai.OpenAI) -> None:
    answers = {
        client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=1.5, max_tokens=16, seed=seed)
        .choices[0]
        .message.content
        for seed in (-7, -7, 2**63 - 1)
    }
    assert len(answers) == 2


def test_the_second_turn_does_not_pay_for_the_first_again(client: openai.OpenAI) -> None:
    story: list[ChatCompletionMessageParam] = [{"role": "user", "content": "The cat sat on the mat. " * 30}]
    cached = []
    for _ in range(2):
        answer = client.chat.completions.create(model=MODEL, messages=story, temperature=0, max_tokens=8)
        assert answer.usage is not None
        assert answer.usage.prompt_tokens_details is not None
        cached.append(answer.usage.prompt_tokens_details.cached_tokens or 0)
        story += [
            {"role": "assistant", "content": answer.choices[0].message.content or ""},
            {"role": "user", "content": "And then?"},
        ]
    assert cached[0] < 100 <= cached[1]


def test_a_stop_string_ends_the_answer_and_is_not_part_of_it(client: openai.OpenAI) -> None:
    free = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, max_tokens=24)
    text = free.choices[0].message.content or ""
    stop = text[8:12]
    stopped = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, max_tokens=24, stop=[stop])
    assert stopped.choices[0].message.content == text[: text.index(stop)]
    assert stopped.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("words", [5_000, 200_000])
def test_too_long_a_prompt_is_refused_with_its_figures(client: openai.OpenAI, words: int) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "word " * words}])
    error = json.loads(caught.value.response.text)["error"]
    assert error["code"] == "context_length_exceeded"
    assert error["prompt_tokens"] > words
    assert error["max_prompt_tokens"] < 4096
    assert str(error["prompt_tokens"]) in error["message"]


WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIME: Any = {"type": "function", "function": {"name": "get_time", "description": "Get the time."}}


def test_a_call_makes_sense_and_its_result_is_read(client: openai.OpenAI) -> None:
    """As OpenAI's examples do it: ask, call, send the result, and read the answer."""
    talk: list[Any] = [{"role": "user", "content": "What is the weather like in Paris today?"}]
    wish: Any = {"tools": [WEATHER, TIME], "temperature": 0, "max_tokens": 80, "parallel_tool_calls": False}
    first = client.chat.completions.create(model=MODEL, messages=talk, tool_choice="required", **wish).choices[0]
    assert first.finish_reason == "tool_calls"
    assert first.message.content is None
    (call,) = first.message.tool_calls or [None]
    assert call
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})
    with client.chat.completions.stream(model=MODEL, messages=talk, tool_choice="required", **wish) as stream:
        streamed = stream.get_final_completion().choices[0].message.tool_calls or ()
    assert [one.function.arguments for one in streamed] == [call.function.arguments]
    talk += [
        first.message,
        {"role": "tool", "tool_call_id": call.id, "content": "It is 21 degrees and sunny in Paris."},
    ]
    second = client.chat.completions.create(model=MODEL, messages=talk, tool_choice="none", **wish).choices[0]
    assert second.finish_reason in ("stop", "length")
    assert "<tool_call>" not in (second.message.content or "")
    assert second.message.content


def test_a_huge_result_is_refused_or_read(client: openai.OpenAI) -> None:
    called = {"id": "a", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
    talk: list[Any] = [*QUESTION, {"role": "assistant", "content": None, "tool_calls": [called]}]
    talk.append({"role": "tool", "tool_call_id": "a", "content": "noon " * 200_000})
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=talk, tools=[TIME])
    assert refused.value.code == "context_length_exceeded"


def test_a_client_that_leaves_stops_the_computing(glados: Glados, client: openai.OpenAI) -> None:
    story: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Tell me a very long story."}]
    for _ in range(4):
        stream = client.chat.completions.create(
            model=MODEL, messages=story, temperature=0, max_tokens=2000, stream=True
        )
        next(iter(stream))
        stream.close()
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.5).chat.completions.create(
            model=MODEL, messages=story, temperature=0, max_tokens=2000, stop=["\x00"]
        )
    glados.wait_until("/metrics", "glados_requests_running 0.0")
    glados.wait_until("/metrics", 'glados_requests_total{outcome="cancelled"} 5.0')


def test_the_key_is_nowhere_and_a_signal_ends_it_with_0(glados: Glados) -> None:
    metrics = glados.http.get("/metrics").text
    glados.process.send_signal(signal.SIGTERM)
    assert glados.process.wait(30) == 0
    log = glados.log.read_text()
    assert KEY not in metrics
    assert KEY not in log
    assert "colours" not in log
    assert "Traceback" not in log
