"""What may stand before an answer that has a form: the reasoning of a model, as rules of Lark.

A model may reason freely, and the form binds the answer alone. Of our own rules, all names begin with `glados`, so that
they meet no name of a client's grammar.
"""

import json
from typing import Literal

from glados_bots.inference.grammars.calls import CALL_RULE
from glados_bots.inference.prompts.channels import CHANNEL, CLOSE, END, FINAL, MESSAGE, OPEN, START
from glados_bots.inference.prompts.reasoning_marks import ReasoningMarks

# Where the next token stands: before everything, within reasoning that the prompt has begun, in the
# answer itself, or after a raw prompt, which no reasoning follows
Stage = Literal["before", "inside", "answer", "raw"]
GAP = "GLADOS_GAP: /\\n{1,4}/"  # the empty lines between reasoning and answer, which are no part of either
FINAL_ANSWER = "glados_final answer"
THOUGHT = "GLADOS_THOUGHT: /(?s:.+)/"
HEADER = "GLADOS_HEADER: /(analysis|commentary)[^<=]{0,100}/"  # without `to=`, which would be a call


def stage_of(marks: ReasoningMarks, prompt_end: str) -> Stage:
    """The stage after a prompt. Args: prompt_end: its last tokens as text, with special tokens."""
    if marks.is_harmony and prompt_end.endswith(f"<|channel|>{FINAL}<|message|>"):
        return "answer"
    return "inside" if marks.reader(prompt_end).is_inside else "before"


def rules(marks: ReasoningMarks, stage: Stage, source: str) -> str:
    """The rules before the source's `answer`, with `start` as the first."""
    if stage == "raw":
        return "start: answer"
    if marks.is_harmony and f"{CALL_RULE}:" in source:
        return _harmony(marks, stage, _ways(source))
    if stage == "answer" or (stage == "before" and not marks.are_tokens):
        return "start: answer"
    if marks.is_harmony:
        return _harmony(marks, stage, FINAL_ANSWER)
    return _brackets(marks, stage) if marks.codes else _text(marks, stage)


def _text(marks: ReasoningMarks, stage: Stage) -> str:
    """Marks that the reader finds in the text, whether one token spells them or several."""
    opening, closing = marks.pair
    pattern = "".join(c if c.isalnum() else f"\\x{{{ord(c):x}}}" for c in closing)
    if closing in marks.tokens:  # then this token ends the thoughts, and no text of theirs may spell it
        thought = f"GLADOS_WORDS? <[{marks.tokens[closing]}]>"
        rule = f"GLADOS_WORDS: /(?s:.+)/ & ~/(?s:.*){pattern}(?s:.*)/"
    else:
        thought, rule = "glados_thought", f"glados_thought[lazy]: /(?s:.*){pattern}/"
    before = thought if stage == "inside" else f"({_opening(marks, opening)} {thought})?"
    return f"start: {before} GLADOS_GAP? answer\n{rule}\n{GAP}"


def _opening(marks: ReasoningMarks, text: str) -> str:
    token = max((token for token in marks.tokens if token and text.startswith(token)), key=len, default="")
    rest = text[len(token) :]
    return " ".join([*([f"<[{marks.tokens[token]}]>"] if token else []), *([json.dumps(rest)] if rest else [])])


def _brackets(marks: ReasoningMarks, stage: Stage) -> str:
    opening, closing = (_token(marks, code) for code in (OPEN, CLOSE))
    thought = f"GLADOS_THOUGHT? {closing} GLADOS_GAP?"
    before = thought if stage == "inside" else f"({opening} {thought})?"
    return f"start: {before} answer\n{THOUGHT}\n{GAP}"


def _ways(source: str) -> str:
    """The messages that can end an answer which may hold a call."""
    has_answer = any(line.startswith("answer:") for line in source.splitlines())
    return f"({FINAL_ANSWER} | {CALL_RULE})" if has_answer else CALL_RULE


def _harmony(marks: ReasoningMarks, stage: Stage, ways: str) -> str:
    """The channels before the last message. Args: ways: the messages that can be the last."""
    channel, message, start = (_token(marks, code) for code in (CHANNEL, MESSAGE, START))
    end = f'<[{marks.end}]> {start} "assistant"'
    inside = f"(GLADOS_HEADER? {message})? GLADOS_THOUGHT? {end} " if stage == "inside" else ""
    before = "" if stage == "answer" else f"{inside}glados_message* "
    return "\n".join(
        (
            f"start: {before}{ways}",
            f"glados_message: {channel} GLADOS_HEADER {message} GLADOS_THOUGHT? {end}",
            f'glados_final: {channel} "{FINAL}" {message}',
            THOUGHT,
            HEADER,
        )
    )


def _token(marks: ReasoningMarks, code: str) -> str:
    """A special token of the model. Args: code: the character that stands for it."""
    number = next(number for number, found in marks.codes.items() if found == code and code != END)
    return f"<[{number}]>"
