"""Speed, size and quality of the weights in each precision."""

from dataclasses import replace
from typing import Any

import torch
from transformers import AutoTokenizer

from benchmarks.on_gpu.measuring import GB, engine_case
from benchmarks.on_gpu.report import Figures, LeftOutError, Measured
from benchmarks.on_gpu.setup import Setup
from benchmarks.quality import TEXT, WINDOW, judge
from glados_bots.errors import ConfigError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files.before_loading.plan import plan
from glados_bots.inference.transformers_engine.loading import load_model
from glados_bots.inference.transformers_engine.quantize import quantisation

WINDOWS = 4  # of text that is judged; all scores of all its tokens are kept


def speed(setup: Setup, precision: str) -> Measured:
    """Figures of the engine, and the size of its weights beside the plan's."""
    measured = engine_case(setup, quantize=_option(setup, precision))
    need = next((need for need in plan(setup.card, setup.token).needs() if need.precision == precision), None)
    planned: Figures = {"plan's weights GB": need.weights / GB} if need else {}
    return replace(measured, figures={**measured.figures, **planned})


def quality(setup: Setup, precision: str) -> Measured:
    """Perplexity, and how far the scores are from those of bfloat16, whose case runs first and writes them down."""
    options = EngineOptions(setup.data, quantize=_option(setup, precision), base_only=True)
    model = load_model(setup.folder, setup.card, options).model
    written = setup.scratch / "scores.pt"
    reference = torch.load(written).to(model.device) if written.is_file() else None
    judged, scores = judge(model.eval(), _windows(setup).to(model.device), reference)
    figures: Figures = {"perplexity": judged.perplexity}
    if precision == "bfloat16":
        torch.save(scores.cpu(), written)
    elif reference is not None:
        figures |= {"divergence, nats per token": judged.divergence, "same likeliest token": f"{judged.same:.1%}"}
    return Measured(figures)


def _windows(setup: Setup) -> torch.Tensor:
    tokenizer: Any = AutoTokenizer.from_pretrained(setup.folder)
    tokens = tokenizer("\n\n".join(path.read_text(encoding="utf-8") for path in TEXT))["input_ids"]
    return torch.tensor(tokens[: WINDOWS * WINDOW]).view(WINDOWS, WINDOW)


def _option(setup: Setup, precision: str) -> str:
    """The value of GLADOS_QUANTIZE. Raises LeftOutError if its library is not installed."""
    option = "none" if precision == "bfloat16" else precision
    try:
        quantisation(option, cuda=setup.device == "cuda")
    except ConfigError as error:
        raise LeftOutError(str(error)) from error
    return option
