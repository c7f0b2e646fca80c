"""Answers of a model that chooses among the allowed tokens by dice, and how they read."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

import jsonschema_rs
import numpy as np

from glados_bots.inference.decoding.detokenizer import Detokenizer
from glados_bots.inference.grammars.calling import Calls, calls_of
from glados_bots.wire.events import Delta, FinishReason, Sampling, Thought, ToolCallDelta, calls_in
from tests.inference.tools.families import TOOLS, Family

SHORT = 6  # of seven choices, one is among all tokens: short tokens end strings sooner


@dataclass
class Walk:
    """One answer."""

    tokens: list[int]
    reason: FinishReason
    pieces: list[Thought | Delta | ToolCallDelta] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces if isinstance(piece, Delta))


class Walker:
    """Walks through the grammar of one request."""

    def __init__(self, family: Family, sampling: Sampling) -> None:
        self._family, self._sampling = family, sampling
        tokenizer = family.tokenizer
        self.calls = calls_of(sampling, family.spellings)
        assert self.calls.sampling.grammar
        self._source = self.calls.sampling.grammar.value
        self._lengths = np.array([len(tokenizer.decode([token])) for token in range(len(tokenizer))])

    def walk(self, seed: int, forced: str = "", most: int = 120) -> Walk:
        """One answer. Args: seed: of the dice; forced: how it begins; most: tokens."""
        dice = Random(seed)  # noqa: S311 - dice
        matcher = self._family.compiler.matcher(self._source, "before", "tools")
        tokens = list(self._family.tokenizer(forced, add_special_tokens=False)["input_ids"])
        assert all(map(matcher.take, tokens)), "the beginning is not allowed"
        reason: FinishReason = "length"
        while len(tokens) < most:
            if matcher.complete_at is not None:
                reason = "stop"
                break
            allowed = np.flatnonzero(matcher.allowed())
            if dice.randrange(2) and not self._family.ends.isdisjoint(allowed.tolist()):
                reason = "stop"
                break
            short = allowed[self._lengths[allowed] <= 2]
            token = int(dice.choice(short if len(short) and dice.randrange(SHORT + 1) else allowed))
            if token in self._family.ends:
                reason = "stop"
                break
            assert matcher.take(token)
            tokens.append(token)
        return self._read(Walk(tokens, reason), dice)

    def _read(self, walk: Walk, dice: Random) -> Walk:
        """Read it in pieces of any size, as `Answer` does."""
        fresh: Calls = calls_of(self._sampling, self._family.spellings)
        codes = {**fresh.codes, **self._family.reasoning.codes}
        text = Detokenizer(self._family.tokenizer, [], codes)
        reasoning = self._family.reasoning.reader("", calls=fresh.reader is not None)
        read, rest = [], list(walk.tokens)
        while rest:
            size = dice.randint(1, 4)
            read += reasoning.feed(text.feed(rest[:size]))
            del rest[:size]
        for piece in [*read, *reasoning.feed(text.close()), *reasoning.close()]:
            walk.pieces += fresh.reader.feed(piece.text) if fresh.reader and isinstance(piece, Delta) else [piece]
        if fresh.reader:
            walk.pieces += fresh.reader.close()
            walk.reason = fresh.reader.reason(walk.reason)
        return walk


def faults(walk: Walk, tools: Any = TOOLS) -> list[str]:
    """What is wrong with the calls of an answer. The last call of an answer that was cut may be a beginning."""
    known = {tool.name: tool.parameters or {"type": "object", "maxProperties": 0} for tool in tools}
    calls = calls_in(walk.pieces)
    found = []
    for call in calls if walk.reason == "tool_calls" else calls[:-1]:
        try:
            jsonschema_rs.validate(known[call.name], json.loads(call.arguments))
        except (ValueError, KeyError, jsonschema_rs.ValidationError) as error:
            found.append(f"{call}: {error}")
    return found
