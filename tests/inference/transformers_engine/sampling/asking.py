"""Asks a running engine for completions, and a plain model for what the scores must be."""

from typing import Any

import torch

from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.wire.events import Event, Sampling

CLOSE = 1e-3  # between scores of the same model in float32


def logprobs(plain: Any, tokens: list[int]) -> torch.Tensor:
    """The plain model's, for the token after each; shape (tokens, vocabulary)."""
    with torch.inference_mode():
        return torch.as_tensor(plain(input_ids=torch.tensor([tokens])).logits[0].float().log_softmax(-1))


async def complete(engine: TransformersEngine, prompt: str | list[int], **wishes: Any) -> list[Event]:
    return [event async for event in engine.complete("", prompt, Sampling(**{"temperature": 0.0, **wishes}))]
