"""Questions for an engine, its answers with their times, and figures of many streams at once. Does not import torch."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from glados_bots.conversation import Message
from glados_bots.inference.engine import Engine
from glados_bots.wire.events import Delta, Finished, Sampling, Thought

SPEED = "tokens/s, {} streams"
FIRST = "first token ms, {} streams"
QUESTION = (
    "Please tell me more about what happened next in this story, who was there, what they said to one another, "
    "what the weather was like, and how all of it came to an end, in as many words as you like."
)
ALIKE = 24  # characters at the beginning that must be equal
TOPICS = "lemons, the sea, bread, winter, trains, music, bees, rivers, maps, glass".split(", ")
KINDS = (
    "Tell me about {}.", "Write one sentence on {}.", "Why do people like {}?", "List three facts on {}.",
    "Explain {} to a child.",
)  # fmt: skip
QUESTIONS = [kind.format(topic) for topic in TOPICS for kind in KINDS]


@dataclass(frozen=True, slots=True)
class Answer:
    """One streamed answer; times in seconds."""

    text: str
    tokens: int
    first_s: float


@dataclass(frozen=True, slots=True)
class Streams:
    """Several answers at once: all their tokens, seconds from the first question to the last token, median first_s."""

    tokens: int
    seconds: float
    first_s: float

    @property
    def speed(self) -> float:
        """Tokens per second of all streams together."""
        return self.tokens / self.seconds


def new_question() -> str:
    """A question that no cache has seen."""
    return f"Story {uuid4().hex}. {QUESTION}"


async def ask(engine: Engine, question: str, tokens: int, model: str = "") -> Answer:
    """Get one greedy answer of at most `tokens` tokens, without thinking if the model can do without.

    Raises:
        RuntimeError: the engine ended without an answer.
    """
    effort = "none" if "off" in engine.thinking_levels else None
    sampling = Sampling(tokens, 0.0, effort=effort, reasoning_tokens=tokens)
    begun = time.perf_counter()
    first_s, pieces = 0.0, list[str]()
    async for event in engine.generate(model, [Message("user", question)], sampling):
        if isinstance(event, Thought | Delta | Finished):
            first_s = first_s or time.perf_counter() - begun
        if isinstance(event, Thought | Delta):
            pieces.append(event.text)
        if isinstance(event, Finished):
            return Answer("".join(pieces), event.completion_tokens, first_s)
    raise RuntimeError("the engine gave no answer")


async def at_once(asks: Sequence[Callable[[], Awaitable[Answer]]]) -> Streams:
    """Ask everything together."""
    begun = time.perf_counter()
    answers = await asyncio.gather(*(one() for one in asks))
    seconds = time.perf_counter() - begun
    first_s = statistics.median(answer.first_s for answer in answers)
    return Streams(sum(answer.tokens for answer in answers), seconds, first_s)


def alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many pairs of answers begin alike, after white space."""
    return sum(a.lstrip()[:ALIKE] == b.lstrip()[:ALIKE] for a, b in zip(one, other, strict=True))
