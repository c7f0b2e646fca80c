"""8-bit weights say what bfloat16 says: the bounds of benchmarks/quality.py, on a part of its text."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks import quality
from glados_bots.inference.model_files import weights
from glados_bots.inference.model_files.cards import EMBEDDED
from glados_bots.inference.model_files.choosing import resolve

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_8_bits_stay_within_the_bounds_of_bfloat16() -> None:
    folder = weights.fetch(resolve(EMBEDDED)[0], ROOT / "data", None)
    tokens = AutoTokenizer.from_pretrained(folder)((ROOT / "docs" / "security.md").read_text())["input_ids"]
    windows = torch.tensor(tokens[: 2 * quality.WINDOW]).view(2, -1)
    exact = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    _, reference = quality.judge(exact, windows, None)
    half, _ = quality.judge(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16), windows, reference)
    eight, _ = quality.judge(quality.in_8_bits(exact), windows, reference)
    assert eight.perplexity <= half.perplexity * quality.MOST_PERPLEXITY
    assert eight.divergence <= quality.MOST_DIVERGENCE
