"""Whatever a model chooses among the allowed tokens, its calls are JSON that fits, or the answer was cut."""

import json

import pytest

from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.grammars.calling import calls_of
from glados_bots.inference.prompts.channels import CHANNEL, MESSAGE
from glados_bots.wire.events import Grammar, Sampling, Tool, ToolUse, calls_in
from tests.inference.tools.families import NAMES, NATIVE, TOOLS, family, use
from tests.inference.tools.walking import Walker, faults

pytestmark = pytest.mark.slow  # templates need another process
over_every_family = pytest.mark.parametrize("name", [*NATIVE, "gemma3"])
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
DOCUMENT = Grammar("json_schema", json.dumps(SCHEMA), "response_format")
WALKS = 8


def opening(name: str) -> str:
    """How an answer with a call begins, after a text where a text may stand."""
    form = family(name).spellings.of(Sampling(tools=use())).form
    if form.is_harmony:
        return "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions."
    native = family(name).template.format
    mark = native.open if native else form.open
    return f"I look.\n{mark}" if form.after_text else mark


def begun(name: str) -> str:
    """How a required call begins, where a model might think for ever before it."""
    return opening(name) if name == "gpt_oss" else ""


@over_every_family
def test_a_required_call_comes_and_fits(name: str) -> None:
    walker = Walker(family(name), Sampling(tools=use(required=True, parallel=False)))
    walks = [walker.walk(seed, begun(name), most=200) for seed in range(WALKS)]
    assert [fault for walk in walks for fault in faults(walk)] == []
    assert any(walk.reason == "tool_calls" for walk in walks)
    assert all(calls_in(walk.pieces) for walk in walks if walk.reason != "length")
    assert all(walk.reason != "stop" and not walk.text for walk in walks)


@over_every_family
def test_a_named_tool_is_called_once_and_no_other(name: str) -> None:
    wish = use(required=True, parallel=False, allowed=frozenset(["get_time"]))
    walker = Walker(family(name), Sampling(tools=wish))
    for seed in range(3):
        walk = walker.walk(seed, begun(name), most=400)
        (call,) = calls_in(walk.pieces)
        assert (walk.reason, call.name, call.arguments.replace(" ", "")) == ("tool_calls", "get_time", "{}")
        assert call.id.startswith("call_")


@pytest.mark.parametrize("name", ["hermes", "mistral_list", "qwen_coder", "ministral", "olmo3"])
def test_an_answer_holds_at_most_eight_calls(name: str) -> None:
    """A model that would repeat a call for ever ends there."""
    wish = use(required=True, allowed=frozenset(["get_time"]))
    walker = Walker(family(name), Sampling(tools=wish))
    walks = [walker.walk(seed, most=400) for seed in range(3)]
    assert [walk.reason for walk in walks] == ["tool_calls"] * 3
    assert max(len(calls_in(walk.pieces)) for walk in walks) <= 8


@over_every_family
def test_a_call_after_a_text_fits_and_the_text_stays_apart(name: str) -> None:
    walker = Walker(family(name), Sampling(tools=use()))
    walks = [walker.walk(seed, opening(name)) for seed in range(WALKS)]
    assert [fault for walk in walks for fault in faults(walk)] == []
    assert any(walk.reason == "tool_calls" for walk in walks)
    assert {walk.text for walk in walks} == {"I look." if opening(name).startswith("I look") else ""}


@over_every_family
def test_a_text_needs_no_call(name: str) -> None:
    text = "<|channel|>final<|message|>It is {warm}." if name == "gpt_oss" else "It is {warm}."
    walk = Walker(family(name), Sampling(tools=use())).walk(1, text, most=30)
    assert walk.text.startswith("It is {warm}.")
    assert not calls_in(walk.pieces)
    assert walk.reason in ("stop", "length")


@over_every_family
def test_without_permission_no_call_can_be_written(name: str) -> None:
    walker = Walker(family(name), Sampling(tools=use(allowed=frozenset())))
    assert walker.calls.reader is None
    beginning = opening(name).removeprefix("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant")
    with pytest.raises(AssertionError, match="the beginning is not allowed"):
        walker.walk(1, beginning)
    assert walker.walk(1).reason in ("stop", "length")


def test_after_the_limit_of_its_reasoning_gpt_oss_must_call() -> None:
    shown = family("gpt_oss")
    reader = shown.reasoning.reader("", calls=True)
    reader.feed(f"{CHANNEL}analysis{MESSAGE}Hm")
    assert reader.is_inside
    closing = reader.closing
    assert shown.reasoning.written(closing) == "<|end|><|start|>assistant"
    reader.feed(closing)
    assert not reader.is_inside
    calls = calls_of(Sampling(tools=use(required=True)), shown.spellings)
    assert calls.sampling.grammar
    said = "<|channel|>commentary to=functions.get_time <|constrain|>json<|message|>{}"
    for text, taken in ((said, True), ("<|channel|>analysis", False), ("<|channel|>final", False)):
        matcher = shown.compiler.matcher(calls.sampling.grammar.value, "answer", "tools")
        tokens = shown.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert all(map(matcher.take, tokens)) == taken
    assert calls.reader
    pieces = [*reader.feed(f"{CHANNEL}commentary to=functions.get_time json{MESSAGE}{{}}"), *reader.close()]
    found = [one for piece in pieces for one in calls.reader.feed(piece.text)] + calls.reader.close()
    assert [(call.name, call.arguments) for call in calls_in(found)] == [("get_time", "{}")]
    assert calls.reader.reason("stop") == "tool_calls"


@pytest.mark.parametrize("name", ["hermes", "llama31", "qwen_coder", "ministral", "gpt_oss", "olmo3", "gemma3"])
def test_the_text_beside_tools_has_the_form_that_was_asked_for(name: str) -> None:
    walker = Walker(family(name), Sampling(tools=use(), grammar=DOCUMENT))
    kinds = set()
    for seed in range(WALKS):
        walk = walker.walk(seed, "<|channel|>final<|message|>" if name == "gpt_oss" else "", most=200)
        assert faults(walk) == []
        kinds.add(walk.reason)
        if walk.reason == "stop":
            assert set(json.loads(walk.text)) == {"a"}
    assert "stop" in kinds


def test_no_mark_within_a_document_is_taken_for_a_call() -> None:
    form = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    walker = Walker(family("gemma3"), Sampling(tools=use(), grammar=Grammar("json_schema", json.dumps(form))))
    walk = walker.walk(1, '{"a": "<tool_call>"}', most=40)
    assert (walk.text, calls_in(walk.pieces)) == ('{"a": "<tool_call>"}', [])


@pytest.mark.parametrize("name", ["hermes", "qwen_coder", "llama31"])
def test_of_128_tools_each_can_be_called(name: str) -> None:
    tools = tuple(Tool(f"tool_{number}", "x", TOOLS[0].parameters) for number in range(128))
    wish = ToolUse(tools, frozenset(tool.name for tool in tools), required=True)
    walker = Walker(family(name), Sampling(tools=wish))
    walks = [walker.walk(seed) for seed in range(4)]
    assert [fault for walk in walks for fault in faults(walk, tools)] == []
    for number in (0, 99, 127):
        walker.walk(1, f"{opening(name).removeprefix('I look.').strip()}tool_{number}", most=100)


@pytest.mark.parametrize(
    ("name", "schema", "place"),
    [
        ("hermes", {"properties": {"x": {"not": {"type": "string"}}}}, "properties.x.not"),
        ("hermes", {"properties": {"x": {"minimum": 5, "maximum": 4, "type": "integer"}}, "required": ["x"]}, ""),
        ("qwen_coder", {"properties": {"x": {"uniqueItems": True}}}, "properties.x.uniqueItems"),
        ("qwen_coder", {"properties": {"x>": {"type": "string"}}}, "properties.x>"),
        ("qwen_coder", {"properties": {"x": {}}, "anyOf": [{"required": ["x"]}, {"required": []}]}, "anyOf"),
        ("qwen_coder", {"properties": {}, "minProperties": 1}, "minProperties"),
        ("olmo3", {"properties": {"x=": {"type": "string"}}}, "properties.x="),
        ("olmo3", {"properties": {"x": {"uniqueItems": True}}}, "properties.x.uniqueItems"),
    ],
)
def test_what_no_grammar_keeps_is_refused_by_place(name: str, schema: dict[str, object], place: str) -> None:
    tool = Tool("f", "", {"type": "object", **schema}, field="tools.3.function.parameters")
    with pytest.raises(ParameterRefusedError) as refused:
        calls_of(Sampling(tools=ToolUse((tool,), frozenset(["f"]))), family(name).spellings)
    assert refused.value.name.startswith("tools.3.function.parameters")
    assert refused.value.name.endswith(place)


def test_a_tool_that_may_not_be_called_may_have_any_schema() -> None:
    strange = Tool("strange", "", {"type": "object", "not": {}})
    wish = ToolUse((*TOOLS, strange), NAMES, required=True)
    assert Walker(family("hermes"), Sampling(tools=wish)).walk(1).reason in ("tool_calls", "length")
