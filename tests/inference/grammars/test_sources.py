"""Regular expressions, choices and grammars of clients."""

import json
from typing import Any

import pytest

from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.grammars.form import Form
from glados_bots.inference.grammars.sources import LONGEST_PATTERN, MOST_CHOICES, lark
from glados_bots.wire.events import Grammar, GrammarKind
from tests.inference.grammars.walking import shared, takes, tokenizer

GBNF = 'root ::= "yes " name | "no"\nname ::= [a-z]+'
CHOICES = ["a/b", 'say "hi"\n', "日本", "start: x", "a"]


def fits(kind: GrammarKind, value: str, text: str) -> bool:
    return takes(shared().matcher(lark(Grammar(kind, value)), "before", "f"), text)


def refusal(kind: GrammarKind, value: str) -> str:
    with pytest.raises(ParameterRefusedError) as error:
        Form(shared(), lark(Grammar(kind, value, "f")), "f", [1], tokenizer().decode)
    return str(error.value)


@pytest.mark.parametrize(
    ("kind", "value", "yes", "no"),
    [
        ("regex", r"\d{3}-[a-c]+", "123-abc", "123-"),
        ("regex", r"^a|b$", "b", "ab"),
        ("regex", r"a/b\/c", "a/b/c", "a"),
        ("regex", "line\none", "line\none", "lineone"),
        ("regex", r"\w+", "abc_1", "ä"),
        ("grammar", 'start: a "!"\na: "hi" | "ho"', "ho!", "ho"),
        ("grammar", 'start: "start" answer\nanswer: /a+/', "startaa", "start"),
        ("grammar", GBNF, "yes ada", "yes "),
        ("grammar", 'start: (" " | WORD)+\nWORD: /[a-z]+/ // start: <x>', "a b", "A"),
        ("json_object", "", '{"a":[1,{}]}', "[1]"),
        ("lark", "answer: /a/", "a", "b"),
    ],
)
def test_a_form_takes_what_has_it(kind: GrammarKind, value: str, yes: str, no: str) -> None:
    assert fits(kind, value, yes)
    assert not fits(kind, value, no)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_is_one_of_the_texts_whatever_they_hold(choice: str) -> None:
    assert fits("choice", json.dumps(CHOICES), choice)
    assert not fits("choice", json.dumps(CHOICES), f"{choice}x")


def test_as_many_choices_as_are_taken_cost_as_little_as_one() -> None:
    """Ten thousand rules of the parser would be more than MOST_ITEMS in one step."""
    names = [f"{number:04} {'x' * 40}" for number in range(MOST_CHOICES)]
    forms: list[tuple[GrammarKind, Any, str]] = [
        ("choice", names, names[5_000]),
        ("json_schema", {"enum": names}, f'"{names[7]}"'),
    ]
    for kind, value, name in forms:
        assert fits(kind, json.dumps(value), name)
        assert not fits(kind, json.dumps(value), name[:-3])
    assert "give 1 to 10000 choices" in refusal("choice", json.dumps([*map(str, range(MOST_CHOICES + 1))]))


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("regex", "a(?=b)", "at character 1: a look-ahead"),
        ("regex", "(a)\\1", "\\1 is not kept"),
        ("regex", "(?:", "unclosed group"),
        ("regex", "(" * 5_000, "cannot be kept"),
        ("regex", "a" * (LONGEST_PATTERN + 1), "at most"),
        ("choice", "[]", "give 1 to"),
        ("choice", '["a", ""]', "no choice may be empty"),
        ("grammar", "hello", "neither Lark nor GBNF"),
        ("grammar", 'begin: "a"', "neither Lark nor GBNF"),
        ("grammar", "start: <[*]>", "<[*]> is not offered"),
        ("grammar", "start: <|im_end|>", "is not offered"),
        ("grammar", '%llguidance {"no_forcing": true}\nstart: /a/', "%llguidance is not offered"),
        ("grammar", 'start: %json {"not": {}}', "%json is not offered"),
        ("grammar", "start: @other", "@other is not offered"),
        ("grammar", "start: missing", "unknown name"),
        ("grammar", "start: " + "(" * 1_000 + "/a/" + ")" * 1_000, "nested more than"),
        ("grammar", "start: a\na: b\nb: a", "no answer of this model can have this form"),
        ("lark", "answer: x", "unknown name"),
    ],
)
def test_what_cannot_be_kept_is_refused(kind: GrammarKind, value: str, reason: str) -> None:
    assert reason in refusal(kind, value)
    assert refusal(kind, value).startswith("f: ")
