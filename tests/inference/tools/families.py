"""Families of models, as far as calls go: a template of `templates.toml`, and a tokenizer with its control tokens."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from glados_bots.inference.grammars.compiler import Compiler
from glados_bots.inference.model_files import weights
from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.prompts.chat_template import ChatTemplate
from glados_bots.inference.prompts.formats import special_strings
from glados_bots.inference.prompts.reasoning_marks import ReasoningMarks
from glados_bots.inference.tools.spelling import Spellings
from glados_bots.wire.events import Tool, ToolUse
from tests.inference.tiny import DATA

TEMPLATES: dict[str, dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "templates.toml").read_text(encoding="utf-8")
)
NATIVE = [name for name, data in TEMPLATES.items() if "call" in data or "harmony" in data]
# Marks of calls that are tokens, but no special ones
PLAIN_MARKS = ("<tool_call>", "</tool_call>", "<function_calls>", "</function_calls>")
WEATHER = Tool(
    "get_weather",
    "The weather of a city.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 1, "maxLength": 12},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
            "note": {"anyOf": [{"type": "string", "maxLength": 8}, {"type": "null"}]},
            "hours": {"type": "array", "items": {"type": "boolean"}, "maxItems": 3},
        },
        "required": ["city", "note"],
    },
    field="tools.0.function.parameters",
)
TIME = Tool("get_time", "", field="tools.1.function.parameters")
FIND = Tool(
    "get_time_of",
    "The time of a place.",
    {"type": "object", "properties": {"place": {"type": "string", "maxLength": 20}}},
    field="tools.2.function.parameters",
)
TOOLS = (WEATHER, TIME, FIND)
NAMES = frozenset(tool.name for tool in TOOLS)


def use(*, required: bool = False, parallel: bool = True, allowed: frozenset[str] = NAMES) -> ToolUse:
    return ToolUse(TOOLS, allowed, required, parallel)


class Family:
    """One family, with the tokenizer of the embedded model and the control tokens of the family."""

    def __init__(self, name: str) -> None:
        self.data = TEMPLATES[name]
        self.marks: list[str] = self.data["marks"]
        self.tokenizer: Any = AutoTokenizer.from_pretrained(weights.fetch(resolve("smollm2_135m")[0], DATA, None))
        self.tokenizer.add_special_tokens(self.data["names"])
        specials = [text for text in self.data.get("specials", ()) if "_call" not in text or "|" in text]
        self.tokenizer.add_tokens(specials, special_tokens=True)
        self.tokenizer.add_tokens([text for text in self.data.get("specials", ()) if text in PLAIN_MARKS])
        self.tokenizer.chat_template = self.data["template"]
        self.specials = special_strings(self.tokenizer)
        self.template = ChatTemplate(self.tokenizer, self.specials)
        self.spellings = Spellings(self.tokenizer, self.template.format)
        self.reasoning = ReasoningMarks(self.tokenizer, None)
        self.ends = frozenset([self.tokenizer.eos_token_id])
        self.compiler = Compiler(self.tokenizer, len(self.tokenizer), self.ends, self.reasoning)


family = lru_cache(Family)
