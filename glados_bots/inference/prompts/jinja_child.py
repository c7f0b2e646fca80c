"""Renders chat templates in a separate process: `python -P jinja_child.py`. See jinja_process.py for the parent.

A template is code from a stranger. It may never end, or fill the memory, and within one operation of Python
(`10 ** 10 ** 8`) only the kernel can stop it. So the kernel limits the processor time per rendering and the memory of
the process. This module imports only the standard library and Jinja.

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

SECONDS = 2  # of processor time per rendering; an honest template takes milliseconds
MEMORY = 2**30  # bytes of address space
LONGEST_TEXT = 2**24  # characters of a prompt; a request's body is much shorter
LONGEST_SENTENCE = 300


class GenerationTag(Extension):
    """`{% generation %}` marks answers for training; this extension renders only its body."""

    tags = {"generation"}  # noqa: RUF012 - Jinja declares them so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The statements up to `{% endgeneration %}`."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class Namespace(utils.Namespace):
    """Like transformers' namespace: without attributes that lead into Python."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise SecurityError(f"a namespace has no attribute {name}")
        super().__setitem__(name, value)


def refuse(sentence: str) -> NoReturn:
    """The `raise_exception` of templates."""
    raise TemplateError(sentence)


def as_json(value: Any, ensure_ascii: bool = False, **how: Any) -> str:
    """The `tojson` of templates; Jinja's own filter writes HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **how)


def now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


@lru_cache(maxsize=8)
def compiled(source: str) -> Template:
    """The compiled template, with everything that transformers 5 offers to templates."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = as_json
    environment.globals |= {"raise_exception": refuse, "strftime_now": now, "namespace": Namespace}
    return environment.from_string(source)


def answer(request: dict[str, Any]) -> dict[str, str]:
    """Render a template. Every error inside the template counts as its refusal."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + SECONDS)
    try:
        text = compiled(request["template"]).render(**request["variables"])
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
        sentence = (str(error).splitlines() or [""])[0] or type(error).__name__
        return {"refused": sentence[:LONGEST_SENTENCE]}
    return {"text": text} if len(text) <= LONGEST_TEXT else {"refused": "the prompt is too long"}


def bound(what: int, most: int) -> None:
    """Lower one of the kernel's limits, but never above the operator's own limit."""
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    """Answer one request after another, until the parent closes standard input."""
    bound(resource.RLIMIT_CORE, 0)
    bound(resource.RLIMIT_AS, MEMORY)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
