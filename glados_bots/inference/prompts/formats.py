"""Converts messages to the text format that a model was trained on. Nobody's words can pass as structure.

There are two formats: the model's own chat template, and the format on which the GLaDOS models of 2023 were trained:

    User :
    {question}
    GLaDOS :
    {answer}
    User :
    ...

Contents are made harmless first: a zero-width space breaks the text of a special token, so that the tokenizer cannot
read it as one. The same happens to a line that looks like a GLaDOS role, and to plain text with which a chat template
marks turns (see turn_marks.py). All of this takes linear time.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tokenizers.normalizers import NFKC

from glados_bots.conversation import Message
from glados_bots.inference.prompts.chat_template import ChatTemplate, changed
from glados_bots.inference.prompts.turn_marks import BREAK, starts
from glados_bots.inference.prompts.unseen import BLANK, ENDS, LINE_START
from glados_bots.inference.tools.messages import changed_tool
from glados_bots.wire.events import Tool

# A role at the beginning of a line, after any line end of Unicode and any invisible characters.
ROLE_LINE = re.compile(rf"{LINE_START}(?:User|GLaDOS)(?=[{BLANK}{ENDS}]*+:)", re.IGNORECASE)
WIDE, FOLDED = "ＵＳＥＲ：", "USER:"
# Tokenizers do not mark all their control tokens as special; often not `<think>` and `<tool_call>`.
CONTROL = re.compile(r"<[^\s<>]+>|\[/?[A-Z_]+\]")


def special_strings(tokenizer: Any) -> tuple[str, ...]:
    """All texts that this tokenizer turns into control tokens, longest first."""
    found = tokenizer.added_tokens_decoder.values()
    added = [str(token.content) for token in found if token.special or CONTROL.fullmatch(str(token.content))]
    return tuple(sorted({*added, *tokenizer.all_special_tokens}, key=len, reverse=True))


def as_read(messages: Sequence[Message], tokenizer: Any) -> Sequence[Message]:
    """The messages after the tokenizer's normalization: some tokenizers read `ＵＳＥＲ：` as `USER:` (NFKC)."""
    change = _normalization(tokenizer)
    return [changed(message, change) for message in messages] if change else messages


def tools_as_read(tools: Sequence[Tool], tokenizer: Any) -> Sequence[Tool]:
    """The tools after the tokenizer's normalization."""
    change = _normalization(tokenizer)
    return [changed_tool(tool, change) for tool in tools] if change else tools


def _normalization(tokenizer: Any) -> Callable[[str], str] | None:
    normalizer = tokenizer.backend_tokenizer.normalizer if tokenizer.is_fast else None
    if normalizer is None or FOLDED not in normalizer.normalize_str(WIDE):
        return None
    folded = NFKC()  # linear; Python's own takes quadratic time for many combining marks on one letter
    return folded.normalize_str


def harmless(text: str, specials: Sequence[str]) -> str:
    """A text that reads the same to people but holds no control token for a tokenizer. Changes no other characters."""
    for unbreakable in ("\0", *(special for special in specials if len(special) == 1)):
        text = text.replace(unbreakable, "\ufffd")
    return starts(tuple(specials), whole=False).sub(rf"\g<0>{BREAK}", text)


def glados_prompt(messages: Sequence[Message], specials: Sequence[str]) -> str:
    """The prompt in the format of the first GLaDOS, with a system text before the first turn, up to the answer."""
    return glados_turns(messages, specials) + "GLaDOS :\n"


def glados_turns(messages: Sequence[Message], specials: Sequence[str]) -> str:
    """A whole conversation in the format of the first GLaDOS, as in training: each answer follows its prompt."""
    parts: list[str] = []
    for message in messages:
        content = ROLE_LINE.sub(rf"\g<0>{BREAK}", harmless(message.content, specials))
        role = {"system": "", "user": "User :\n", "assistant": "GLaDOS :\n"}[message.role]
        parts.append(f"{role}{content}\n")
    return "".join(parts)


def chat_prompt(
    messages: Sequence[Message],
    specials: Sequence[str],
    tokenizer: Any,
    template: ChatTemplate | None = None,
    variables: Mapping[str, Any] | None = None,
    *,
    tools: Sequence[Tool] = (),
) -> str:
    """The prompt by the model's own chat template, up to the beginning of the answer; see `ChatTemplate.prompt`.

    Args:
        messages: the conversation.
        specials: see `special_strings`.
        tokenizer: a tokenizer of transformers.
        template: the tokenizer's template, if it has been examined already.
        variables: more variables for the template. No text in them can be read as structure either.
        tools: what the model may call. Neither can a text in them.
    """
    template = template or ChatTemplate(tokenizer, specials)
    marks = template.marks

    def safe(text: str) -> str:
        return marks.broken(harmless(text, specials))

    variables = {name: safe(value) if isinstance(value, str) else value for name, value in (variables or {}).items()}
    plain = [changed(message, lambda text: harmless(text, specials)) for message in messages]
    return template.prompt(plain, variables, [changed_tool(tool, safe) for tool in tools])
