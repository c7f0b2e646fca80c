"""Streams as the servers of others send them: each is read whole, and in pieces of any size."""

import json
from typing import Any

import pytest

from glados_bots.errors import RequestRejectedError, ServiceUnavailableError
from glados_bots.wire.events import Delta, Finished
from glados_bots.wire.reasoning import Folded, Unfinished
from glados_bots.wire.refusals import BLIND, TOO_LONG
from glados_bots.wire.reply import Reply, ReplyEvent, Thinking

SIZES = [1, 5, 64, 100_000]
DONE = "data: [DONE]\n\n"


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": delta or {}, "logprobs": None, "finish_reason": finish}
    data = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps({**data, **more})}\n\n"


def usage(**more: Any) -> str:
    counts = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}
    return f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [], 'usage': {**counts, **more}})}\n\n"


def read(stream: str, size: int = 100_000, *, show: bool = False) -> list[ReplyEvent]:
    reply, content = Reply(show_reasoning=show), stream.encode()
    pieces = (content[start : start + size] for start in range(0, len(content), size))
    return [event for piece in pieces for event in reply.feed(piece)] + list(reply.close())


def said(events: list[ReplyEvent]) -> str:
    text = ""
    for event in events:
        text = "" if isinstance(event, Folded) else text + event.text if isinstance(event, Delta) else text
    return text


OPENROUTER = (
    ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"
    + "".join(
        chunk(
            {
                "role": "assistant",
                "content": "",
                "reasoning": word,
                "reasoning_details": [{"type": "reasoning.text", "text": word, "format": "unknown", "index": 0}],
            },
            provider="Nebula",
            native_finish_reason=None,
        )
        for word in ("People ", "greet.")
    )
    + ": OPENROUTER PROCESSING\n\n"
    + chunk({"role": "assistant", "content": "Hello"})
    + chunk({"role": "assistant", "content": ""}, "stop", native_finish_reason="completed")
    + usage(cost=0.1)
    + DONE
)
STREAMS = {
    "OpenRouter": OPENROUTER,
    "OpenRouter, details alone": chunk(
        {"content": None, "reasoning_details": [{"type": "reasoning.encrypted", "data": "Zm9v"}]}
    )
    + chunk({"reasoning_details": [{"type": "reasoning.summary", "summary": "People greet."}]})
    + chunk({"content": "Hello"})
    + chunk({}, "stop")
    + DONE,
    "Ollama": chunk({"role": "assistant", "content": "", "reasoning": "People "})
    + chunk({"role": "assistant", "content": "", "reasoning": "greet."})
    + chunk({"role": "assistant", "content": "Hello"})
    + chunk({"role": "assistant", "content": ""}, "stop")
    + DONE,
    "LM Studio and llama.cpp": chunk({"role": "assistant", "content": None})
    + chunk({"reasoning_content": "People "})
    + chunk({"reasoning_content": "greet."})
    + chunk({"content": "Hello"})
    + chunk({}, "stop", timings={"predicted_n": 5})
    + usage()
    + DONE,
    "vLLM": chunk({"role": "assistant", "content": ""})
    + chunk({"reasoning": "People greet.", "reasoning_content": "People greet."})
    + chunk({"content": "\n\n"})
    + chunk({"content": "Hello"}, "stop", stop_reason=None)
    + usage()
    + DONE,
    "white space between reasoning": chunk({"content": "\n"})
    + chunk({"reasoning_content": "People "})
    + chunk({"content": "\n"})
    + chunk({"reasoning_content": "greet."})
    + chunk({"content": "Hello"})
    + chunk({}, "stop")
    + DONE,
    "a mark in the reasoning": chunk({"reasoning_content": "I say </thi"})
    + chunk({"reasoning_content": "nk> and People greet."})
    + chunk({"content": "Hello"})
    + chunk({}, "stop")
    + DONE,
    "Mistral": chunk(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "People "}], "closed": False}]}
    )
    + chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "greet."}]}]})
    + chunk({"content": [{"type": "text", "text": "Hel"}]})
    + chunk({"content": "lo"}, "stop")
    + DONE,
    "a proxy's own field": chunk({"thinking": "People greet."}) + chunk({"content": "Hello"}, "end_turn") + DONE,
    "parts that are reasoning": chunk({"content": [{"type": "reasoning", "text": "People greet."}]})
    + chunk({"content": "Hello"}, "eos")
    + DONE,
    "a word for no reason": chunk({"reasoning_content": "People greet."}, "null")
    + chunk({"content": "Hello"}, "None")
    + chunk({}, "stop_sequence")
    + DONE,
    "no reason, but token counts": chunk({"reasoning_content": "People greet."})
    + chunk({"content": "Hello"})
    + usage(),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", STREAMS)
def test_reasoning_is_folded_away(name: str, size: int) -> None:
    events = read(STREAMS[name], size)
    assert said(events) == "Hello"
    assert sum(isinstance(event, Thinking) for event in events) == 1
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.reason == "stop"


@pytest.mark.parametrize("name", STREAMS)
def test_reasoning_is_shown_as_a_quote_if_wanted(name: str) -> None:
    shown = said(read(STREAMS[name], show=True))
    quote, _, answer = shown.partition("\n\n")
    assert quote.startswith("> ")
    assert quote.endswith("People greet.")
    assert answer.strip() == "Hello"


def test_nothing_but_reasoning_is_said_to_be_so() -> None:
    events = read(chunk({"reasoning_content": "Hm"}) + chunk({}, "length") + DONE)
    assert any(isinstance(event, Unfinished) for event in events)
    assert said(events) == ""


def test_an_answer_of_white_space_and_words_keeps_both() -> None:
    assert said(read(chunk({"content": "  "}) + chunk({"content": "x = 1"}, "stop"))) == "  x = 1"


@pytest.mark.parametrize(
    ("finish", "meant"),
    [
        *((each, "stop") for each in ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "STOP", "tool_calls")),
        *((each, "length") for each in ("length", "max_tokens", "model_length", "MAX_TOKENS", "max_output_tokens")),
        *((each, "content_filter") for each in ("content_filter", "content-filter", "SAFETY", "sensitive", "refusal")),
        *((each, "error") for each in ("error", "network_error", "insufficient_system_resource", "abort")),
    ],
)
def test_why_an_answer_ends_is_told_in_many_words(finish: str, meant: str) -> None:
    last = read(chunk({"content": "Hello"}) + chunk({}, finish) + DONE)[-1]
    assert isinstance(last, Finished)
    assert last.reason == meant


CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("words", ["", "I look."])
def test_calls_that_nobody_asked_for_are_left_out(words: str, size: int) -> None:
    calls: list[dict[str, Any]] = [
        {"tool_calls": [CALL]},
        {"tool_calls": None},
        {"tool_calls": "odd"},
        {"content": None},
    ]
    events = read(chunk({"content": words}) + "".join(map(chunk, calls)) + chunk({}, "tool_calls") + DONE, size)
    assert said(events) == words
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.reason == "stop"


def test_token_counts_before_the_first_word_end_nothing() -> None:
    reply = Reply(show_reasoning=False)
    assert list(reply.feed(usage().encode())) == []
    assert not reply.has_ended
    list(reply.feed(chunk({"content": "Hel"}).encode()))
    with pytest.raises(ServiceUnavailableError, match="broke off"):
        list(reply.close())


UPSTREAM = {"code": 502, "message": "Provider returned error", "metadata": {"provider_name": "Nebula"}}
OVERFLOW = {"message": "Trying to keep the first 9 tokens when context the overflows. context length of only 4 tokens"}
NO_PICTURES = {"code": 500, "message": "image input is not supported - hint: you may need to provide the mmproj"}
BROKEN = {
    "top level, with its code": chunk({"content": ""}, "error", error=UPSTREAM),
    "with a word for a code": chunk({"content": ""}, "error", error={"code": "server_error", "message": "gone"}),
    "in the choice": f"data: {json.dumps({'choices': [{'index': 0, 'delta': {}, 'error': UPSTREAM}]})}\n\n",
    "an event named so": 'event: error\ndata: {"message": "The model has crashed"}\n\n',
    "an event named so, without JSON": "event: error\ndata: upstream connect error\n\n",
    "a text": 'data: {"error": "llama runner process has terminated"}\n\n',
    "bare": 'data: {"object": "error", "message": "EngineCore died", "type": "InternalServerError", "code": 500}\n\n',
    "bare, without a name": 'data: {"code": 503, "message": "overloaded"}\n\n',
    "llama.cpp until 2025": 'error: {"code": 500, "message": "Compute error.", "type": "server_error"}\n\n',
    "too many requests": 'data: {"error": {"code": 429, "message": "Rate limit exceeded"}}\n\n',
}


@pytest.mark.parametrize("before", ["", chunk({"content": "Hel"})])
@pytest.mark.parametrize("name", BROKEN)
def test_an_error_in_a_stream_is_worth_another_try(name: str, before: str) -> None:
    with pytest.raises(ServiceUnavailableError):
        read(before + BROKEN[name] + DONE)


def event_error(error: Any) -> str:
    return f"event: error\ndata: {json.dumps({'error': error, 'message': error['message']})}\n\n"


@pytest.mark.parametrize(
    ("stream", "status", "code"),
    [
        (chunk({}, "error", error={"code": 402, "message": "Insufficient credits"}), 402, "402"),
        (chunk({}, "error", error={"code": 403, "message": "flagged"}), 403, "403"),
        ('data: {"error": {"type": "authentication_error", "message": "sk-1"}}\n\n', 401, "authentication_error"),
        ('data: {"error": {"code": "model_not_found", "message": "m"}}\n\n', 404, "model_not_found"),
        ('data: {"error": {"code": "insufficient_quota", "message": "m"}}\n\n', 402, "insufficient_quota"),
        (event_error(OVERFLOW), 400, TOO_LONG),
        ('data: {"error_type": "context_length_exceeded", "error_message": "too long"}\n\n', 400, TOO_LONG),
        (event_error(NO_PICTURES), 400, BLIND),
    ],
)
def test_an_error_in_a_stream_may_be_final(stream: str, status: int, code: str) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        read(chunk({"role": "assistant", "content": ""}) + stream + DONE)
    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize(
    "harmless",
    [
        'event: ping\ndata: {"type": "ping"}\n\n',
        "event: message\n\n",
        "event: error\n\n",
        'data: {"code": 200, "message": "ok"}\n\n',
        'data: {"status": "loading", "message": "Loading model"}\n\n',
        'data: {"choices": [], "prompt_filter_results": []}\n\n',
        'data: {"error": null, "choices": [{"index": 0, "delta": {"content": ""}, "error": null}]}\n\n',
        ": keep-alive\n\n\n\n",
    ],
)
def test_what_is_no_error_is_skipped(harmless: str) -> None:
    assert said(read(harmless + chunk({"content": "Hello"}) + harmless + chunk({}, "stop") + DONE)) == "Hello"
