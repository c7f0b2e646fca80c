"""transformers' own reader of answers finds the same calls in what we force. It reads by a tokenizer's template."""

import json
from typing import Any

import pytest

from glados_bots.inference.tools.messages import definition
from glados_bots.wire.events import Sampling, calls_in
from tests.inference.tools.families import TOOLS, family, use
from tests.inference.tools.walking import Walk, Walker

pytestmark = pytest.mark.slow  # templates need another process


def called(name: str, arguments: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


RESPONSE_TEMPLATES: dict[str, dict[str, Any]] = {
    "hermes": {
        "start_anchor": "<|im_start|>assistant\n",
        "fields": {
            "content": {},
            "tool_calls": {
                "open": "<tool_call>\n",
                "close": "</tool_call>",
                "repeats": True,
                "content": "json",
                "transform": called("{content.name}", "{content.arguments}"),
            },
        },
    },
    "qwen_coder": {
        "start_anchor": "<|im_start|>assistant\n",
        "fields": {
            "content": {},
            "tool_calls": {
                "open_pattern": r"<tool_call>\n<function=(?P<name>[^>\n]+)>",
                "close": "</function>\n</tool_call>",
                "repeats": True,
                "content": "xml-inline",
                "content_args": {"tag_pattern": r"<parameter=(?P<key>[^>\n]+)>\n(?P<value>.*?)\n</parameter>"},
                "transform": called("{name}", "{content}"),
            },
        },
    },
    "granite3": {
        "start_anchor": "<|start_of_role|>assistant<|end_of_role|>",
        "fields": {
            "content": {},
            "tool_calls": {
                "open": "<|tool_call|>",
                "close_pattern": r"\Z",
                "content": "json",
                "transform": called("{name}", "{arguments}"),
                "transform_each": True,
            },
        },
    },
    "ministral": {
        "start_anchor": "[/INST]",
        "fields": {
            "content": {},
            "tool_calls": {
                "open_pattern": r"\[TOOL_CALLS\](?P<name>[^\[]+)\[ARGS\]",
                "close_pattern": r"(?=\[TOOL_CALLS\]|\Z)",
                "repeats": True,
                "content": "json",
                "transform": called("{name}", "{content}"),
            },
        },
    },
}


def ours(walk: Walk) -> list[tuple[str, Any]]:
    return [(call.name, json.loads(call.arguments)) for call in calls_in(walk.pieces)]


@pytest.mark.parametrize("name", RESPONSE_TEMPLATES)
def test_both_read_the_same_calls(name: str) -> None:
    shown, template = family(name), RESPONSE_TEMPLATES[name]
    walker = Walker(shown, Sampling(tools=use(required=True, parallel=False)))
    walks = [walk for walk in map(walker.walk, range(16)) if walk.reason == "tool_calls"]
    assert len(walks) > 4
    for walk in walks:
        said = shown.tokenizer.decode(walk.tokens)
        parsed = shown.tokenizer.parse_response(
            said, template, prefix=template["start_anchor"], tools=[definition(tool) for tool in TOOLS]
        )
        theirs = [(call["function"]["name"], call["function"]["arguments"]) for call in parsed["tool_calls"]]
        assert theirs == ours(walk), said
