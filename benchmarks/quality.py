"""What 8-bit weights cost in quality: `python benchmarks/quality.py`. Exit code 1 if a bound is broken.

It compares the engine's default on a CPU and exact bfloat16, both measured against float32. It measures the perplexity
of a text that the model was not trained for (this project's documents), how much the distributions differ, and whether
the engine's greedy answers to 50 questions begin alike in both. With any change of rounding, greedy answers diverge
sooner or later, also between bfloat16 and float32.
"""

import asyncio
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.asking import QUESTIONS, alike, ask  # noqa: E402 - found by the path above
from glados_bots.inference.engine import EngineOptions  # noqa: E402
from glados_bots.inference.model_files import cards, choosing, weights  # noqa: E402
from glados_bots.inference.transformers_engine.cpu.packing import LANES, pack  # noqa: E402
from glados_bots.inference.transformers_engine.engine import TransformersEngine  # noqa: E402

TEXT = [ROOT / "docs" / name for name in ("deploy.md", "security.md", "privacy.md", "markdown.md")]
WINDOW = 256  # tokens that are judged together
MOST_PERPLEXITY = 1.01  # of 8 bits, relative to bfloat16
MOST_DIVERGENCE = 0.005  # of 8 bits from float32, in nats per token; bfloat16 itself has about 0.0015
LEAST_ALIKE = 0.7  # share of the questions


@dataclass(frozen=True, slots=True)
class Judged:
    """The figures of one precision.

    Attributes:
        perplexity: perplexity of the text.
        divergence: Kullback-Leibler divergence from float32, in nats per token.
        same: share of the tokens with the same likeliest next token as in float32.
    """

    perplexity: float
    divergence: float
    same: float


def in_8_bits(model: Any) -> Any:
    """The model with weights as the engine packs them. The engine's 16-bit activations lose no quality."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            tiles, scales = pack(module.weight.data)
            outputs, inputs = module.weight.shape
            numbers = tiles.transpose(1, 2).reshape(outputs, inputs).float() - 128
            steps = scales.transpose(1, 2).reshape(outputs // LANES * LANES, -1).float()
            module.weight.data = numbers * steps.repeat_interleave(inputs // steps.shape[1], dim=1)
    return model


def judge(model: Any, windows: torch.Tensor, reference: torch.Tensor | None) -> tuple[Judged, torch.Tensor]:
    """(figures, log-probabilities at every position)."""
    with torch.no_grad():
        logs = model(windows).logits[:, :-1].float().log_softmax(-1)
    loss = -logs.gather(-1, windows[:, 1:, None]).mean().item()
    other = logs if reference is None else reference
    divergence = (other.exp() * (other - logs)).sum(-1).mean().item()
    same = (other.argmax(-1) == logs.argmax(-1)).float().mean().item()
    return Judged(math.exp(loss), divergence, same), logs


async def answers(quantize: str) -> list[str]:
    """Greedy answers of the engine."""
    card, _ = choosing.resolve(cards.EMBEDDED)
    engine = TransformersEngine(card, EngineOptions(ROOT / "data", quantize=quantize))
    await engine.start()

    found = await asyncio.gather(*(ask(engine, question, 16) for question in QUESTIONS))
    await engine.stop()
    return [answer.text for answer in found]


async def main() -> int:
    """Measure and print."""
    folder = weights.fetch(choosing.resolve(cards.EMBEDDED)[0], ROOT / "data", None)
    tokens = AutoTokenizer.from_pretrained(folder)("\n\n".join(path.read_text() for path in TEXT))["input_ids"][:4096]
    windows = torch.tensor(tokens[: len(tokens) // WINDOW * WINDOW]).view(-1, WINDOW)

    def load(dtype: torch.dtype) -> Any:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()

    exact, reference = judge(load(torch.float32), windows, None)
    half, _ = judge(load(torch.bfloat16), windows, reference)
    eight, _ = judge(in_8_bits(load(torch.float32)), windows, reference)
    for name, judged in (("float32", exact), ("bfloat16", half), ("8 bits", eight)):
        print(
            f"{name:9} perplexity {judged.perplexity:.3f}, divergence {judged.divergence:.5f}, same {judged.same:.1%}"
        )
    in_half, in_eight = await answers("none"), await answers("auto")
    agree = alike(in_half, in_eight)
    print(f"{agree} of {len(QUESTIONS)} greedy answers of the engine begin alike in bfloat16 and in 8 bits")
    print(f"summary: quality of 8 bits | perplexity {eight.perplexity / half.perplexity:.4f}x that of bfloat16")
    kept = (
        eight.perplexity <= half.perplexity * MOST_PERPLEXITY
        and eight.divergence <= MOST_DIVERGENCE
        and agree >= LEAST_ALIKE * len(QUESTIONS)
    )
    print("within the bounds" if kept else "a bound is broken")
    return not kept


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
