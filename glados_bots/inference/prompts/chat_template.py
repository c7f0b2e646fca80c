"""A model's own chat template: what it takes, what marks its turns, and the prompt it makes.

Templates differ in what they refuse. Some know no system message (Gemma, the first Mistral), many want user and
assistant to take turns. So a conversation is given in the first of these shapes that the template takes:

    as it is
    merged    every system text in front, neighbours of one role as one message
    folded    merged, and the system text at the beginning of the first question
"""

import logging
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineError, PromptRefusedError
from glados_bots.inference.prompts.jinja_process import shared
from glados_bots.inference.prompts.turn_marks import TurnMarks, marks_in, starts

log = logging.getLogger(__name__)

GAP = "\n\n"  # between texts that become one
# Words that stand for texts when a template is looked at; no template writes them itself.
KNOWN = tuple(f"Qx{number}Zw" for number in range(6))
TALKS = (
    ("system", "user"),
    ("system", "system", "user", "assistant", "system", "user"),
    ("user", "assistant", "user", "assistant", "user"),
    ("assistant", "user"),
    *(("user", role) for role in ("tool", "function", "developer", "ipython", "observation", "context")),
    *(("user", "assistant", role) for role in ("tool", "function", "ipython", "observation")),
)


class ChatTemplate:
    """The chat template of one tokenizer. Its methods may be called from several threads.

    Args:
        tokenizer: of transformers.
        specials: its control tokens, see `formats.special_strings`.

    Raises:
        ConfigError: there is none, or it cannot be used.
    """

    def __init__(self, tokenizer: Any, specials: Sequence[str]) -> None:
        source = tokenizer.chat_template
        source = source.get("default") if isinstance(source, dict) else source
        if not source:
            raise ConfigError('this model has no chat template; write a card for it with prompt_format = "glados"')
        self._source = str(source)
        self._names = {name: _plain(value) for name, value in tokenizer.special_tokens_map.items()}
        try:
            texts = self._looked_at()
        except EngineError as error:
            raise ConfigError(f"its chat template cannot be used ({error}); choose another model") from error
        self._takes_system, self._takes_systems = KNOWN[0] in texts[0], all(word in texts[1] for word in KNOWN)
        if not all(marks_in(gap, specials) or starts(tuple(specials)).search(gap) for gap in _gaps(texts[2])[1:-1]):
            log.warning("the chat template does not mark where turns begin: words of one may pass as another's")
        self.marks = TurnMarks(mark for gap in _apart(texts) for mark in marks_in(gap, specials))

    def prompt(self, messages: Sequence[Message]) -> str:
        """The prompt, ending where the answer begins. No text in it can be read as a mark of a turn.

        Raises:
            PromptRefusedError: the template takes these messages in no shape; with its own sentence.
        """
        safe = [Message(message.role, self.marks.broken(message.content)) for message in messages]
        *others, last = self._shapes(safe)
        for shape in others:
            try:
                return self._render(shape)
            except PromptRefusedError:
                continue
        return self._render(last)

    def _shapes(self, messages: list[Message]) -> Iterator[list[Message]]:
        """Without those in which the template is known to leave out or refuse a system text."""
        late = any(message.role == "system" for message in messages[1:])
        if self._takes_systems if late else self._takes_system:
            yield messages
        if self._takes_system:
            yield merged(messages)
        yield folded(messages)

    def _render(self, messages: Sequence[Message], *, answered: bool = True) -> str:
        """Rendered as it is; `answered` adds what an answer begins with."""
        plain = [{"role": message.role, "content": message.content} for message in messages]
        variables = {"messages": plain, "tools": None, "documents": None, "add_generation_prompt": answered}
        return shared().render(self._source, {**variables, **self._names})

    # --- looking at it ---------------------------------------------------------------------------------------------

    def _looked_at(self) -> list[str]:
        """Known words as the template writes them: TALKS, one question, and two that no answer is to follow."""
        question = self._render(_known("user"))
        if KNOWN[0] not in question:
            raise ConfigError('its chat template leaves out what is asked; write a card with prompt_format = "glados"')
        closed = [self._tried(roles, answered=False) for roles in (("user",), ("user", "assistant"))]
        return [*map(self._tried, TALKS), question, *closed]

    def _tried(self, roles: Sequence[str], *, answered: bool = True) -> str:
        """A conversation of known words; nothing when the template refuses it."""
        try:
            return self._render(_known(*roles), answered=answered)
        except PromptRefusedError:
            return ""


def _known(*roles: str) -> list[Message]:
    return [Message(role, word) for role, word in zip(roles, KNOWN, strict=False)]  # type: ignore[arg-type]


def _gaps(text: str) -> list[str]:
    """What a template wrote between known words; of what is before the first, which may be long, the last line."""
    for word in KNOWN[1:]:
        text = text.replace(word, KNOWN[0])
    first, *others = text.split(KNOWN[0])
    return [*first.rstrip().splitlines()[-1:], *others]


def _apart(texts: Sequence[str]) -> Iterator[str]:
    """Every gap, and where a turn's end and the next one's beginning are in one, the beginning by itself.

    Args:
        texts: as `_looked_at` has them; the last two end with what ends a turn.
    """
    ends = [end for text in texts[-2:] for end in _gaps(text)[-1:]]
    for gap in (gap for text in texts for gap in _gaps(text)):
        yield gap
        yield from (gap.removeprefix(end) for end in ends if end and gap.startswith(end))


def merged(messages: Sequence[Message]) -> list[Message]:
    """Every system text in front as one, and neighbours of one role as one message."""
    system = [message for message in messages if message.role == "system"]
    others = [message for message in messages if message.role != "system"]
    groups = [(role, list(group)) for role, group in groupby([*system, *others], key=lambda message: message.role)]
    return [Message(role, GAP.join(message.content for message in group)) for role, group in groups]


def folded(messages: Sequence[Message]) -> list[Message]:
    """Merged, the system text at the beginning of the first question."""
    whole = merged(messages)
    if whole[0].role != "system" or len(whole) == 1:
        return whole
    system, *rest = whole
    place = next((index for index, message in enumerate(rest) if message.role == "user"), 0)
    question = Message(rest[place].role, system.content + GAP + rest[place].content)
    return [*rest[:place], question, *rest[place + 1 :]]


def _plain(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, list | tuple) else str(value)
