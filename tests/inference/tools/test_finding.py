"""The format of a model's calls, found in its chat template."""

import pytest

from glados_bots.conversation import Message, ToolCall
from glados_bots.inference.prompts.chat_template import ChatTemplate
from glados_bots.inference.tools.formats import KEYWORDS, ElementBody, JsonBody
from tests.inference.tools.families import NATIVE, TEMPLATES, TIME, WEATHER, family

pytestmark = pytest.mark.slow  # templates need another process
STRANGE = (ToolCall("a", "f", '{"s": "a, b=\\")\\n", "n": [1, null], "o": {"x": true}}'), ToolCall("b", "g", "{}"))
WITHOUT = [name for name in TEMPLATES if name not in NATIVE]
TWO = (ToolCall("a", "get_weather", '{"city": "Paris"}'), ToolCall("b", "get_time", "{}"))


def call(name: str) -> str:
    """A call of `get_weather` in a family's format."""
    form = family(name).template.format
    assert form
    body = form.body
    if isinstance(body, JsonBody):
        return f'{form.open}get_weather{body.before}{{"city": "Paris"}}{form.close}'
    assert isinstance(body, ElementBody)
    paris = '"Paris"' if body.is_quoted else "Paris"
    return f"{form.open}get_weather{body.first}city{body.value}{paris}{body.last}{form.close}"


@pytest.mark.parametrize("name", [name for name in NATIVE if name != "gpt_oss"])
def test_a_call_is_written_as_the_template_writes_it(name: str) -> None:
    assert call(name) == TEMPLATES[name]["call"]
    found, second = family(name).template.format, TEMPLATES[name].get("second")
    assert found
    assert bool(found.between) == bool(second)
    if second and isinstance(found.body, JsonBody):
        whole = f'{found.between}get_weather{found.body.before}{{"city": "Paris"}}{found.close}'
        assert second.rstrip() in whole


@pytest.mark.parametrize("name", NATIVE)
def test_the_prompt_holds_tools_calls_and_results(name: str) -> None:
    shown = family(name)
    talk = [
        Message("system", "Be brief."),
        Message("user", "Weather?"),
        Message("assistant", "", tool_calls=TWO),
        Message("tool", "21 degrees", tool_call_id="a", name="get_weather"),
        Message("tool", "noon", tool_call_id="b", name="get_time"),
        Message("assistant", "Warm."),
        Message("user", "Thanks."),
    ]
    prompt = shown.template.prompt(talk, tools=[WEATHER, TIME])
    words = ("Be brief.", "Weather?", "get_weather", "Paris", "21 degrees", "noon", "Warm.", "Thanks.", "celsius")
    assert [word for word in words if word not in prompt] in ([], ["celsius"])
    places = [prompt.index(word) for word in ("Paris", "21 degrees", "noon", "Warm.", "Thanks.")]
    assert places == sorted(places)
    if "call" in TEMPLATES[name]:
        assert f"get_weather{TEMPLATES[name]['call'].partition('get_weather')[2].partition('Paris')[0]}Paris" in prompt


def test_calls_as_python_are_found_and_their_values_are_json() -> None:
    form = family("olmo3").template.format
    assert form
    assert (form.body, form.between, form.close) == (KEYWORDS, "\n", "</function_calls>")
    prompt = family("olmo3").template.prompt([Message("user", "?"), Message("assistant", "", tool_calls=STRANGE)])
    assert '<function_calls>f(s="a, b=\\")\\n", n=[1, null], o={"x": true})\ng()</function_calls>' in prompt


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ("(value | tojson)", "(value | string)"),
        ("(value | tojson)", "('`' + value | string + '`')"),
        ("(value | tojson)", "('\"' + value | string + '\"')"),
        ("', '", "'; '"),
        ("<function_calls>", "["),  # no text could hold this mark
        ("</function_calls>", ""),
    ],
)
def test_what_only_looks_like_calls_as_python_is_no_form(words: str, others: str) -> None:
    shown = family("olmo3")
    assert words in shown.data["template"]
    shown.tokenizer.chat_template = shown.data["template"].replace(words, others)
    try:
        assert ChatTemplate(shown.tokenizer, shown.specials).format is None
    finally:
        shown.tokenizer.chat_template = shown.data["template"]


@pytest.mark.parametrize("name", WITHOUT)
def test_a_form_that_we_do_not_know_is_no_form(name: str) -> None:
    assert family(name).template.format is None
