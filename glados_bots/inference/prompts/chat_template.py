"""A model's own chat template: which conversations it accepts, what marks its turns, and the prompts it makes.

Templates differ in what they refuse. Some have no system message (Gemma, the first Mistral); in many, user and
assistant must alternate. So the template gets a conversation in the first of these shapes that it accepts:

    as it is
    merged    all system texts in front, neighbours of one role joined into one message
    folded    merged, with the system text at the beginning of the first question
    answered  folded, with an empty answer between the result of a tool and a question
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineError, PromptRefusedError
from glados_bots.inference.prompts.jinja_process import shared
from glados_bots.inference.prompts.shapes import folded, merged, with_answers
from glados_bots.inference.prompts.turn_marks import TurnMarks, marks_in, starts
from glados_bots.inference.tools import finding
from glados_bots.inference.tools.formats import ToolFormat
from glados_bots.inference.tools.messages import changed_calls, definition, one_call_each, tool_fields
from glados_bots.wire.events import Tool

log = logging.getLogger(__name__)

# Placeholders for texts when we examine a template; no template contains them itself.
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
    """The chat template of one tokenizer. Several threads may call its methods.

    Args:
        tokenizer: a tokenizer of transformers.
        specials: its control tokens, see `formats.special_strings`.

    Raises:
        ConfigError: the tokenizer has no chat template, or the template is not usable.
    """

    def __init__(self, tokenizer: Any, specials: Sequence[str]) -> None:
        source = tokenizer.chat_template
        source = source.get("default") if isinstance(source, dict) else source
        if not source:
            raise ConfigError('this model has no chat template; write a card for it with prompt_format = "glados"')
        self._source = str(source)
        self.format: ToolFormat | None = None  # how it writes calls of tools
        self.names = {name: _plain(value) for name, value in tokenizer.special_tokens_map.items()}
        try:
            texts = self._looked_at()
        except EngineError as error:
            raise ConfigError(f"its chat template cannot be used ({error}); choose another model") from error
        self._takes_system, self._takes_systems = KNOWN[0] in texts[0], all(word in texts[1] for word in KNOWN)
        if not all(marks_in(gap, specials) or starts(tuple(specials)).search(gap) for gap in _gaps(texts[2])[1:-1]):
            log.warning("the chat template does not mark where turns begin: a text may imitate another speaker's turn")
        self.format = finding.found_format(self._called, specials)
        called = finding.results(self._called, self.format) if self.format else ""
        marks = {mark for gap in _apart(texts) for mark in marks_in(gap, specials)}
        self.marks = TurnMarks(marks | (finding.call_marks(called) - set(specials)))

    def prompt(
        self, messages: Sequence[Message], more: dict[str, Any] | None = None, tools: Sequence[Tool] = ()
    ) -> str:
        """The prompt, which ends where the answer begins. No text in it can be read as a mark of a turn.

        Args:
            messages: the conversation.
            more: further variables for the template.
            tools: what the model may call; only for a template with a `format`.

        Raises:
            PromptRefusedError: the template accepts these messages in no shape; the text is the template's own.
        """
        safe = [changed(message, self.marks.broken) for message in messages]
        *others, last = self._shapes(safe)
        for shape in others:
            try:
                return self._render(shape, more=more, tools=tools)
            except PromptRefusedError:
                continue
        return self._render(last, more=more, tools=tools)

    def knows(self, name: str) -> bool:
        """Whether the template's source names this variable."""
        return re.search(rf"\b{re.escape(name)}\b", self._source) is not None

    def quotes(self, text: str) -> bool:
        """Whether the template's source has this text as a literal."""
        return f'"{text}"' in self._source or f"'{text}'" in self._source

    def tried(self, more: dict[str, Any]) -> str:
        """The prompt for a known word. Raises PromptRefusedError if the template refuses these variables."""
        return self._render(_known("user"), more=more)

    def _shapes(self, messages: list[Message]) -> Iterator[list[Message]]:
        """The shapes to try, without those in which this template drops or refuses a system text."""
        if self.format and not self.format.between:
            messages = one_call_each(messages)
        late = any(message.role == "system" for message in messages[1:])
        if self._takes_systems if late else self._takes_system:
            yield messages
        if self._takes_system:
            yield merged(messages)
        whole = folded(messages)
        yield whole
        if len(with_answers(whole)) > len(whole):
            yield with_answers(whole)

    def _render(
        self,
        messages: Sequence[Message],
        *,
        answered: bool = True,
        more: dict[str, Any] | None = None,
        tools: Sequence[Tool] = (),
        arguments_as_text: bool | None = None,
    ) -> str:
        """The messages as the template renders them; `answered` adds the beginning of an answer."""
        as_text = self.format.arguments_as_text if self.format else bool(arguments_as_text)
        fields = tool_fields(messages, as_text=as_text)
        plain = [
            {"role": one.role, "content": _content(one), **_reasoning(one), **more_fields}
            for one, more_fields in zip(messages, fields, strict=True)
        ]
        variables = {"messages": plain, "documents": None, "add_generation_prompt": answered}
        variables["tools"] = [definition(tool) for tool in tools] or None
        return shared().render(self._source, {**(more or {}), **variables, **self.names})

    # --- examining the template ------------------------------------------------------------------------------------

    def _called(self, messages: Sequence[Message], tools: Sequence[Tool], *, arguments_as_text: bool) -> str:
        return self._render(messages, answered=False, tools=tools, arguments_as_text=arguments_as_text)

    def _looked_at(self) -> list[str]:
        """Renderings of known words: TALKS, one question, and two conversations without the beginning of an answer."""
        question = self._render(_known("user"))
        if KNOWN[0] not in question:
            raise ConfigError('its chat template leaves out what is asked; write a card with prompt_format = "glados"')
        closed = [self._tried(roles, answered=False) for roles in (("user",), ("user", "assistant"))]
        return [*map(self._tried, TALKS), question, *closed]

    def _tried(self, roles: Sequence[str], *, answered: bool = True) -> str:
        """A rendered conversation of known words; empty if the template refuses it."""
        try:
            return self._render(_known(*roles), answered=answered)
        except PromptRefusedError:
            return ""


def changed(message: Message, change: Callable[[str], str]) -> Message:
    """The message after a change of each of its texts."""
    message = changed_calls(message, change)
    return replace(message, content=change(message.content), reasoning=change(message.reasoning))


def _known(*roles: str) -> list[Message]:
    return [Message(role, word) for role, word in zip(roles, KNOWN, strict=False)]  # type: ignore[arg-type]


def _gaps(text: str) -> list[str]:
    """The texts between known words; of the text before the first word, which may be long, only the last line."""
    for word in KNOWN[1:]:
        text = text.replace(word, KNOWN[0])
    first, *others = text.split(KNOWN[0])
    return [*first.rstrip().splitlines()[-1:], *others]


def _apart(texts: Sequence[str]) -> Iterator[str]:
    """Every gap. If a gap holds the end of a turn and the beginning of the next, also the beginning by itself.

    Args:
        texts: the result of `_looked_at`; the last two texts end with the end of a turn.
    """
    ends = [end for text in texts[-2:] for end in _gaps(text)[-1:]]
    for gap in (gap for text in texts for gap in _gaps(text)):
        yield gap
        yield from (gap.removeprefix(end) for end in ends if end and gap.startswith(end))


def _content(message: Message) -> str | list[dict[str, str]]:
    """What a template gets: the text, or as templates of models with vision know it, pictures before the text."""
    if not message.pictures:
        return message.content
    text = [{"type": "text", "text": message.content}] if message.content else []
    return [{"type": "image"}] * len(message.pictures) + text


def _reasoning(message: Message) -> dict[str, str]:
    """What the model thought, by the names that templates have for it. The one of gpt-oss takes it or a content."""
    names = ("reasoning_content", "reasoning") if message.content else ("reasoning_content", "reasoning", "thinking")
    return dict.fromkeys(names if message.reasoning else (), message.reasoning)


def _plain(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, list | tuple) else str(value)
