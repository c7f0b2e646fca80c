"""How many answers fit their JSON schema, with the form kept and without: `python benchmarks/api/structured.py`.

The schemas are those of the JSON Schema Test Suite that we keep (tests/inference/grammars/suite), and generated ones.
The jsonschema library judges. An answer that was cut at its limit counts as kept if it is the beginning of a document.
`--suite FOLDER` takes the schemas of a whole suite; those that we refuse are counted apart. See
docs/api/structured_outputs.md.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from jsonschema.validators import validator_for

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from glados_bots.conversation import Message  # noqa: E402
from glados_bots.errors import ParameterRefusedError  # noqa: E402
from glados_bots.inference.engine import EngineOptions  # noqa: E402
from glados_bots.inference.grammars.form import Form  # noqa: E402
from glados_bots.inference.grammars.sources import lark  # noqa: E402
from glados_bots.inference.model_files.choosing import resolve  # noqa: E402
from glados_bots.inference.transformers_engine.engine import TransformersEngine  # noqa: E402
from glados_bots.wire.events import Delta, Finished, Grammar, Sampling  # noqa: E402

SUITE = ROOT / "tests" / "inference" / "grammars" / "suite" / "cases.json"
AT_ONCE = 16
WORDS = "name city age price tags items active kind note score".split()


def from_suite(folder: Path | None) -> Iterator[Any]:
    """The schemas of a suite, or of ours."""
    if folder is None:
        yield from (case["schema"] for case in json.loads(SUITE.read_text()).values())
        return
    for path in sorted(folder.glob("*.json")):
        yield from (case["schema"] for case in json.loads(path.read_text()))


def generated(draw: random.Random, depth: int = 3) -> dict[str, Any]:
    """A schema as an application would write one. Args: depth: of objects within one another, at most."""
    kind = draw.choice(["plain", "plain", "object", "array", "any"] if depth else ["plain"])
    if kind == "object":
        names = draw.sample(WORDS, draw.randint(1, 4))
        properties = {name: generated(draw, depth - 1) for name in names}
        required = draw.sample(names, draw.randint(0, len(names)))
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    if kind == "array":
        least = draw.randint(0, 2)
        return {"type": "array", "items": generated(draw, 0), "minItems": least, "maxItems": least + 2}
    return {"anyOf": [generated(draw, depth - 1), {"type": "null"}]} if kind == "any" else plain(draw)


def plain(draw: random.Random) -> dict[str, Any]:
    """A schema of a value that holds no others."""
    low = draw.randint(-50, 50)
    kinds: list[dict[str, Any]] = [
        {"type": "string", "maxLength": draw.randint(1, 20)}, {"type": "boolean"}, {"type": "number"},
        {"type": "integer", "minimum": low, "maximum": low + draw.randint(0, 100)},
        {"enum": draw.sample([*WORDS, 1, 2.5, None, True], 3)},
        {"type": "string", "pattern": draw.choice([r"^[A-Z]{2}-\d{3}$", r"^\d{4}$", "^(a|bc)+$"])},
        {"type": "string", "format": draw.choice(["date", "uuid", "email"])},
    ]  # fmt: skip
    return draw.choice(kinds)


def fits(schema: Any, text: str) -> bool:
    """Whether a document fits. Numbers are exact, because `multipleOf` of floats is not."""
    exact = json.loads(json.dumps(schema), parse_float=Decimal)
    try:
        return bool(validator_for(exact)(exact).is_valid(json.loads(text, parse_float=Decimal)))
    except (ValueError, RecursionError):
        return False


def begins(engine: TransformersEngine, grammar: Grammar, text: str) -> bool:
    """Whether a text is the beginning of a document."""
    form = Form(engine.forms.compiler, lark(grammar), "schema", [0], engine.encoder.tokenizer.decode)
    return form.begins(text)


class Proof:
    """Counts answers of one engine."""

    def __init__(self, engine: TransformersEngine, tokens: int) -> None:
        self.engine = engine
        self.counts: Counter[str] = Counter()
        self.wrong: list[tuple[Any, str]] = []
        self._tokens = tokens
        self._places = asyncio.Semaphore(AT_ONCE)

    async def ask(self, number: int, schema: Any) -> None:
        """One schema, with its form and without."""
        grammar = Grammar("json_schema", json.dumps(schema), "schema")
        question = f"Answer with a JSON document that fits this schema, and nothing else: {json.dumps(schema)[:600]}"
        wish = Sampling(self._tokens, float(number % 2), seed=number, grammar=grammar, reasoning_tokens=0)
        async with self._places:
            try:
                text, reason = await self._said(question, wish)
            except ParameterRefusedError:
                self.counts["refused"] += 1
                return
            free, _ = await self._said(question, replace(wish, grammar=None))
        self.counts["asked"] += 1
        self.counts["without"] += fits(schema, free)
        self.counts[reason] += 1
        kept = fits(schema, text) if reason == "stop" else begins(self.engine, grammar, text.rstrip("\ufffd"))
        self.counts["kept"] += kept
        if not kept:
            self.wrong.append((schema, text))

    async def _said(self, question: str, wish: Sampling) -> tuple[str, str]:
        parts: list[str] = []
        async for event in self.engine.generate("", [Message("user", question)], wish):
            if isinstance(event, Delta):
                parts.append(event.text)
            if isinstance(event, Finished):
                return "".join(parts), event.reason
        raise RuntimeError("the engine gave no answer")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2_135m")
    parser.add_argument("--schemas", type=int, default=1_000)
    parser.add_argument("--tokens", type=int, default=120, help="limit of each answer")
    parser.add_argument("--suite", type=Path, help="a folder of the JSON Schema Test Suite, such as tests/draft2020-12")
    options = parser.parse_args()
    draw = random.Random(20)  # noqa: S311 - no secret
    schemas = [*from_suite(options.suite)][: options.schemas]
    schemas += [generated(draw) for _ in range(options.schemas - len(schemas))]
    with tempfile.TemporaryDirectory() as folder:
        data = ROOT / "data" if (ROOT / "data").is_dir() else Path(folder)
        engine = TransformersEngine(
            resolve(options.model)[0], EngineOptions(data, max_running=AT_ONCE, max_waiting=9999)
        )
        await engine.start()
        proof = Proof(engine, options.tokens)
        await asyncio.gather(*(proof.ask(number, schema) for number, schema in enumerate(schemas)))
        await engine.stop()
    found = proof.counts
    asked = found["asked"]
    print(f"{len(schemas)} schemas, {found['refused']} refused by name, {asked} asked")
    print(f"with the form: {found['kept']} of {asked} kept ({found['stop']} documents, {found['length']} beginnings)")
    print(f"without:       {found['without']} of {asked} fit")
    for schema, text in proof.wrong[:10]:
        print(json.dumps(schema)[:200], "|", text[:200])
    sys.exit(bool(proof.wrong))


if __name__ == "__main__":
    asyncio.run(main())
