r"""How a model writes its calls of tools.

A format is a frame with gaps. `finding.py` finds it in the model's chat template:

    open NAME body between NAME body close

The body is a JSON object, an element for each argument, or arguments as Python writes them:

    <tool_call>\n{"name": "NAME", "arguments": {"KEY": "VALUE"}}\n</tool_call>
    <tool_call>\n<function=NAME>\n<parameter=KEY>\nVALUE\n</parameter>\n</function>\n</tool_call>
    <function_calls>NAME(KEY="VALUE")</function_calls>
"""

from collections.abc import Sequence
from dataclasses import dataclass

CALL, ARGUMENTS = "\ufdd6", "\ufdd7"  # of HARMONY, see `prompts/channels.py`
TEXT_MARKS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")  # of ENVELOPE


@dataclass(frozen=True, slots=True)
class JsonBody:
    """Arguments as one JSON object."""

    before: str  # between the name and the object


@dataclass(frozen=True, slots=True)
class ElementBody:
    """Arguments as elements: strings as they are, all other values as JSON."""

    empty: str  # after the name, if there are no arguments
    first: str  # between the name and the first key
    value: str  # between a key and its value
    next: str  # between a value and the next key
    last: str  # after the last value

    @property
    def is_quoted(self) -> bool:
        """Whether strings are JSON, too. Then a value shows by itself where it ends."""
        return self == KEYWORDS

    @property
    def end(self) -> str:
        """What ends every value, so that no string holds it. Empty if values are quoted."""
        if self.is_quoted:
            return ""
        same = self.next[: common(self.next, self.last)]
        return same[: same.rfind(">") + 1] or same


# Keyword arguments as Python writes them, with values as JSON
KEYWORDS = ElementBody(empty="()", first="(", value="=", next=", ", last=")")


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """The frame of one model's calls."""

    mark: str  # the beginning of `open`, which no text of an answer holds
    open: str  # before the first name
    body: JsonBody | ElementBody
    between: str  # between a body and the next name; empty: an answer holds at most one call
    close: str  # after the last body
    after_text: bool = True  # whether calls may follow a text; else a call begins where the answer begins
    arguments_as_text: bool = False  # whether the template wants arguments as JSON text, not as an object
    is_native: bool = True  # whether the chat template writes calls and results

    @property
    def is_harmony(self) -> bool:
        """Whether a call is a message beside the answer, as gpt-oss writes it."""
        return self.mark == CALL

    @property
    def rest(self) -> str:
        """What follows the mark, up to the first name."""
        return self.open[len(self.mark) :]


# The format for models whose template has none. `envelope.py` tells the model of it.
ENVELOPE = ToolFormat(
    mark="<tool_call>",
    open='<tool_call>\n{"name": "',
    body=JsonBody('", "arguments": '),
    between='}\n</tool_call>\n<tool_call>\n{"name": "',
    close="}\n</tool_call>",
    is_native=False,
)
# The format of gpt-oss, as its channels arrive here.
HARMONY = ToolFormat(mark=CALL, open=CALL, body=JsonBody(ARGUMENTS), between="", close="")


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the beginning that both have."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))
