"""Answers as many kinds of servers send them, read piece by piece."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from glados_bots.errors import RequestRejectedError, ServiceUnavailableError
from glados_bots.wire.events import Delta, Finished, Queued
from glados_bots.wire.reasoning import Folded, Unfinished
from glados_bots.wire.refusals import TOO_LONG
from glados_bots.wire.reply import LONGEST_REPLY, Reply, ReplyEvent, Thinking


def event(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


def words(*pieces: str) -> bytes:
    return b"".join(event({"content": piece}) for piece in pieces)


def thoughts(name: str, *pieces: str) -> bytes:
    return b"".join(event({name: piece}) for piece in pieces)


END = event(finish="stop")
DONE = b"data: [DONE]\n\n"


def read(*pieces: bytes, show: bool = False) -> list[ReplyEvent]:
    reply = Reply(show_reasoning=show)
    return [found for piece in pieces for found in reply.feed(piece)] + list(reply.close())


def said(events: list[ReplyEvent]) -> str:
    """What stands there in the end."""
    text = ""
    for each in events:
        text = "" if isinstance(each, Folded) else text + each.text if isinstance(each, Delta) else text
    return text


def reason(events: list[ReplyEvent]) -> str:
    last = events[-1]
    assert isinstance(last, Finished)
    return last.reason


STREAMS = {
    "with return and line feed": (words("Hi") + END).replace(b"\n", b"\r\n"),
    "with returns only": (words("Hi") + END).replace(b"\n", b"\r"),
    "after a byte order mark": b"\xef\xbb\xbf" + words("Hi") + END,
    "with names, ids, pauses and comments": b"retry: 10\nevent: message\nid: 7\n" + words("Hi") + b": ping\n\n" + END,
    "without a space": (words("Hi") + END).replace(b"data: ", b"data:"),
    "with an object in several lines": b'data: {"choices": [\ndata: {"delta": {"content": "Hi"}}]}\n\n' + END,
    "without empty lines": (words("Hi") + END).replace(b"\n\n", b"\n") + b"\n",
    "without an end of the last line": (words("Hi") + END).strip(),
    "with what is no completion": b"data: ping\n\ndata: [1]\n\ndata: null\n\n" + words("Hi") + END,
    "ended by its mark alone": words("Hi") + DONE,
    "with a second answer": words("Hi") + event({"content": "Ho"}, index=1) + event(finish="length", index=1) + END,
    "in parts": event({"content": [{"type": "text", "text": "H"}, {"type": "x"}, {"type": "text", "text": "i"}]}) + END,
    "with a refusal": event({"refusal": "Hi"}) + END,
    "as a message": b'data: {"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}\n\n',
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_every_way_of_saying_it_is_understood(name: str, size: int) -> None:
    stream = STREAMS[name]
    events = read(*(stream[start : start + size] for start in range(0, len(stream), size)))
    assert said(events) == "Hi"
    assert reason(events) == "stop"


def test_the_last_word_ends_a_reply_whatever_follows() -> None:
    reply = Reply(show_reasoning=False)
    assert list(reply.feed(words("Hi") + DONE + words("Ho"))) == [Delta("Hi")]
    assert reply.is_over
    assert reason(list(reply.close())) == "stop"


def test_a_whole_answer_instead_of_a_stream_is_taken() -> None:
    reply = Reply(show_reasoning=False)
    content = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3}}
    assert [*reply.whole(json.dumps(content).encode()), *reply.close()] == [Delta("Hi"), Finished("stop", 3, 0, 0)]


def test_places_in_the_line_come_as_comments() -> None:
    assert read(b": queue position=3 wait=1.5\n\n" + words("Hi") + END)[0] == Queued(3, 1.5)


@pytest.mark.parametrize(
    ("finish", "expected"),
    [("length", "length"), ("content_filter", "content_filter"), ("error", "error"), ("eos", "stop"), ("stop", "stop")],
)
def test_why_an_answer_ended_is_told(finish: str, expected: str) -> None:
    assert reason(read(words("Hi") + event(finish=finish))) == expected


def test_an_error_before_the_first_word_is_worth_another_try() -> None:
    with pytest.raises(ServiceUnavailableError, match="before its first word"):
        read(event(finish="error"))


@pytest.mark.parametrize(
    "error",
    [
        {"type": "invalid_request_error", "message": "no"},
        {"type": "BadRequestError", "message": "no"},
        {"code": 400, "message": "no"},
        {"code": 422, "message": "no"},
    ],
)
def test_a_bad_request_within_a_stream_is_final(error: dict[str, Any]) -> None:
    with pytest.raises(RequestRejectedError):
        read(words("Hi") + f"data: {json.dumps({'error': error})}\n\n".encode())


@pytest.mark.parametrize("error", [{"code": 429}, {"code": 500}, "overloaded", {"type": "server_error"}, ["strange"]])
def test_other_errors_within_a_stream_are_not(error: Any) -> None:
    with pytest.raises(ServiceUnavailableError):
        read(words("Hi") + f"data: {json.dumps({'error': error})}\n\n".encode())


# --- reasoning -------------------------------------------------------------------------------------------------------

FIELDS = ["reasoning_content", "reasoning"]


@pytest.mark.parametrize("name", FIELDS)
def test_reasoning_in_a_field_of_its_own_is_folded_or_shown(name: str) -> None:
    stream = thoughts(name, "People ", "greet.\nSo do I.") + words("Hel", "lo") + END
    assert said(read(stream)) == "Hello"
    assert Thinking() in read(stream)
    assert said(read(stream, show=True)) == "> People greet.\n> So do I.\n\nHello"


@pytest.mark.parametrize("inner", [[{"type": "text", "text": "People greet."}], "People greet."])
def test_reasoning_among_the_parts_of_a_content_is_folded_or_shown(inner: Any) -> None:
    part = {"choices": [{"index": 0, "delta": {"content": [{"type": "thinking", "thinking": inner}]}}]}
    stream = f"data: {json.dumps(part)}\n\n".encode() + words("Hello") + END
    assert said(read(stream)) == "Hello"
    assert Thinking() in read(stream)
    assert said(read(stream, show=True)) == "> People greet.\n\nHello"


@pytest.mark.parametrize("thinking", [None, 5, [5], [{"type": "text"}], {}, [[]]])
def test_odd_parts_of_reasoning_are_skipped(thinking: Any) -> None:
    part = {"choices": [{"index": 0, "delta": {"content": [{"type": "thinking", "thinking": thinking}, "x"]}}]}
    assert said(read(f"data: {json.dumps(part)}\n\n".encode() + words("Hello") + END)) == "Hello"


@pytest.mark.parametrize("name", FIELDS)
def test_who_only_thinks_says_so(name: str) -> None:
    found = read(thoughts(name, "Hm.") + event(finish="length"))
    assert Unfinished() in found
    assert said(found) == ""


def test_thoughts_after_the_first_word_are_left_out() -> None:
    assert said(read(words("Hel") + thoughts("reasoning", "Hm.") + words("lo") + END)) == "Hello"


@pytest.mark.parametrize(
    "pieces",
    [
        ["People greet.", "\n</think>", "\n\n", "Hello"],
        ["People greet.</think>Hello"],
        ["People greet.", "</", "think", ">", "Hello"],
        ["</think>\n\nHello"],
    ],
)
def test_reasoning_that_was_never_opened_is_taken_back_when_it_ends(pieces: list[str]) -> None:
    assert said(read(words(*pieces) + END)) == "Hello"
    shown = said(read(words(*pieces) + END, show=True))
    assert shown == ("Hello" if pieces[0].startswith("</") else "> People greet.\n\nHello")


@pytest.mark.parametrize(
    "text",
    [
        "The mark `</think>` ends it.",
        "Write </think> at the end.",
        'It is called "</think>", as you know.',
        "```\nthoughts\n</think>\nanswer\n```\nSo it looks.",
        "a < b, and </thin> is none",
    ],
)
def test_an_answer_may_speak_about_the_mark(text: str) -> None:
    assert said(read(words(text) + END)) == text
    assert said(read(words(*text) + END)) == text


def test_a_reply_without_end_is_cut() -> None:
    reply = Reply(show_reasoning=False)
    piece = words("x" * 10_000)

    def until_over() -> Iterator[ReplyEvent]:
        while not reply.is_over:
            yield from reply.feed(piece)

    events = [*until_over(), *reply.close()]
    assert reason(events) == "length"
    assert len(said(events)) <= LONGEST_REPLY + 20_000


@pytest.mark.parametrize(
    "sent",
    [
        {"object": "error", "message": "This model's maximum context length is 4096 tokens", "code": 400},
        {"type": "error", "message": "prompt is too long: 5000 tokens > 4096 maximum"},
        {"error": "the request exceeds the available context size (4096 tokens)"},
    ],
)
def test_an_error_of_any_shape_about_the_context_is_final(sent: dict[str, Any]) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        list(Reply(show_reasoning=False).feed(f"data: {json.dumps(sent)}\n\n".encode()))
    assert caught.value.code == TOO_LONG


def test_raw_control_characters_in_a_text_are_no_loss() -> None:
    sent = b'data: {"choices": [{"delta": {"content": "a\tb"}}]}\n\n'
    assert list(Reply(show_reasoning=False).feed(sent)) == [Delta("a\tb")]
