"""Answers that hold calls, read piece by piece."""

import json
from random import Random

import pytest

from glados_bots.inference.tools.elements import Kind
from glados_bots.inference.tools.formats import ENVELOPE, KEYWORDS, ElementBody, JsonBody, ToolFormat
from glados_bots.inference.tools.reading import CallReader
from glados_bots.wire.events import Delta, FinishReason, ToolCallDelta, calls_in

ELEMENTS = ToolFormat(
    mark="<tool_call>",
    open="<tool_call>\n<function=",
    body=ElementBody(">", ">\n<parameter=", ">\n", "\n</parameter>\n<parameter=", "\n</parameter>"),
    between="\n</function>\n</tool_call>\n<tool_call>\n<function=",
    close="\n</function>\n</tool_call>",
)
LIST = ToolFormat("[C]", '[C] [{"name": "', JsonBody('", "arguments": '), '}, {"name": "', "}]")
FIRST = ToolFormat('{"name": "', '{"name": "', JsonBody('", "parameters": '), "", "}", after_text=False)
BARE = ToolFormat("[C]", "[C]", JsonBody("[A]"), "[C]", "")
PYTHON = ToolFormat("<calls>", "<calls>", KEYWORDS, "\n", "</calls>")
KINDS: dict[str, dict[str, Kind]] = {
    "f": {"s": "text", "n": "json", "o": "text_or_null"},
    "p": {"s": "json", "n": "json"},
}
Read = tuple[str, list[tuple[str, str]], FinishReason]


def read(
    form: ToolFormat, text: str, size: int = 1, *, only_first: bool = False, reason: FinishReason = "stop"
) -> Read:
    reader = CallReader(form, KINDS, only_first=only_first)
    pieces: list[Delta | ToolCallDelta] = []
    for begin in range(0, len(text), size):
        pieces += reader.feed(text[begin : begin + size])
    pieces += reader.close()
    words = "".join(piece.text for piece in pieces if isinstance(piece, Delta))
    return words, [(call.name, call.arguments) for call in calls_in(pieces)], reader.reason(reason)


ONE = '<tool_call>\n{"name": "f", "arguments": {"a": "}\\"<tool_call>"}}\n</tool_call>'
CALLED = "<tool_call>\n<function=f>\n{}</function>\n</tool_call>"
CASES = [
    (ENVELOPE, "", ("", [], "stop")),
    (ENVELOPE, "Hello  \n", ("Hello  \n", [], "stop")),
    (ENVELOPE, "a <tool_cal", ("a <tool_cal", [], "stop")),
    (ENVELOPE, f"Look:\n\n{ONE}", ("Look:", [("f", '{"a": "}\\"<tool_call>"}')], "tool_calls")),
    (ENVELOPE, f"{ONE}\n{ONE}", ("", [("f", '{"a": "}\\"<tool_call>"}')] * 2, "tool_calls")),
    (ENVELOPE, ONE[:-3], ("", [("f", '{"a": "}\\"<tool_call>"}')], "length")),
    (ENVELOPE, '<tool_call>\n{"name": "f', ("", [], "length")),
    (ENVELOPE, '<tool_call>\n{"name": "f", "arguments": {"a": [1, ', ("", [("f", '{"a": [1, ')], "length")),
    (ENVELOPE, "<tool_call>no call", ("no call", [], "stop")),
    (LIST, '[C] [{"name": "f", "arguments": {}}]', ("", [("f", "{}")], "tool_calls")),
    (
        LIST,
        'x[C] [{"name": "f", "arguments": {}}, {"name": "g", "arguments": {"b": {}}}]',
        ("x", [("f", "{}"), ("g", '{"b": {}}')], "tool_calls"),
    ),
    (FIRST, '{"name": "f", "parameters": {}}', ("", [("f", "{}")], "tool_calls")),
    (FIRST, '{"name": 5}', ('{"name": 5}', [], "stop")),
    (FIRST, 'x{"name": "f", "parameters": {}}', ('x{"name": "f", "parameters": {}}', [], "stop")),
    (BARE, "[C]f[A]{}", ("", [("f", "{}")], "tool_calls")),
    (BARE, '[C]f[A]{"x": 1}[C]g[A]{}', ("", [("f", '{"x": 1}'), ("g", "{}")], "tool_calls")),
    (
        ELEMENTS,
        CALLED.format('<parameter=s>\nsay "5"\n</p>\n</parameter>\n<parameter=n>\n[1, {}]\n</parameter>\n'),
        ("", [("f", '{"s": "say \\"5\\"\\n</p>", "n": [1, {}]}')], "tool_calls"),
    ),
    (ELEMENTS, "<tool_call>\n<function=f>\n</function>\n</tool_call>", ("", [("f", "{}")], "tool_calls")),
    (
        ELEMENTS,
        CALLED.format("<parameter=o>\nnull\n</parameter>\n<parameter=n>\n-5.0e3\n</parameter>\n")
        + "\n"
        + CALLED.format("<parameter=o>\nnullable\n</parameter>\n"),
        ("", [("f", '{"o": null, "n": -5.0e3}'), ("f", '{"o": "nullable"}')], "tool_calls"),
    ),
    (ELEMENTS, "<tool_call>\n<function=f>\n<parameter=s>\nab", ("", [("f", '{"s": "ab')], "length")),
    (
        PYTHON,
        'Look. <calls>p(s="a, n=\\")</calls>", n=-5.0e3)\np()\np(n=[1, {"a": null}])</calls>',
        (
            "Look.",
            [("p", '{"s": "a, n=\\")</calls>", "n": -5.0e3}'), ("p", "{}"), ("p", '{"n": [1, {"a": null}]}')],
            "tool_calls",
        ),
    ),
    (PYTHON, '<calls>p(s="ab', ("", [("p", '{"s": "ab')], "length")),
    (PYTHON, "<calls>p(n=1", ("", [("p", '{"n": 1')], "length")),
]


@pytest.mark.parametrize(("form", "text", "expected"), CASES)
def test_an_answer_reads_the_same_in_pieces_of_any_size(form: ToolFormat, text: str, expected: Read) -> None:
    assert [read(form, text, size) for size in (1, 2, 3, 7, 1_000)] == [expected] * 5


def test_an_answer_that_a_limit_cuts_keeps_its_reason() -> None:
    assert read(ENVELOPE, ONE[:-3], reason="length")[2] == "length"
    assert read(ENVELOPE, "Hello", reason="length") == ("Hello", [], "length")


def test_where_calls_stand_only_first_a_later_mark_is_text() -> None:
    document = '{"a": "<tool_call>"}'
    assert read(ENVELOPE, document, only_first=True) == (document, [], "stop")


def test_only_the_first_piece_of_a_call_has_its_id_and_name() -> None:
    reader = CallReader(ENVELOPE, {})
    pieces = [piece for letter in f"{ONE}\n{ONE}" for piece in reader.feed(letter)]
    calls = [piece for piece in pieces if isinstance(piece, ToolCallDelta)]
    heads = [(piece.index, piece.name, piece.arguments) for piece in calls if piece.id]
    assert heads == [(0, "f", ""), (1, "f", "")]
    assert len({piece.id for piece in calls if piece.id}) == 2


BEGINNINGS = {
    ENVELOPE.open: '<tool_call>\n{"name": "f", "arguments": {"a": "',
    ELEMENTS.open: "<tool_call>\n<function=f>\n<parameter=s>\n",
    PYTHON.open: '<calls>p(s="',
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("filling", ["x", '\\"', " ", "\n", "<tool_call", "\n</parameter", "{", "[1,"])
@pytest.mark.parametrize("form", [ENVELOPE, ELEMENTS, PYTHON])
def test_a_long_answer_is_read_in_linear_time(form: ToolFormat, filling: str) -> None:
    """In small pieces; in quadratic time this would take many minutes."""
    dice = Random(1)  # noqa: S311 - dice
    text = filling * (200_000 // len(filling))
    for whole in (text, f"{BEGINNINGS[form.open]}{text}"):
        reader, place = CallReader(form, KINDS), 0
        while place < len(whole):
            size = dice.randint(1, 20)
            reader.feed(whole[place : place + size])
            place += size
        reader.close()


def test_the_pieces_of_an_argument_are_one_json_text() -> None:
    value = 'é "quoted" \\ \u2028 🙂 \t'
    text = f"<tool_call>\n<function=f>\n<parameter=s>\n{value}\n</parameter>\n</function>\n</tool_call>"
    for size in (1, 3, 50):
        ((_, arguments),) = read(ELEMENTS, text, size)[1]
        assert json.loads(arguments) == {"s": value}
