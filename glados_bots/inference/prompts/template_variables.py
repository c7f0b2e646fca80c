"""What a request may tell a model's chat template: how much to think, and other variables that the template knows.

A level of thinking becomes the variables that the card names for it. Without a table in the card, we find the levels by
rendering the template with the variables that templates commonly have.
"""

from collections.abc import Mapping
from typing import Any

from glados_bots.errors import ParameterRefusedError, PromptRefusedError
from glados_bots.inference.prompts.chat_template import ChatTemplate
from glados_bots.wire.events import EFFORTS, Sampling

SWITCHES = ("enable_thinking", "thinking")  # Qwen, GLM, SmolLM and Gemma; DeepSeek and Granite
EFFORT = "reasoning_effort"  # gpt-oss, Mistral
OWNED = frozenset(
    """
    messages tools documents add_generation_prompt continue_final_message chat_template tokenize raise_exception
    strftime_now namespace
    """.split()
)
Levels = Mapping[str, Mapping[str, Any]]


class TemplateVariables:
    """The variables of one model's template.

    Args:
        template: the model's template; None if its prompts have another format.
        levels: the card's table; empty to find the levels in the template.
    """

    def __init__(self, template: ChatTemplate | None, levels: Levels) -> None:
        self._template = template
        self._levels = levels or (found_levels(template) if template else {})

    @property
    def levels(self) -> tuple[str, ...]:
        return tuple(level for level in EFFORTS.values() if level in self._levels)

    def of(self, sampling: Sampling) -> dict[str, Any]:
        """The variables of a request. Raises ParameterRefusedError for those that this model does not know."""
        return {**self._of_level(sampling.effort), **self._own(sampling.variables)}

    def _of_level(self, effort: str | None) -> Mapping[str, Any]:
        level = EFFORTS.get(effort or "", "low")
        if effort is None or (level == "off" and not self._levels):
            return {}
        if level not in self._levels:
            known = ", ".join(name for name, level in EFFORTS.items() if level in self._levels)
            hint = f"it knows {known}" if known else "leave it out"
            raise ParameterRefusedError(EFFORT, f"this model does not know the level {effort!r}; {hint}")
        return self._levels[level]

    def _own(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        for name, value in variables.items():
            place = f"chat_template_kwargs.{name}"
            if self._template and (name in OWNED or name in self._template.names):
                raise ParameterRefusedError(place, "the service sets this itself; leave it out")
            if not (self._template and self._template.knows(name)) and value not in (None, False, ""):
                raise ParameterRefusedError(place, "the chat template does not know this variable; leave it out")
        return {name: value for name, value in variables.items() if value is not None}


def found_levels(template: ChatTemplate) -> dict[str, dict[str, Any]]:
    """The levels that change what the template writes, and the variable that sets each."""
    found: dict[str, dict[str, Any]] = {}
    if template.knows(EFFORT):
        efforts = {level: name for name, level in EFFORTS.items() if name != "minimal"}
        texts = {level: _rendered(template, {EFFORT: name}) for level, name in efforts.items()}
        if not template.quotes("none"):  # a template that writes any word says nothing about this one
            texts["off"] = ""
        distinct = {level for level, text in texts.items() if text and text not in _others(texts, level)}
        found = {level: {EFFORT: efforts[level]} for level in distinct}
    for name in filter(template.knows, SWITCHES):
        on, off = (_rendered(template, {name: value}) for value in (True, False))
        if on and off and on != off:
            return {**found, "on": {name: True}, "off": {name: False}}
    return found


def _others(texts: Mapping[str, str], level: str) -> set[str]:
    return {text for other, text in texts.items() if other != level}


def _rendered(template: ChatTemplate, variables: dict[str, Any]) -> str:
    """The template's text around known words; empty if it refuses the variables."""
    try:
        return template.tried(variables)
    except PromptRefusedError:
        return ""
