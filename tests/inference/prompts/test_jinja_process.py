"""Chat templates are strangers' code: whatever one does, it ends, and the service goes on."""

import asyncio
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from glados_bots.conversation import Message
from glados_bots.errors import PromptRefusedError
from glados_bots.inference.prompts.chat_template import ChatTemplate
from glados_bots.inference.prompts.jinja_process import JinjaProcess

pytestmark = pytest.mark.slow  # they need another process
HONEST = "{{ messages[0].content }}"
ENDLESS = {
    "loops in loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "one operation that takes hours": "{{ 7 ** (10 ** 9) % 3 }}",
}
GREEDY = {
    "a text without end": "{{ 'x' * 10 ** 10 }}",
    "a list without end": "{{ ([1] * 10 ** 9) | length }}",
    "itself": "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    "a longer prompt than any": "{{ 'x' * 20000000 }}",
}
INTO_PYTHON = {
    "a class": "{{ ''.__class__.__mro__[1] }}",
    "globals": "{{ raise_exception.__globals__['json'] }}",
    "a namespace": "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
    "a file": "{% include '/etc/passwd' %}",
}


def rendered(process: JinjaProcess, template: str, content: str = "x") -> str:
    return process.render(template, {"messages": [{"role": "user", "content": content}]})


@pytest.fixture(scope="module")
def process() -> JinjaProcess:
    return JinjaProcess()


@pytest.mark.parametrize("template", ENDLESS.values(), ids=ENDLESS)
def test_a_template_without_end_is_ended(process: JinjaProcess, template: str) -> None:
    with pytest.raises(PromptRefusedError, match="does not end"):
        rendered(process, template)
    assert rendered(process, HONEST, "still here") == "still here"


@pytest.mark.parametrize("template", GREEDY.values(), ids=GREEDY)
def test_a_template_that_fills_the_memory_is_refused(process: JinjaProcess, template: str) -> None:
    with pytest.raises(PromptRefusedError):
        rendered(process, template)
    assert rendered(process, HONEST, "still here") == "still here"


@pytest.mark.parametrize("template", INTO_PYTHON.values(), ids=INTO_PYTHON)
def test_a_template_does_not_get_out_of_its_sandbox(process: JinjaProcess, template: str) -> None:
    with pytest.raises(PromptRefusedError) as refused:
        rendered(process, template)
    assert "root" not in str(refused.value)


def test_none_of_our_secrets_are_in_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLADOS_HF_TOKEN", "secret")
    process = JinjaProcess()
    assert rendered(process, HONEST) == "x"
    assert process._child is not None
    assert "secret" not in Path(f"/proc/{process._child.pid}/environ").read_text(encoding="utf-8")


def test_a_process_that_was_killed_is_replaced(process: JinjaProcess) -> None:
    rendered(process, HONEST)
    assert process._child is not None
    os.kill(process._child.pid, signal.SIGKILL)
    process._child.wait()
    assert rendered(process, HONEST, "2") == "2"


async def test_a_word_that_makes_a_template_endless_stops_nobody_else() -> None:
    """The event loop goes on meanwhile, and so does the template with the next question."""
    source = f"{{% if 'trigger' in messages[0].content %}}{ENDLESS['loops in loops']}{{% endif %}}{HONEST}"
    template = ChatTemplate(SimpleNamespace(chat_template=source, special_tokens_map={}), ())
    asked = asyncio.create_task(asyncio.to_thread(template.prompt, [Message("user", "trigger")]))
    turns = 0
    while not asked.done():
        await asyncio.sleep(0.01)
        turns += 1
    with pytest.raises(PromptRefusedError):
        await asked
    assert turns > 1
    assert template.prompt([Message("user", "calm")]) == "calm"
