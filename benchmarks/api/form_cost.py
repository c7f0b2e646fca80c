"""What a form costs: `python benchmarks/api/form_cost.py`. See docs/api/structured_outputs.md.

Sixteen streams answer at once, in rounds that take turns: all without a form, all with the form of a JSON schema, and
half of them with it. Figures are medians of tokens per second of all streams together.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.asking import QUESTION  # noqa: E402
from glados_bots.conversation import Message  # noqa: E402
from glados_bots.inference.engine import EngineOptions  # noqa: E402
from glados_bots.inference.model_files.choosing import resolve  # noqa: E402
from glados_bots.inference.transformers_engine.engine import TransformersEngine  # noqa: E402
from glados_bots.wire.events import Finished, Grammar, Sampling  # noqa: E402

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "mail": {"type": "string"}},
    "required": ["name", "age", "mail"],
    "additionalProperties": False,
}
# No answer of this form ends before its limit, so that all streams are equally long
FORM = Grammar("json_schema", json.dumps({"type": "array", "items": PERSON, "minItems": 1_000}))
WAYS = {"without a form": 0.0, "half with a form": 0.5, "with a form": 1.0}


async def tokens_of(engine: TransformersEngine, tokens: int, grammar: Grammar | None, temperature: float) -> int:
    wish = Sampling(tokens, temperature, grammar=grammar, reasoning_tokens=0)
    messages = [Message("user", f"Story {uuid4().hex}. {QUESTION}")]
    async for event in engine.generate("", messages, wish):
        if isinstance(event, Finished):
            return event.completion_tokens
    raise RuntimeError("the engine gave no answer")


async def speed(engine: TransformersEngine, streams: int, tokens: int, share: float, temperature: float) -> float:
    """Tokens per second of all streams. Args: share: of streams with a form."""
    forms = [FORM if number < share * streams else None for number in range(streams)]
    begun = time.perf_counter()
    counts = await asyncio.gather(*(tokens_of(engine, tokens, form, temperature) for form in forms))
    return sum(counts) / (time.perf_counter() - begun)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2_135m")
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--temperature", type=float, default=0.0)
    options = parser.parse_args()
    engine = TransformersEngine(resolve(options.model)[0], EngineOptions(ROOT / "data", max_running=options.streams))
    await engine.start()
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(options.rounds + 1):
        for way, share in WAYS.items():
            measured = await speed(engine, options.streams, options.tokens, share, options.temperature)
            if number:  # the first round warms up
                found[way].append(measured)
    await engine.stop()
    base = statistics.median(found["without a form"])
    for way, speeds in found.items():
        median = statistics.median(speeds)
        print(f"{way:18} {median:8.1f} tokens/s, {100 * median / base:.1f} % of the speed without")


if __name__ == "__main__":
    asyncio.run(main())
