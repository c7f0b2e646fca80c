"""How likely the model itself found tokens: log-softmax of its scores before any setting changes them.

OpenAI and vLLM report the same by default.
"""

from collections.abc import Sequence

import torch

from glados_bots.inference.decoding.logprobs import Scored

MOST_AT_ONCE = 256  # tokens of prompts per step; with 150,000 tokens in a vocabulary, their scores take 150 MB


def scored(scores: torch.Tensor, token: int, count: int) -> Scored:
    """The logarithm of a token's probability, and of the likeliest ones.

    Args:
        scores: the model's, float32, shape (vocabulary,).
        token: the chosen one.
        count: how many of the likeliest to report.
    """
    return scored_rows(scores[None], [token], count)[0]


def scored_rows(scores: torch.Tensor, tokens: Sequence[int], count: int) -> list[Scored]:
    """As `scored`, for one token of each row. Args: scores: shape (rows, vocabulary)."""
    logprobs = scores.log_softmax(dim=-1)
    places = torch.tensor(tokens, dtype=torch.long, device=scores.device)[:, None]
    own = logprobs.gather(1, places)[:, 0].tolist()
    values, likeliest = (found.tolist() for found in logprobs.topk(min(count, logprobs.shape[1])))
    return [Scored(*row) for row in zip(tokens, own, map(tuple, map(zip, likeliest, values)), strict=True)]


class PromptScores:
    """The scores of a prompt, which come piece by piece while a scheduler reads it.

    Args:
        prompt: token ids.
        count: how many of the likeliest tokens to report beside each.

    Attributes:
        known: the scores of the prompt's tokens, from the second on.
    """

    def __init__(self, prompt: Sequence[int], count: int) -> None:
        self._prompt, self._count = prompt, count
        self.known: list[Scored] = []

    def add(self, start: int, scores: torch.Tensor) -> None:
        """Add the scores of the tokens after those of a piece. A piece that is read again replaces what it gave before.

        Args:
            start: position of the piece's first token.
            scores: the model's, float32, shape (tokens of the piece, vocabulary).

        Raises:
            ValueError: a piece before this one is missing.
        """
        if start > len(self.known):
            raise ValueError(f"the scores of {len(self.known)} tokens are known, and the next piece begins at {start}")
        following = self._prompt[start + 1 : start + 1 + len(scores)]
        if following:
            self.known[start:] = scored_rows(scores[: len(following)], following, self._count)
