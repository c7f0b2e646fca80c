"""Finds in a chat template how its model writes calls: by rendering calls of known words, and looking around them.

A template that leaves out tools, or whose calls have a form that `formats.py` cannot say, has no format. Examples are
calls with quotes of their own (Gemma 4), or without a mark (GLM 4).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from glados_bots.conversation import Message, ToolCall
from glados_bots.errors import PromptRefusedError
from glados_bots.inference.tools.formats import HARMONY, KEYWORDS, ElementBody, JsonBody, ToolFormat, common
from glados_bots.wire.events import Tool

QUESTION, ANSWER, NAME, OTHER, KEY, LATER, VALUE, NEWER, RESULT = WORDS = tuple(
    f"Qx{number}Zw" for number in range(20, 29)
)
# The id of a call (see `messages.py`), which the service adds itself
WITH_ID = re.compile(r',\s*"\w+":\s*"0{8}\d"|"\w+":\s*"0{8}\d",\s*|\[CALL_ID\]0{8}\d')
BRACKETED = re.compile(r"<[^<>\s]{1,60}>|\[[^\[\]\s]{1,60}\]")
SHORTEST_MARK = 2  # letters: no text of an answer may hold the mark
THOUGHT = re.compile(r"(?s).*</think>\s*")
TOOL = Tool(NAME, ANSWER, {"type": "object", "properties": {KEY: {"type": "string"}, LATER: {"type": "string"}}})


class Render(Protocol):
    """Renders a conversation without the beginning of an answer. Raises PromptRefusedError."""

    def __call__(self, messages: Sequence[Message], tools: Sequence[Tool], *, arguments_as_text: bool) -> str: ...


def found_format(render: Render, specials: Sequence[str]) -> ToolFormat | None:
    """The format; None if there is none.

    Args:
        render: the template.
        specials: its control tokens, longest first.
    """
    try:
        shown = render([Message("user", QUESTION)], [TOOL], arguments_as_text=False)
    except PromptRefusedError:
        return None
    if NAME not in shown or KEY not in shown:
        return None
    for as_text in (False, True):
        found = _Template(render, specials, as_text).form()
        if found is not None:
            return replace(found, arguments_as_text=as_text)
    return None


def results(render: Render, form: ToolFormat) -> str:
    """A conversation of known words that holds calls and their results."""
    calls = tuple(ToolCall(f"{number}", NAME, json.dumps({KEY: VALUE})) for number in range(2 if form.between else 1))
    told = [Message("tool", RESULT, tool_call_id=call.id, name=NAME) for call in calls]
    talk = [Message("user", QUESTION), Message("assistant", "", tool_calls=calls), *told, Message("assistant", ANSWER)]
    try:
        return render(talk, [TOOL], arguments_as_text=form.arguments_as_text)
    except PromptRefusedError:
        return ""


def call_marks(text: str) -> set[str]:
    """The marks around calls and results in the text of `results`, from the first call on."""
    _, _, written = text.rpartition(QUESTION)
    for word in WORDS:
        written = written.replace(word, "\n")
    return set(BRACKETED.findall(written))


class _Template:
    """What one template writes for calls, without the beginning and the end of the answer that holds them."""

    def __init__(self, render: Render, specials: Sequence[str], as_text: bool) -> None:
        self._render, self._as_text = render, as_text
        self._units = re.compile("|".join([*map(re.escape, filter(None, specials)), "(?s:.)"]))
        self._plain = self._rendered()

    def form(self) -> ToolFormat | None:
        one, none = self._written({KEY: VALUE}), self._written({})
        opening, _, rest = one.partition(NAME)
        if self._is_harmony(opening):
            return HARMONY
        two = self._written({KEY: VALUE, LATER: NEWER})
        body, close = _json(rest) or _elements(rest, two.partition(NAME)[2], none.partition(NAME)[2])
        mark = _mark(opening, self._units.pattern.removesuffix("|(?s:.)"))
        if body is None or len(opening.strip()) < SHORTEST_MARK or not one.count(NAME) == one.count(KEY) == 1:
            return None
        if isinstance(body, ElementBody) and not self._writes_json(f"{opening}{NAME}{body.first}{KEY}{body.value}"):
            return None
        form = ToolFormat(mark, opening, body, "", close, after_text=mark != opening or opening in self._units_of(mark))
        form = replace(form, after_text=form.after_text and self._follows_text())
        return replace(form, between=self._between(form))

    def _writes_json(self, before: str) -> bool:
        """Whether an element holds a value that is no string as JSON, in the place of a string."""
        values: tuple[Any, ...] = (5, [5, VALUE])
        written = (self._written({KEY: value}).removeprefix(before) for value in values)
        return all(text.startswith(json.dumps(value)) for text, value in zip(written, values, strict=True))

    def _is_harmony(self, opening: str) -> bool:
        return opening.endswith("to=functions.")

    def _between(self, form: ToolFormat) -> str:
        """The text between two calls; empty if the template refuses several calls, or numbers them."""
        first = {} if isinstance(form.body, ElementBody) else {KEY: VALUE}
        whole = self._written(first, first)
        opening, _, rest = whole.partition(NAME)
        inner, _, end = rest.partition(NAME)
        body = form.body.empty if isinstance(form.body, ElementBody) else end.removesuffix(form.close)
        between = inner.removeprefix(body)
        calls = (between.join(f"{NAME}{body}" for _ in range(number)) for number in (2, 3))
        expected = [f"{form.open}{call}{form.close}" for call in calls]
        written = [whole, self._written(first, first, first)]
        return between if end and opening == form.open and expected == written else ""

    def _follows_text(self) -> bool:
        text = self._rendered({KEY: VALUE}, said=ANSWER)
        return -1 < text.find(ANSWER) < text.rfind(NAME)

    def _written(self, *arguments: dict[str, Any]) -> str:
        """The calls alone: what differs from an answer of one word. Empty if the template refuses them."""
        whole, plain = (self._units_of(text) for text in (self._rendered(*arguments), self._plain))
        begin = common(whole, plain)
        end = common(whole[begin:][::-1], plain[begin:][::-1])
        text = "".join(whole[begin : len(whole) - end])
        return THOUGHT.sub("", WITH_ID.sub("", text)).strip()

    def _units_of(self, text: str) -> list[str]:
        """The text as control tokens and single characters."""
        return [found[0] for found in self._units.finditer(text)]

    def _rendered(self, *arguments: dict[str, Any], said: str = "") -> str:
        calls = tuple(ToolCall(str(number), NAME, json.dumps(one)) for number, one in enumerate(arguments))
        answer = Message("assistant", said if calls else ANSWER, tool_calls=calls)
        try:
            return self._render([Message("user", QUESTION), answer], [TOOL], arguments_as_text=self._as_text)
        except PromptRefusedError:
            return ""


def _json(rest: str) -> tuple[JsonBody, str] | None:
    """The body and the end of a call whose arguments are JSON, from its text after the name."""
    found = re.search(rf'\{{\s*"{KEY}"\s*:\s*"{VALUE}"\s*\}}', rest)
    return (JsonBody(rest[: found.start()]), rest[found.end() :]) if found else None


def _elements(one: str, two: str, none: str) -> tuple[ElementBody | None, str]:
    """The body and the end of a call whose arguments are elements, from the texts after the name.

    Args:
        one: with one argument.
        two: with two.
        none: without any.
    """
    close = none.removeprefix(KEYWORDS.empty)
    if (one, two) == (f'({KEY}="{VALUE}"){close}', f'({KEY}="{VALUE}", {LATER}="{NEWER}"){close}'):
        return (KEYWORDS, close) if close else (None, "")
    pattern = rf"(?s)(.*){KEY}(.+){VALUE}(.*)"
    found, more = re.fullmatch(pattern, one), re.fullmatch(rf"{pattern}{LATER}(.+){NEWER}(.*)", two)
    if not found or not more or not found[3] or found.groups() != (more[1], more[2], more[5]) or more[2] != more[4]:
        return None, ""
    end = ElementBody("", found[1], found[2], more[3], found[3]).end
    after = found[3].removeprefix(end)
    close = after[len(after) - common(after[::-1], none[::-1]) :]
    last, empty = found[3].removesuffix(close), none.removesuffix(close)
    body = ElementBody(empty, found[1], found[2], more[3], last)
    return (body, close) if end and close else (None, "")


def _mark(opening: str, specials: str) -> str:
    """The beginning of an opening that no text holds: its control token, its mark in brackets, or all of it."""
    found = re.match(specials, opening) or BRACKETED.match(opening)
    return found[0] if found and found[0] else opening
