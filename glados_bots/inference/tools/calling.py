"""The calls of one model: what its prompt says of tools, the grammar of its answers, and their reader."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from glados_bots.inference.grammars import sources
from glados_bots.inference.grammars.schemas import check
from glados_bots.inference.tools.elements import elements
from glados_bots.inference.tools.formats import ENVELOPE, ElementBody, ToolFormat
from glados_bots.inference.tools.grammar import place_of, source
from glados_bots.inference.tools.reading import CallReader
from glados_bots.inference.tools.spelling import Spelling, special_tokens
from glados_bots.wire.events import Grammar, Sampling, Tool, ToolUse

RULE = re.compile(r"(?m)^answer(?=\s*[:\[])")


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one answer."""

    sampling: Sampling  # with the grammar that forces them
    reader: CallReader | None = None  # None if there can be none
    codes: Mapping[int, str] = field(default_factory=dict)  # the characters that stand for special tokens


class Calling:
    """How one model calls tools.

    Args:
        tokenizer: a tokenizer of transformers.
        native: the format of its chat template; None if there is none.
    """

    def __init__(self, tokenizer: Any, native: ToolFormat | None) -> None:
        specials = special_tokens(tokenizer)
        self._native = Spelling(native, specials) if native else None
        self._plain = Spelling(ENVELOPE, specials)

    def is_native(self, sampling: Sampling) -> bool:
        """Whether the chat template tells of the tools.

        A call without a mark cannot be told from a document, so such a format does not stand beside one.
        """
        native = self._native
        return native is not None and (native.form.after_text or not (sampling.grammar and sampling.tools))

    def prepared(self, sampling: Sampling) -> Calls:
        """The grammar of one answer, and its reader. It takes time that grows with the schemas.

        Raises:
            ParameterRefusedError: the schema of a tool, or the form of the answer, cannot be kept.
        """
        use = sampling.tools
        if use is None:
            return Calls(sampling)
        spelling = self._native if self._native and self.is_native(sampling) else self._plain
        use = replace(use, tools=tuple(_checked(tool, number, use) for number, tool in enumerate(use.tools)))
        document = RULE.sub("document", sources.lark(sampling.grammar)) if sampling.grammar else ""
        forced = replace(sampling, grammar=Grammar("lark", source(use, spelling, document)))
        reader = _reader(use, spelling.form, only_first=bool(document)) if use.allowed else None
        return Calls(forced, reader, spelling.codes)


def _checked(tool: Tool, number: int, use: ToolUse) -> Tool:
    """The tool with the schema that the grammar keeps. A tool that may not be called needs none."""
    if tool.name not in use.allowed:
        return tool
    schema = json.loads(json.dumps(tool.parameters))
    check(schema, place_of(number))
    return replace(tool, parameters=schema)


def _reader(use: ToolUse, form: ToolFormat, *, only_first: bool) -> CallReader:
    tools = [(number, tool) for number, tool in enumerate(use.tools) if tool.name in use.allowed]
    kinds = {}
    if isinstance(form.body, ElementBody):
        kinds = {tool.name: {one.key: one.kind for one in elements(tool, place_of(number))} for number, tool in tools}
    return CallReader(form, kinds, only_first=only_first)
