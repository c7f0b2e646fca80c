"""Renders chat templates in a process of its own: `python -P jinja_child.py`. See jinja_process.py for the other side.

A template is code from a stranger. It may never end, or fill the memory, and inside of one operation of Python's
(`10 ** 10 ** 8`) nothing but the kernel can stop it. So the kernel bounds the processor time of each rendering and the
memory of all. It imports the standard library and Jinja alone.

Requests and answers are lines of JSON on standard input and output:

    {"template": "...", "variables": {"messages": [...], ...}}
    {"text": "..."} or {"refused": "the sentence of `raise_exception`, or the error"}
"""

import json
import math
import resource
import sys
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Template, TemplateError, nodes, utils
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

SECONDS = 2  # of processor time for one rendering; an honest one takes milliseconds
MEMORY = 2**30  # bytes of address space
LONGEST_TEXT = 2**24  # characters of a prompt; a request's body is shorter by far
LONGEST_SENTENCE = 300


class GenerationTag(Extension):
    """`{% generation %}` marks answers for training; here its body is all there is."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's way to declare them

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The statements up to `{% endgeneration %}`."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class Namespace(utils.Namespace):
    """As transformers has it: without attributes that lead into Python."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise SecurityError(f"a namespace has no attribute {name}")
        super().__setitem__(name, value)


def refuse(sentence: str) -> NoReturn:
    """`raise_exception` of templates."""
    raise TemplateError(sentence)


def as_json(value: Any, ensure_ascii: bool = False, **how: Any) -> str:
    """Jinja's own `tojson` writes HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **how)


def now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


@lru_cache(maxsize=8)
def compiled(source: str) -> Template:
    """With all that transformers 5 offers to templates."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = as_json
    environment.globals |= {"raise_exception": refuse, "strftime_now": now, "namespace": Namespace}
    return environment.from_string(source)


def answer(request: dict[str, Any]) -> dict[str, str]:
    """Render. Whatever goes wrong inside of the template is its refusal."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + SECONDS)
    try:
        text = compiled(request["template"]).render(**request["variables"])
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
        sentence = (str(error).splitlines() or [""])[0] or type(error).__name__
        return {"refused": sentence[:LONGEST_SENTENCE]}
    return {"text": text} if len(text) <= LONGEST_TEXT else {"refused": "the prompt it makes is endless"}


def bound(what: int, most: int) -> None:
    """Lower one of the kernel's limits, within what the operator has set."""
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    """One line after the other, till nobody asks any more."""
    bound(resource.RLIMIT_CORE, 0)
    bound(resource.RLIMIT_AS, MEMORY)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
