"""What a request adds to the model's scores before a token is chosen: `logit_bias`, `min_tokens` and `min_p`."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch

from glados_bots.wire.events import Sampling

BAN = -100.0  # OpenAI: this bias bans a token


@dataclass(frozen=True, slots=True)
class Bias:
    """One request's changes to the scores of its row.

    Attributes:
        tokens: ids whose score changes, shape (changed,).
        values: what is added to each, shape (changed,); -inf for BAN.
        ends: tokens that may not come before `least` tokens, shape (ends,).
        least: the request's `min_tokens`.
        min_p: the request's.
    """

    tokens: torch.Tensor
    values: torch.Tensor
    ends: torch.Tensor
    least: int
    min_p: float

    def add(self, scores: torch.Tensor) -> None:
        """Add the request's bias in place. Args: scores: shape (vocabulary,)."""
        scores[self.tokens] += self.values

    def keep_open(self, scores: torch.Tensor, generated: int) -> None:
        """Forbid the end of the answer, in place, while it is too short. Args: scores: shape (vocabulary,)."""
        if generated < self.least:
            scores[self.ends] = -torch.inf


def bias_of(sampling: Sampling, ends: Collection[int], device: torch.device) -> Bias | None:
    """What the request changes; None if nothing. Args: ends: tokens that end an answer of this model."""
    if not (sampling.logit_bias or sampling.min_tokens or sampling.min_p):
        return None
    values = [-math.inf if value <= BAN else value for value in sampling.logit_bias.values()]
    return Bias(
        torch.tensor(list(sampling.logit_bias), dtype=torch.long, device=device),
        torch.tensor(values, dtype=torch.float32, device=device),
        torch.tensor(sorted({*ends, *sampling.stop_tokens}), dtype=torch.long, device=device),
        sampling.min_tokens,
        sampling.min_p,
    )


def biased(scores: torch.Tensor, bias: Bias | None, generated: int) -> torch.Tensor:
    """The scores of one row with the request's bias. Args: scores: shape (vocabulary,), not changed."""
    if bias is None:
        return scores
    scores = scores.clone()
    bias.add(scores)
    bias.keep_open(scores, generated)
    return scores


def biased_rows(scores: torch.Tensor, biases: Mapping[int, Bias]) -> torch.Tensor:
    """The scores of all rows with their bias, without `min_tokens`, and without waiting for the device.

    Args:
        scores: shape (rows, vocabulary), not changed.
        biases: by row.
    """
    if not biases:
        return scores
    scores = scores.clone()
    for row, bias in biases.items():
        bias.add(scores[row])
    return scores


def likely(scores: torch.Tensor, min_p: float, temperature: float) -> torch.Tensor:
    """The scores without tokens less likely than `min_p` times the likeliest. Args: scores: shape (vocabulary,)."""
    if not min_p:
        return scores
    return scores.masked_fill(scores < scores.max() + temperature * math.log(min_p), -torch.inf)


def likely_rows(scores: torch.Tensor, min_ps: Sequence[float]) -> torch.Tensor:
    """As `likely`, for all rows. Args: scores: shape (rows, vocabulary), divided by their temperatures already."""
    if not any(min_ps):
        return scores
    least = torch.tensor(min_ps, dtype=scores.dtype).log().to(scores.device, non_blocking=True)[:, None]
    return scores.masked_fill(scores < scores.max(dim=-1, keepdim=True).values + least, -torch.inf)
