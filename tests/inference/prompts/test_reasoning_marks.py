"""Reasoning between special tokens: apart from the answer however the tokens come, without marks and channels."""

from functools import lru_cache
from random import Random
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from glados_bots.conversation import Message
from glados_bots.inference.decoding.detokenizer import Detokenizer
from glados_bots.inference.model_files import weights
from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.prompts.formats import harmless, special_strings
from glados_bots.inference.prompts.reasoning_marks import HARMONY, KNOWN, ReasoningMarks
from glados_bots.wire.events import Delta, Thought
from glados_bots.wire.reasoning import Quote
from tests.inference.tiny import DATA

GEMMA, MISTRAL = KNOWN[:2]
ANALYSIS = "<|channel|>analysis<|message|>Hm, a greeting."
FINAL = "<|start|>assistant<|channel|>final<|message|>"
CASES = [
    ("harmony", f"{ANALYSIS}<|end|>{FINAL}Hello!<|return|>", "Hello!"),
    ("harmony", "<|channel|>final<|message|>Hello!<|return|>", "Hello!"),
    ("harmony", "Hello!", "Hello!"),
    ("harmony", f"{ANALYSIS}<|end|><|start|>assistant{ANALYSIS}<|end|>{FINAL}Hello!", "Hello!"),
    ("harmony", f"{ANALYSIS}<|end|><|start|>assistant<|channel|>commentary<|message|>I look.<|end|>{FINAL}Yes", "Yes"),
    ("harmony", "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>", ""),
    ("harmony", ANALYSIS, ""),
    ("harmony", "<|channel|>analysis", ""),
    ("harmony", f"{ANALYSIS}<|end|><|start|>assistant<|channel|>fin", ""),
    ("harmony", f"{ANALYSIS}<|end|>{FINAL}", ""),
    ("harmony", f"{ANALYSIS}{FINAL}Hel<|message|>lo<|end|><|start|>assistant<|channel|>analysis<|message|>x", "Hello"),
    ("harmony", f"{ANALYSIS}<|end|>{FINAL}One<|end|>{FINAL}Two", "One\n\nTwo"),
    ("harmony", f"{ANALYSIS}<|end|><|start|>assistant<|message|>Hello", "Hello"),
    ("harmony", f"{ANALYSIS}<|end|><|channel|>secret<|message|>no", ""),
    (MISTRAL, "[THINK]Hm.[/THINK]Hello!", "Hello!"),
    (MISTRAL, "[THINK]Hm.[/THINK]\n\nHello![THINK]More.[/THINK] Bye", "Hello! Bye"),
    (MISTRAL, "Hello![/THINK]", "Hello!"),
    (MISTRAL, "[THINK]for ever", ""),
    (GEMMA, "<|channel>thought\nHm.<channel|>Hello!", "Hello!"),
    (GEMMA, "<|channel>thought\n<channel|>Hello!", "Hello!"),
    (GEMMA, "<|channel>thou", ""),
    (GEMMA, "<|channel>other\nHm.<channel|>Hello!", "Hello!"),
]
CONTROLS = ("<|constrain|>", "<|turn>", "[INST]")


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - dice


@lru_cache
def with_marks(given: Any) -> Any:
    """The small model's tokenizer with these marks as special tokens."""
    tokenizer: Any = AutoTokenizer.from_pretrained(weights.fetch(resolve("smollm2_135m")[0], DATA, None))
    names = list(HARMONY) if given == "harmony" else [given[0].removesuffix("thought"), given[1]]
    tokenizer.add_tokens([*names, *CONTROLS], special_tokens=True)
    return tokenizer


def through(tokenizer: Any, given: Any, tokens: list[int], cuts: Random, *, show: bool = False) -> str:
    marks = ReasoningMarks(tokenizer, given)
    text, reader, quote = Detokenizer(tokenizer, ["STOP"], marks.codes), marks.reader(""), Quote(show=show)
    pieces, rest = [], list(tokens)
    while rest:
        size = cuts.randint(1, 4)
        pieces += reader.feed(text.feed(rest[:size]))
        del rest[:size]
    return "".join(map(quote.feed, [*pieces, *reader.feed(text.close()), *reader.close()]))


@pytest.mark.parametrize(("given", "said", "expected"), CASES)
def test_only_the_answer_is_shown_however_the_tokens_come(given: Any, said: str, expected: str) -> None:
    tokenizer = with_marks(given)
    tokens = tokenizer(said, add_special_tokens=False)["input_ids"]
    for seed in range(4):
        assert through(tokenizer, None, tokens, dice(seed)) == expected  # the marks are found, too
        assert through(tokenizer, given, tokens, dice(seed)) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("harmony", f"{ANALYSIS}<|end|>{FINAL}Hello!"),
        (MISTRAL, "[THINK]Hm, a greeting.[/THINK]Hello!"),
        (GEMMA, "<|channel>thought\nHm, a greeting.<channel|>Hello!"),
    ],
)
def test_reasoning_is_shown_as_a_quote_without_the_channels_name(given: Any, said: str) -> None:
    tokenizer = with_marks(given)
    tokens = tokenizer(said, add_special_tokens=False)["input_ids"]
    assert through(tokenizer, given, tokens, dice(1), show=True) == "> Hm, a greeting.\n\nHello!"


def test_other_control_tokens_stay_hidden_and_spelt_marks_stay_text() -> None:
    tokenizer = with_marks("harmony")
    spelt = [token for letter in "I write <|channel|> so." for token in tokenizer(letter)["input_ids"]]
    marks = tokenizer(f"{ANALYSIS}<|end|>{FINAL}<|turn>", add_special_tokens=False)["input_ids"]
    end = tokenizer("[INST]<|turn>!", add_special_tokens=False)["input_ids"]
    assert through(tokenizer, None, [*marks, *spelt, *end], dice(2)) == "I write <|channel|> so.!"


@settings(max_examples=60, deadline=None)
@drawn(
    pieces=st.lists(st.sampled_from([*HARMONY, *CONTROLS, "analysis", "final", "assistant", "SECRET", " word", "é"]))
)
def test_no_mark_and_no_header_is_ever_shown(pieces: list[str]) -> None:
    tokenizer = with_marks("harmony")
    said = "".join(["<|channel|>analysis<|message|>", *pieces])
    shown = through(tokenizer, "harmony", tokenizer(said, add_special_tokens=False)["input_ids"], dice(len(pieces)))
    assert not any(mark in shown for mark in (*HARMONY, *CONTROLS))
    if not {"final", "<|start|>", "<|end|>", "<|return|>", "<|call|>"} & set(pieces):  # a new message may be an answer
        assert shown == ""


@pytest.mark.parametrize("given", ["harmony", MISTRAL, GEMMA])
def test_peoples_words_forge_no_mark(given: Any) -> None:
    tokenizer = with_marks(given)
    names = list(HARMONY) if given == "harmony" else [given[0].removesuffix("thought"), given[1]]
    words = "".join(names) + "final" + names[0]
    message = Message("user", harmless(words, special_strings(tokenizer)))
    ids = tokenizer(message.content)["input_ids"]
    assert not set(tokenizer.convert_tokens_to_ids(names)) & set(ids)


@pytest.mark.parametrize(
    ("given", "end", "said", "expected"),
    [
        (MISTRAL, "[INST]Hi[/INST][THINK]", "Hm.[/THINK]Hello!", "Hello!"),
        (GEMMA, "<|turn>model\n<|channel>thought\n", "Hm.<channel|>Hello!", "Hello!"),
        (GEMMA, "<|channel>thought\n<channel|>", "Hello!", "Hello!"),
        ("harmony", "<|start|>assistant<|channel|>analysis<|message|>", f"Hm.<|end|>{FINAL}Hello!", "Hello!"),
        ("harmony", "<|start|>assistant<|channel|>", "analysis<|message|>Hm.", ""),
        ("harmony", "<|start|>assistant", "Hello!", "Hello!"),
    ],
)
def test_a_prompt_that_begins_the_reasoning_is_known(given: Any, end: str, said: str, expected: str) -> None:
    tokenizer = with_marks(given)
    marks = ReasoningMarks(tokenizer, given)
    text, reader = Detokenizer(tokenizer, [], marks.codes), marks.reader(end)
    pieces = reader.feed(text.feed(tokenizer(said, add_special_tokens=False)["input_ids"]))
    pieces += [*reader.feed(text.close()), *reader.close()]
    assert "".join(piece.text for piece in pieces if isinstance(piece, Delta)) == expected
    assert [piece for piece in pieces if isinstance(piece, Thought)] == [Thought("Hm.")] * ("Hm." in said)


def test_the_closing_of_each_kind_is_read_as_its_tokens() -> None:
    for kind, said in (("harmony", ANALYSIS), (MISTRAL, "[THINK]Hm"), (GEMMA, "<|channel>thought\nHm")):
        tokenizer = with_marks(kind)
        marks = ReasoningMarks(tokenizer, kind)  # type: ignore[arg-type] # "harmony" is a literal here
        text, reader = Detokenizer(tokenizer, [], marks.codes), marks.reader("")
        reader.feed(text.feed(tokenizer(said, add_special_tokens=False)["input_ids"]))
        assert reader.is_inside
        closing = tokenizer(marks.written(reader.closing), add_special_tokens=False)["input_ids"]
        answer = tokenizer("Yes.", add_special_tokens=False)["input_ids"]
        assert [*reader.feed(text.feed([*closing, *answer])), *reader.feed(text.close())] == [Delta("Yes.")]
        assert not reader.is_inside
