"""Compiled forms for the embedded model's tokenizer, and random walks through them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from glados_bots.inference.grammars.compiler import Compiler
from glados_bots.inference.grammars.matcher import Matcher
from glados_bots.inference.grammars.sources import lark
from glados_bots.inference.model_files import weights
from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.prompts.reasoning_marks import Given, ReasoningMarks
from glados_bots.wire.events import Grammar
from tests.inference.tiny import DATA, VOCABULARY

END = 2  # the token that ends an answer
SUITE: dict[str, Any] = json.loads((Path(__file__).parent / "suite" / "cases.json").read_text())
CLOSERS = ('"', "]", "}", ",", ":", '"}', '"]', "}}", "]]")


@cache
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(weights.fetch(resolve("smollm2_135m")[0], DATA, None))


def compiler(own: Any = None, given: Given = None) -> Compiler:
    """For the embedded model's tokenizer, or for another one."""
    own = own or tokenizer()
    return Compiler(own, max(VOCABULARY, len(own)), [END], ReasoningMarks(own, given))


@cache
def shared() -> Compiler:
    return compiler()


def matcher_of(schema: Any) -> Matcher:
    return shared().matcher(lark(Grammar("json_schema", json.dumps(schema))), "before", "form")


def takes(matcher: Matcher, text: str) -> bool:
    """Whether this text is a whole answer."""
    return all(map(matcher.take, shared().tokens(text))) and matcher.may_end


def begins(matcher: Matcher, text: str) -> bool:
    """Whether this text is the beginning of an answer."""
    return all(map(matcher.take, shared().tokens(text)))


@cache
def _closers() -> np.ndarray[Any, Any]:
    """Tokens that bring a document towards its end."""
    spelt = [tokenizer()(text, add_special_tokens=False)["input_ids"] for text in CLOSERS]
    return np.array([tokens[0] for tokens in spelt if len(tokens) == 1])


def walk(matcher: Matcher, draw: np.random.Generator, most: int = 80) -> tuple[str, bool]:
    """(a random text of this form, whether it is whole)."""
    tokens: list[int] = []
    while len(tokens) < most and matcher.complete_at is None:
        allowed = matcher.allowed()
        if allowed[END] and draw.random() < 0.5:
            return tokenizer().decode(tokens), True
        allowed[END] = False
        closing = _closers()[allowed[_closers()]]
        near = len(closing) > 0 and len(tokens) > 20 and draw.random() < 0.6
        token = int(draw.choice(closing if near else np.flatnonzero(allowed)))
        assert matcher.take(token)
        tokens.append(token)
    return tokenizer().decode(tokens), matcher.may_end
