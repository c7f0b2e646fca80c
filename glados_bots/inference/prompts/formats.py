"""From messages to the text a model was trained on, with no way for anybody's words to pass as structure.

Two formats: the model's own chat template, and the one the GLaDOS models of 2023 were trained on:

    User :
    {question}
    GLaDOS :
    {answer}
    User :
    ...

Contents are made harmless first: a special token's text is broken by a zero-width space, so that the tokenizer cannot
read it as one. A line that looks like a GLaDOS role gets the same treatment, and so does what a chat template writes as
plain text to mark turns, see turn_marks.py. All of it is linear in the text.
"""

import re
from collections.abc import Sequence
from typing import Any

from tokenizers.normalizers import NFKC

from glados_bots.conversation import Message
from glados_bots.inference.prompts.chat_template import ChatTemplate
from glados_bots.inference.prompts.turn_marks import BREAK, starts
from glados_bots.inference.prompts.unseen import BLANK, ENDS, LINE_START

# A role at the beginning of a line, whatever Unicode takes for a line's end and whatever unseen stands before it.
ROLE_LINE = re.compile(rf"{LINE_START}(?:User|GLaDOS)(?=[{BLANK}{ENDS}]*+:)", re.IGNORECASE)
WIDE, FOLDED = "ＵＳＥＲ：", "USER:"
# Tokenizers do not mark all of their control tokens as special: `<think>` and `<tool_call>` often are not.
CONTROL = re.compile(r"<[^\s<>]+>|\[/?[A-Z_]+\]")


def special_strings(tokenizer: Any) -> tuple[str, ...]:
    """Every text this tokenizer turns into a control token, longest first."""
    found = tokenizer.added_tokens_decoder.values()
    added = [str(token.content) for token in found if token.special or CONTROL.fullmatch(str(token.content))]
    return tuple(sorted({*added, *tokenizer.all_special_tokens}, key=len, reverse=True))


def as_read(messages: Sequence[Message], tokenizer: Any) -> Sequence[Message]:
    """The messages in the letters that the tokenizer makes of them: some read `ＵＳＥＲ：` as `USER:` (NFKC)."""
    normalizer = tokenizer.backend_tokenizer.normalizer if tokenizer.is_fast else None
    if normalizer is None or FOLDED not in normalizer.normalize_str(WIDE):
        return messages
    folded = NFKC()  # linear; Python's own takes quadratic time over marks that are stacked on one letter
    return [Message(message.role, folded.normalize_str(message.content)) for message in messages]


def harmless(text: str, specials: Sequence[str]) -> str:
    """The same text to a reader; no control token to a tokenizer. Nothing that needs no change is changed."""
    for unbreakable in ("\0", *(special for special in specials if len(special) == 1)):
        text = text.replace(unbreakable, "\ufffd")
    return starts(tuple(specials), whole=False).sub(rf"\g<0>{BREAK}", text)


def glados_prompt(messages: Sequence[Message], specials: Sequence[str]) -> str:
    """The format of the first GLaDOS; a system text goes before the first turn. Ends where the answer begins."""
    return glados_turns(messages, specials) + "GLaDOS :\n"


def glados_turns(messages: Sequence[Message], specials: Sequence[str]) -> str:
    """A whole conversation in that format, as training takes it: each answer follows the prompt that asks for it."""
    parts: list[str] = []
    for message in messages:
        content = ROLE_LINE.sub(rf"\g<0>{BREAK}", harmless(message.content, specials))
        role = {"system": "", "user": "User :\n", "assistant": "GLaDOS :\n"}[message.role]
        parts.append(f"{role}{content}\n")
    return "".join(parts)


def chat_prompt(
    messages: Sequence[Message], specials: Sequence[str], tokenizer: Any, template: ChatTemplate | None = None
) -> str:
    """The model's own chat template, ending where the answer begins; see `ChatTemplate.prompt`.

    Args:
        messages: the conversation.
        specials: see `special_strings`.
        tokenizer: of transformers.
        template: the tokenizer's, where it has been looked through already.
    """
    plain = [Message(message.role, harmless(message.content, specials)) for message in messages]
    return (template or ChatTemplate(tokenizer, specials)).prompt(plain)
