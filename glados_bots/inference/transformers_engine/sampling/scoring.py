"""How likely the model itself found the tokens of an answer: log-softmax of its scores before any setting changes them.

OpenAI and vLLM report the same by default.
"""

import torch

from glados_bots.inference.decoding.logprobs import Scored


def scored(scores: torch.Tensor, token: int, count: int) -> Scored:
    """The logarithm of a token's probability, and of the likeliest ones.

    Args:
        scores: the model's, float32, shape (vocabulary,).
        token: the chosen one.
        count: how many of the likeliest to report.
    """
    logprobs = scores.log_softmax(dim=-1)
    values, tokens = logprobs.topk(min(count, len(logprobs)))
    return Scored(token, float(logprobs[token]), tuple(zip(tokens.tolist(), values.tolist(), strict=True)))
