"""Turns answered by OpenAI-compatible servers that are not ours: what they lack is done without."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from glados_bots.adapter_core import AdapterCore
from glados_bots.attachments.contents import Contents
from glados_bots.conversation import Attachment, Exchange, Picture, Turn
from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.model_files.weights import fetch
from glados_bots.settings import Settings
from glados_bots.wording.sentence import say
from tests.fakes.surface import MemorySurface
from tests.servers import free_port, running
from tests.waiting import until

ROOT = Path(__file__).parents[2]
LONGEST_S = 240


class Foreign:
    """A server by OpenAI's public description only: no queue, no usage, no context length; `refusals` go first."""

    def __init__(self, *refusals: Response, models: dict[str, Any] | None = None) -> None:
        self.refusals = list(refusals)
        self.models = models
        self.asked: list[dict[str, Any]] = []
        self.at: list[float] = []

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models")
        async def models() -> Response:
            return Response("Internal Server Error", 500) if self.models is None else JSONResponse(self.models)

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            self.asked.append(await request.json())
            self.at.append(time.monotonic())
            if self.refusals:
                return self.refusals.pop(0)
            deltas = [{"role": "assistant"}, {"content": "Hello"}, {"content": " there"}]
            end: dict[str, Any] = {"delta": {}, "finish_reason": "stop"}
            pieces = [*({"delta": delta} for delta in deltas), end]
            lines = [f"data: {json.dumps({'choices': [{'index': 0, **piece}]})}\n\n" for piece in pieces]
            return StreamingResponse(iter([*lines, "data: [DONE]\n\n"]), media_type="text/event-stream")

        return app


@asynccontextmanager
async def adapter(redis_url: str, url: str, **more: Any) -> AsyncIterator[AdapterCore[MemorySurface]]:
    settings = Settings(_env_file=None, redis_url=redis_url, inference_url=f"{url}/v1", join_window=0, **more)
    core = AdapterCore(settings, "test", lambda *_: MemorySurface())
    task = asyncio.create_task(core.run())
    try:
        yield core
    finally:
        await core.worker.drain(0)
        await task
        await core.aclose()


async def answer(
    core: AdapterCore[MemorySurface], text: str, name: str = "1", files: tuple[Attachment, ...] = ()
) -> Exchange:
    await core.intake.accept(Turn(name, "c", "ada", text, attachments=files))

    async def idle() -> bool:
        return (await core.store.load())[0] == 0

    async with asyncio.timeout(LONGEST_S):
        while not await idle():
            await asyncio.sleep(0.05)
    return (await core.store.history("c"))[-1]


async def test_without_queue_usage_and_context_length_a_turn_is_answered(redis_url: str) -> None:
    foreign = Foreign(models={"object": "list", "data": [{"id": "first"}, {"id": "second"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        found = await answer(core, "Hi")
    assert (found.answer, found.model, found.outcome) == ("Hello there", "first", "done")
    assert found.tokens > 0, "estimated, so that limits count something"
    assert foreign.asked[0]["model"] == "first"


async def test_a_model_that_is_named_is_asked_for_even_where_no_list_is(redis_url: str) -> None:
    foreign = Foreign()
    async with running(foreign.app()) as url, adapter(redis_url, url, inference_model="org/name") as core:
        assert (await answer(core, "Hi")).model == "org/name"
    assert foreign.asked[0]["model"] == "org/name"


async def test_a_context_length_that_is_told_bounds_what_is_sent(redis_url: str) -> None:
    foreign = Foreign(models={"data": [{"id": "first"}]})
    async with (
        running(foreign.app()) as url,
        adapter(redis_url, url, inference_context=512, max_answer_tokens=100) as core,
    ):
        for number in range(6):
            await answer(core, f"{number} " + "word " * 200, str(number))
    lengths = [sum(len(message["content"]) for message in each["messages"]) for each in foreign.asked]
    assert max(lengths) < 512 * 4
    assert all(each["messages"][-1]["content"].strip().endswith("word") for each in foreign.asked)


async def test_too_many_requests_and_outages_are_waited_out_as_long_as_is_asked(redis_url: str) -> None:
    foreign = Foreign(
        Response("slow down", 429, {"Retry-After": "1"}), Response("", 503), Response("<html>bad gateway</html>", 502),
        models={"data": [{"id": "first"}]},
    )  # fmt: skip
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        found = await answer(core, "Hi")
    assert found.outcome == "done"
    assert len(foreign.asked) == 4
    assert foreign.at[1] - foreign.at[0] >= 1


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (
            JSONResponse({"error": {"message": "no `first` for sk-1234", "code": "model_not_found"}}, 404),
            "not know this",
        ),
        (JSONResponse({"error": {"message": "Incorrect API key provided: sk-1234"}}, 401), "does not accept our key"),
        (Response("<html><h1>403 sk-1234</h1></html>", 403, media_type="text/html"), "does not let us use"),
        (JSONResponse({"detail": [{"loc": ["body"], "msg": "sk-1234 is no number"}]}, 422), "status 422"),
        (JSONResponse({"error": "Payment Required: 10.0.0.7 sk-1234"}, 402), "no credit left"),
        (JSONResponse({"error": {"message": "sk-1234", "code": "insufficient_quota"}}, 429), "no credit left"),
    ],
)
async def test_a_refusal_for_good_ends_the_turn_with_a_sentence_of_ours(
    redis_url: str, refusal: Response, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = Foreign(refusal, models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        found = await answer(core, "Hi")
        seen = core.surface.seen("1")
    assert found.outcome == "failed"
    assert sentence in seen
    for text in (seen, caplog.text):
        assert "sk-1234" not in text
        assert "html" not in text


# How servers refuse a prompt that does not fit: OpenAI's, vLLM's, llama.cpp's, TGI's, LM Studio's and SGLang's words.
WINDOW = 700
TOO_LONG: list[dict[str, Any]] = [
    {"error": {"message": f"This model's maximum context length is {WINDOW} tokens. However, your messages resulted "
                          "in 1500 tokens. Please reduce the length of the messages.",
               "code": "context_length_exceeded"}},
    {"message": f"This model's maximum context length is {WINDOW} tokens. However, you requested 1500 tokens (1400 in "
                "the messages, 100 in the completion). Please reduce the length of the messages or completion.",
     "object": "error", "type": "BadRequestError", "code": 400},
    {"error": {"code": 400, "message": "the request exceeds the available context size. try increasing it",
               "type": "exceed_context_size_error", "n_prompt_tokens": 1500, "n_ctx": WINDOW}},
    {"error": {"message": "Input is longer than the context window", "type": "invalid_request_error"}},
    {"error": f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {WINDOW}. Given: 1500 `inputs` "
              "tokens and 100 `max_new_tokens`", "error_type": "validation"},
    {"error": "Trying to keep the first 1500 tokens when context the overflows. However, the model is loaded with "
              f"context length of only {WINDOW} tokens, which is not enough."},
]  # fmt: skip


IN_STREAMS = [each for each in TOO_LONG if isinstance(each.get("error"), dict)]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [*product(TOO_LONG, [400, 422]), *product(IN_STREAMS, [200])],
)
async def test_a_prompt_that_does_not_fit_is_cut_and_asked_again(
    redis_url: str, refusal: dict[str, Any], status: int
) -> None:
    """Whether the server refuses at once or, as some do, within its stream."""
    within = StreamingResponse(iter([f"data: {json.dumps(refusal)}\n\n"]), media_type="text/event-stream")
    no = within if status == 200 else JSONResponse(refusal, status)
    foreign = Foreign(models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url, max_answer_tokens=100) as core:
        for number in range(5):
            await answer(core, f"{number} " + "word " * 200, str(number))
        foreign.refusals.append(no)
        found = await answer(core, "short", "9")
    assert found.outcome == "done"
    refused, cut = foreign.asked[-2:]
    assert len(cut["messages"]) < len(refused["messages"])
    assert cut["messages"][-1]["content"] == "short"


@pytest.mark.parametrize(
    "told", [{"n_ctx": 300}, {"context_length": 300}, {"max_model_len": 300}, {"meta": {"n_ctx": 300}}]
)
async def test_a_window_that_is_smaller_than_the_longest_answer_bounds_the_answer(
    redis_url: str, told: dict[str, Any]
) -> None:
    foreign = Foreign(models={"data": [{"id": "first", **told}]})
    async with running(foreign.app()) as url, adapter(redis_url, url, max_answer_tokens=1000) as core:
        await answer(core, "Hi")
    assert 16 <= foreign.asked[0]["max_tokens"] < 300


async def test_a_long_question_is_not_answered_shortly_because_its_length_was_guessed(redis_url: str) -> None:
    """Words of prose have more characters a token than is assumed at first."""
    foreign = Foreign(models={"data": [{"id": "first", "max_model_len": 4096}]})
    async with running(foreign.app()) as url, adapter(redis_url, url, max_answer_tokens=1000) as core:
        await answer(core, "word " * 2_400)
    assert foreign.asked[0]["max_tokens"] == 1000


async def test_a_window_that_is_told_by_a_refusal_only_bounds_the_next_answer(redis_url: str) -> None:
    text = (
        "'max_tokens' is too large: 1000. This model's maximum context length is 300 tokens "
        "and your request has 40 input tokens"
    )
    foreign = Foreign(JSONResponse({"error": {"message": text}}, 400), models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url, max_answer_tokens=1000) as core:
        assert (await answer(core, "Hi")).outcome == "done"
    assert foreign.asked[0]["max_tokens"] == 1000
    assert foreign.asked[1]["max_tokens"] < 300


@pytest.mark.parametrize(("seconds", "said"), [("86400", timedelta(hours=24)), ("1e300", timedelta(days=30))])
async def test_a_server_that_wants_to_be_left_alone_for_long_ends_the_turn_at_once(
    redis_url: str, seconds: str, said: timedelta
) -> None:
    foreign = Foreign(Response("", 429, {"Retry-After": seconds}), models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        found = await answer(core, "Hi")
    assert found.outcome == "failed"
    assert str(say("model-refuses-for", wait=said)) in found.answer
    assert len(foreign.asked) == 1


async def test_an_answer_that_the_server_cuts_says_so(redis_url: str) -> None:
    foreign = Foreign(_stream({"content": "Half of"}, finish="content_filter"), models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        assert (await answer(core, "Hi")).answer == "Half of"
        assert "content filter" in core.surface.last("1").notice


async def test_thoughts_that_were_taken_for_the_answer_are_taken_back(redis_url: str) -> None:
    """The server's template opens the reasoning in the prompt, so only its end is said."""
    thoughts = _stream({"content": "People greet."}, {"content": "\n</think>"}, {"content": "\n\nHello"})
    foreign = Foreign(thoughts, models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        assert (await answer(core, "Hi")).answer == "Hello"
        assert core.surface.seen("1") == "Hello"


async def test_people_are_told_which_models_see(redis_url: str) -> None:
    models = [{"id": "first"}, {"id": "second", "capabilities": {"vision": True}}]
    async with running(Foreign(models={"data": models}).app()) as url, adapter(redis_url, url) as core:
        assert str(await core.commands.model("c")).endswith(" These models see pictures: `second`.")


async def test_the_named_model_is_the_default_for_people_too(redis_url: str) -> None:
    models = {"data": [{"id": "text-embedding-3-small"}, {"id": "first"}, {"id": "second"}]}
    foreign = Foreign(models=models)
    async with running(foreign.app()) as url:
        async with adapter(redis_url, url) as core:
            assert "default model, `first`" in str(await core.commands.model("c"))
            assert (await answer(core, "Hi", "1")).model == "first"
        async with adapter(redis_url, url, inference_model="second") as core:
            assert "default model, `second`" in str(await core.commands.model("c"))
            assert "Model: `second`" in str(await core.commands.status())
            assert (await answer(core, "Hi", "2")).model == "second"


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is read as one small picture."""

    async def read(*_: object) -> Contents:
        return Contents("0", pictures=(Picture("AAAA", "image/png", 64, 64),))

    monkeypatch.setattr("glados_bots.turns.attached.read", read)


def _shown(body: dict[str, Any]) -> int:
    """The number of pictures in a request."""
    contents = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
    return sum(part["type"] == "image_url" for parts in contents for part in parts)


async def _asked_about(core: AdapterCore[MemorySurface], number: int, name: str = "1") -> Exchange:
    files = tuple(Attachment(f"f{each}", f"{each}.png") for each in range(number))
    core.surface.files = {file.id: b"png" for file in files}
    return await answer(core, "What is it?", name, files)


MMPROJ = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(
    "refusal",
    [
        JSONResponse({"error": {"code": 500, "message": MMPROJ, "type": "server_error"}}, 500),
        JSONResponse({"error": {"code": 404, "message": "No endpoints found that support image input"}}, 404),
        JSONResponse({"error": "Model does not support images. Please use a model that does."}, 400),
        JSONResponse({"error": {"message": "first is not a multimodal model", "code": 400}}, 400),
        Response('event: error\ndata: {"error": {"message": "this model does not support image input"}}\n\n',
                 media_type="text/event-stream"),
    ],
    ids=["llama.cpp", "OpenRouter", "LM Studio", "vLLM", "in a stream"],
)  # fmt: skip
@pytest.mark.parametrize("thinking", ["", "high"])
async def test_a_server_that_refuses_pictures_is_asked_without_them_and_remembered(
    redis_url: str, refusal: Response, thinking: str
) -> None:
    foreign = Foreign(refusal, models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        if thinking:
            await core.commands.set_thinking("c", thinking)
        assert (await _asked_about(core, 1)).answer == "Hello there"
        assert core.surface.last("1").notice == str(say("pictures-unseen", files=("0.png",), model="first"))
        assert (await _asked_about(core, 1, "2")).outcome == "done"
    assert [_shown(body) for body in foreign.asked] == [1, 0, 0]


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("At most 2 image(s) may be provided in one prompt.", [5, 2, 2]),
        ("Too many images provided. This model takes fewer.", [5, 2, 2]),
    ],
)
async def test_a_server_that_takes_fewer_pictures_gets_fewer_and_people_are_told(
    redis_url: str, text: str, shown: list[int]
) -> None:
    foreign = Foreign(JSONResponse({"error": {"message": text}}, 400), models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        assert (await _asked_about(core, 5)).outcome == "done"
        why = say("file-too-many-pictures", count=2)
        others = tuple(say("file-unread", name=f"{number}.png", reason=why) for number in (2, 3, 4))
        assert core.surface.last("1").notice == str(say("not-read", files=others))
        assert (await answer(core, "And why?", "2")).outcome == "done"
    assert [_shown(body) for body in foreign.asked] == shown


@pytest.mark.usefixtures("pictures")
async def test_a_body_that_is_too_large_is_one_sentence(redis_url: str) -> None:
    foreign = Foreign(Response("<html>413</html>", 413), models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        assert (await _asked_about(core, 1)).outcome == "failed"
        assert str(say("server-413")) in core.surface.seen("1")
    assert len(foreign.asked) == 1


def _stream(*deltas: dict[str, Any], finish: str = "stop") -> Response:
    pieces: list[dict[str, Any]] = [{"delta": delta} for delta in deltas]
    pieces.append({"delta": {}, "finish_reason": finish})
    lines = [f"data: {json.dumps({'choices': [{'index': 0, **piece}]})}\n\n" for piece in pieces]
    return StreamingResponse(iter([*lines, "data: [DONE]\n\n"]), media_type="text/event-stream")


@pytest.fixture(scope="module")
def transformers_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(URL, model) of the library's own server with the small model."""
    program = Path(sys.executable).with_name("transformers")
    folder, port = fetch(resolve("smollm2_135m")[0], ROOT / "data", None), free_port()
    log = tmp_path_factory.mktemp("serve") / "log"
    command = [str(program), "serve", str(folder), "--dtype", "bfloat16", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, "HF_HUB_OFFLINE": "1"}, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + LONGEST_S
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", str(folder)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.mark.slow
@pytest.mark.timeout(3 * LONGEST_S)
async def test_transformers_serve_answers_a_turn(redis_url: str, transformers_serve: tuple[str, str]) -> None:
    url, model = transformers_serve
    async with adapter(redis_url, url, inference_model=model, max_answer_tokens=16) as core:
        found = await answer(core, "Say hello")
        await until(lambda: core.surface.seen("1") == found.answer)
    assert found.outcome == "done", found
    assert found.model == model
    assert found.answer.strip()


UNKNOWN_FIELD = {"error": {"message": "Unrecognized request argument", "type": "invalid_request_error"}}
BOTH = {"reasoning_effort": "none", "chat_template_kwargs": {"enable_thinking": False}}
EFFORT = {"reasoning_effort": "none"}


@pytest.mark.parametrize(
    ("refusals", "level", "sent", "again"),
    [
        (0, "", [{}], [{}]),
        (0, "off", [BOTH], [BOTH]),
        (1, "off", [BOTH, EFFORT], [EFFORT]),
        (2, "off", [BOTH, EFFORT, {}], [BOTH]),
    ],
)
async def test_a_level_of_thinking_is_asked_for_in_a_form_that_the_server_takes(
    redis_url: str, refusals: int, level: str, sent: list[Any], again: list[Any]
) -> None:
    """A server that refuses fields which it does not know answers all the same, and people are told."""
    foreign = Foreign(*(JSONResponse(UNKNOWN_FIELD, 400) for _ in range(refusals)), models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        await core.book.set_thinking("c", level)
        assert (await answer(core, "Hi")).answer == "Hello there"
        asked = [{name: body[name] for name in BOTH if name in body} for body in foreign.asked]
        assert asked == sent
        assert (await answer(core, "Hi", "2")).answer == "Hello there"
        asked = [{name: body[name] for name in BOTH if name in body} for body in foreign.asked]
        assert asked[len(sent) :] == again
        views = [view for _, views in core.surface.ledger.values() for view in views]
        told = str(say("thinking-unknown", level=level, model="first"))
        assert any(told in view.notice for view in views) == (refusals == 2)
