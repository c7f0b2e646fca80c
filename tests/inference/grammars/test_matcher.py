"""One answer on its way through a form: reasoning before it, its end, what is taken back, and what fails."""

from functools import cache
from typing import Any

import pytest
from transformers import AutoTokenizer

from glados_bots.errors import GenerationFailedError
from glados_bots.inference.grammars import compiler as compiler_module
from glados_bots.inference.grammars.compiler import MOST_KEPT, Compiler
from glados_bots.inference.grammars.form import Form
from glados_bots.inference.grammars.matcher import Matcher
from glados_bots.inference.prompts.reasoning_marks import HARMONY
from tests.inference.grammars.walking import END, begins, compiler, matcher_of, shared, tokenizer

FORM = "answer: /yes|no/"


@cache
def with_marks(marks: tuple[str, ...], *, special: bool) -> Compiler:
    """For the embedded model's tokenizer with these marks."""
    own: Any = AutoTokenizer.from_pretrained(tokenizer().name_or_path)
    own.add_tokens(list(marks), special_tokens=special)
    return compiler(own)


def taken(made: Compiler, prompt: str, text: str) -> tuple[int, Matcher]:
    """(how many tokens of a text are taken after a prompt, the matcher after them)."""
    own: Any = made._tokenizer
    matcher = Form(made, FORM, "f", own(prompt)["input_ids"], own.decode).matcher(own(prompt)["input_ids"])
    tokens = own(text, add_special_tokens=False)["input_ids"]
    count = next((number for number, token in enumerate(tokens) if not matcher.take(token)), len(tokens))
    return len(tokens) - count, matcher


THINK = ("<think>", "</think>")
SQUARE = ("[THINK]", "[/THINK]")
CHANNELS = tuple(HARMONY)
THOUGHT = "<|channel|>analysis<|message|>Hm {} <end><|end|><|start|>assistant"
FINAL = "<|channel|>final<|message|>yes"


@pytest.mark.parametrize(
    ("marks", "special", "prompt", "text"),
    [
        ((), True, "Well?", "yes"),
        (THINK, False, "Well?", "<think>\nHm {} </thin no\n</think>\n\nyes"),
        (THINK, False, "Well?", "yes"),
        (THINK, False, "Well?<think>\n", "Hm\n</think>\n\nyes"),
        (THINK, True, "Well?", "<think>Hm {}</think>\n\nyes"),
        (THINK, True, "Well?<think>\n", "Hm {}</think>no"),
        (SQUARE, True, "Well?", "[THINK]Hm[/THINK]yes"),
        (SQUARE, True, "Well?", "yes"),
        (CHANNELS, True, "<|start|>assistant", THOUGHT + THOUGHT + FINAL),
        (CHANNELS, True, "<|start|>assistant", FINAL),
        (CHANNELS, True, "<|start|>assistant<|channel|>analysis<|message|>", "Hm<|end|><|start|>assistant" + FINAL),
        (CHANNELS, True, "<|start|>assistant<|channel|>final<|message|>", "yes"),
    ],
)
def test_a_model_may_think_freely_before_the_form(
    marks: tuple[str, ...], special: bool, prompt: str, text: str
) -> None:
    left, matcher = taken(with_marks(marks, special=special), prompt, text)
    assert (left, matcher.may_end, matcher.complete_at is not None) == (0, True, True)


@pytest.mark.parametrize(
    ("marks", "special", "prompt", "text"),
    [
        ((), True, "Well?", "<think>"),
        (THINK, False, "Well?", "Hm"),
        (THINK, False, "Well?", "<think>Hm</think>\n\nHm"),
        (THINK, True, "Well?", "<think>Hm</think>Hm"),
        (CHANNELS, True, "<|start|>assistant", "yes"),
        (CHANNELS, True, "<|start|>assistant", "<|channel|>final<|message|>Hm"),
        (CHANNELS, True, "<|start|>assistant", "<|channel|>other<|message|>"),
    ],
)
def test_the_answer_itself_has_the_form(marks: tuple[str, ...], special: bool, prompt: str, text: str) -> None:
    left, _ = taken(with_marks(marks, special=special), prompt, text)
    assert left > 0


@pytest.mark.parametrize("closing", ["\n</think>\n\n", "</think>"])
def test_after_closed_reasoning_the_form_goes_on(closing: str) -> None:
    made = with_marks(THINK, special=False)
    own: Any = made._tokenizer
    prompt, added = own("Well?")["input_ids"], own(f"<think>Hm{closing}", add_special_tokens=False)["input_ids"]
    matcher = Form(made, FORM, "f", prompt, own.decode).matcher([*prompt, *added])
    assert [matcher.take(token) for token in own("yes", add_special_tokens=False)["input_ids"]] == [True]
    assert matcher.complete_at == 1


def test_what_was_added_in_another_way_leads_to_the_answer() -> None:
    form = Form(shared(), FORM, "f", [1], tokenizer().decode)
    assert begins(form.matcher([1, *tokenizer()("Anything at all")["input_ids"]]), "no")


def test_a_finished_answer_takes_any_number_of_steps_more() -> None:
    matcher = shared().matcher(FORM, "before", "f")
    assert begins(matcher, "yes")
    assert matcher.complete_at == 1
    assert [matcher.take(END), matcher.take(END), matcher.take(500)] == [True, True, False]
    assert matcher.allowed().nonzero()[0].tolist() == [END]


def test_an_end_comes_only_where_the_form_ends() -> None:
    matcher = matcher_of({"type": "integer"})
    assert not matcher.take(END)
    assert begins(matcher, "12")
    assert (matcher.may_end, matcher.complete_at) == (True, None)
    assert matcher.take(END)
    assert matcher.complete_at is not None


def test_tokens_of_a_lost_step_are_taken_back() -> None:
    matcher = shared().matcher("answer: /[ab]*c/", "before", "f")
    a, c = (tokenizer()(letter)["input_ids"][0] for letter in "ac")
    assert all(map(matcher.take, (a, a, c)))
    assert matcher.complete_at == 3
    matcher.rewind(3)
    assert matcher.complete_at == 3
    matcher.rewind(1)
    assert matcher.complete_at is None
    assert all(map(matcher.take, (a, c)))
    assert matcher.complete_at == 3


def test_a_form_that_costs_too_much_fails_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of the parser are bounded, and this ambiguous grammar needs a longer one for each letter."""
    monkeypatch.setattr(compiler_module, "MOST_ITEMS", 60)
    with pytest.raises(GenerationFailedError, match="f: following this form takes too much work"):
        begins(compiler().matcher("answer: answer answer | /a/", "before", "f"), "a" * 100)


def test_compiled_forms_are_kept_and_the_oldest_go() -> None:
    made = compiler()
    made.matcher(FORM, "before", "f")
    first = next(iter(made._kept.values()))
    made.matcher(FORM, "before", "f")
    assert list(made._kept.values()) == [first]
    for number in range(MOST_KEPT):
        made.matcher(f"answer: /a{number}/", "before", "f")
    assert len(made._kept) == MOST_KEPT
    assert first not in made._kept.values()
