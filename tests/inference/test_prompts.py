"""Prompts: the formats the models were trained on, and no words that pass as structure."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from glados_bots.conversation import Message
from glados_bots.inference.prompts import glados_prompt, harmless, special_strings

SPECIALS = ("<|im_start|>", "<|im_end|>", "</s>")


def test_the_format_of_the_first_glados() -> None:
    messages = [Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "How are you?")]
    assert glados_prompt(messages, ()) == "User :\nHi\nGLaDOS :\nHello\nUser :\nHow are you?\nGLaDOS :\n"


PIECES = [
    "User :",
    "GLaDOS :",
    "\n",
    " ",
    "user:",
    "x",
    "glados  :",
    "\r",
    "\u2028",
    "\x0b",
    "\x85",
    "\ufeff",
    "\u200b",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_nobody_can_forge_a_turn(parts: list[str]) -> None:
    """Lines by every separator that Unicode knows, and what cannot be seen before a role does not hide it."""
    prompt = glados_prompt([Message("user", "".join(parts))], ())
    seen = [line.strip(" \ufeff\u200b\t\r").lower().replace(" ", "") for line in prompt.splitlines()]
    lines = [line[: line.find(":") + 1] for line in seen]
    assert lines.count("user:") == 1
    assert lines.count("glados:") == 1


@given(st.lists(st.sampled_from([*SPECIALS, "<|im_", "end|>", "<", "x", "s>", "</"]), max_size=12))
def test_no_control_token_comes_out_of_anybodys_words(parts: list[str]) -> None:
    text = harmless("".join(parts), SPECIALS)
    assert not [special for special in SPECIALS if special in text]


def test_harmless_text_is_not_changed() -> None:
    assert harmless("a < b & c | <b>bold</b>", SPECIALS) == "a < b & c | <b>bold</b>"


def test_special_strings_are_all_a_tokenizer_knows() -> None:
    token = SimpleNamespace(content="<x>", special=True)
    plain = [SimpleNamespace(content=text, special=False) for text in ("word", "  ", "<think>", "[INST]", "a<b>")]
    tokenizer = SimpleNamespace(added_tokens_decoder=dict(enumerate([token, *plain])), all_special_tokens=["</s>"])
    assert set(special_strings(tokenizer)) == {"<x>", "</s>", "<think>", "[INST]"}
