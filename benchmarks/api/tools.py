"""Whether calls of tools fit: `python benchmarks/api/tools.py`. Exit code 1 if one does not.

The small model gets prompts with tools of random schemas. Each is asked as the API asks, with the grammar of calls. One
of four is also asked without the grammar, with the same prompt. An answer is valid if it has a call where one is
required, and if every call names a tool and has arguments that fit its schema. An answer that the limit cut is no
failure: its last call is only a beginning.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any

import jsonschema_rs

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from glados_bots.conversation import Message, ToolCall  # noqa: E402 - found by the path above
from glados_bots.inference.engine import EngineOptions  # noqa: E402
from glados_bots.inference.model_files import choosing  # noqa: E402
from glados_bots.inference.prompts.encoding import IN_TEXT  # noqa: E402
from glados_bots.inference.tools.envelope import in_text  # noqa: E402
from glados_bots.inference.tools.formats import ENVELOPE  # noqa: E402
from glados_bots.inference.tools.reading import CallReader  # noqa: E402
from glados_bots.inference.transformers_engine.engine import TransformersEngine  # noqa: E402
from glados_bots.wire.events import Delta, Finished, Sampling, Tool, ToolUse, calls_in  # noqa: E402

PROMPTS = 1_000
TOOLBOXES = 60  # lists of tools
STREAMS = 16
MOST_TOKENS = 56  # of an answer
FREE = 4  # one of so many prompts is also asked without the grammar
VERBS = "get find book send delete plan translate convert list play stop measure".split()
THINGS = "weather flight message hotel invoice meeting recipe route song price ticket report".split()
PLACES = "Paris Lima Oslo Cairo Kyoto Quito Accra Turin Graz Perth".split()
VALUES: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "string", "enum": ["small", "medium", "large"]},
    {"type": "string", "minLength": 2, "maxLength": 20},
    {"type": "string", "format": "date"},
    {"type": "integer", "minimum": 1, "maximum": 30},
    {"type": "number"},
    {"type": "boolean"},
    {"anyOf": [{"type": "string"}, {"type": "null"}]},
    {"type": "array", "items": {"type": "string", "maxLength": 12}, "maxItems": 3},
    {"type": "object", "properties": {"street": {"type": "string"}, "zip": {"type": "string"}}, "required": ["zip"]},
)
KEYS = "place city date size count note tags address urgent amount name language".split()


def tool(dice: Random) -> Tool:
    verb, thing = dice.choice(VERBS), dice.choice(THINGS)
    keys = dice.sample(KEYS, dice.randint(1, 4))
    schema = {"type": "object", "properties": {key: dice.choice(VALUES) for key in keys}, "required": keys[:-1]}
    return Tool(f"{verb}_{thing}", f"{verb.capitalize()} a {thing}.", schema)


def request(number: int) -> tuple[list[Message], ToolUse]:
    """One prompt. Three of four require a call, and one of these names the tool. One of eight takes several calls."""
    dice = Random(number % TOOLBOXES)  # noqa: S311 - dice
    tools = list({one.name: one for one in (tool(dice) for _ in range(dice.randint(1, 3)))}.values())
    dice = Random(number)  # noqa: S311 - dice
    wanted, place, count = dice.choice(tools), dice.choice(PLACES), dice.randint(2, 9)
    question = f"Please {wanted.name.replace('_', ' a ')} for {count} people in {place} tomorrow."
    names = frozenset([wanted.name]) if number % 4 == 1 else frozenset(one.name for one in tools)
    use = ToolUse(tuple(tools), names, required=number % 4 > 0, parallel=number % 8 == 2)  # noqa: PLR2004
    return [Message("user", question)], use


def judged(use: ToolUse, calls: Sequence[ToolCall], reason: str) -> str:
    """`call`, `text`, `cut`, or `wrong`."""
    known = {one.name: dict(one.parameters) for one in use.tools if one.name in use.allowed}
    for call in calls[:-1] if reason == "length" else calls:
        try:
            jsonschema_rs.validate(known[call.name], json.loads(call.arguments))
        except (ValueError, KeyError, jsonschema_rs.ValidationError):
            return "wrong"
    if reason == "length":
        return "cut"
    return "call" if calls else "wrong" if use.required else "text"


async def forced(engine: TransformersEngine, number: int) -> str:
    talk, use = request(number)
    sampling = Sampling(MOST_TOKENS, temperature=0.8, seed=number, tools=use)
    async with aclosing(engine.generate("", talk, sampling)) as events:
        found = [event async for event in events]
    finished = found[-1]
    return judged(use, calls_in(found), finished.reason if isinstance(finished, Finished) else "error")


async def free(engine: TransformersEngine, number: int) -> str:
    """The same prompt without the grammar, and the same reader."""
    talk, use = request(number)
    reader, reason = CallReader(ENVELOPE, {}), "error"
    pieces: list[Any] = []
    sampling = Sampling(MOST_TOKENS, temperature=0.8, seed=number)
    async with aclosing(engine.generate("", in_text(talk, use, IN_TEXT.broken), sampling)) as events:
        async for event in events:
            if isinstance(event, Delta):
                pieces += reader.feed(event.text)
            if isinstance(event, Finished):
                pieces += reader.close()
                reason = reader.reason(event.reason)
    calls = calls_in(pieces)
    return judged(use, calls, "length" if calls and reason == "length" else reason if calls else "stop")


async def asked(engine: TransformersEngine, ask: Any, count: int) -> Counter[str]:
    gate = asyncio.Semaphore(STREAMS)

    async def one(number: int) -> str:
        async with gate:
            return str(await ask(engine, number))

    return Counter(await asyncio.gather(*map(one, range(count))))


async def main(count: int) -> int:
    options = EngineOptions(ROOT / "data", max_running=STREAMS)
    engine = TransformersEngine(choosing.resolve("smollm2_135m")[0], options)
    await engine.start()
    try:
        found = await asked(engine, forced, count)
        tell("with the grammar", found)
        tell("without it", await asked(engine, free, max(1, count // FREE)))
    finally:
        await engine.stop()
    return 1 if found["wrong"] else 0


def tell(name: str, found: Counter[str]) -> None:
    count = found.total()
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(found.items()))
    valid = 100 * (1 - found["wrong"] / count)
    sys.stdout.write(f"{name}: {valid:.1f} % of {count} answers are valid ({kinds})\n")
    sys.stdout.flush()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=PROMPTS, help="number of prompts")
    sys.exit(asyncio.run(main(arguments.parse_args().count)))
