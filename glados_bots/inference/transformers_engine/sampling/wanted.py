"""The tokens of a paged step whose scores are wanted: all of a prompt that is scored, else the last of each request."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import torch

from glados_bots.inference.transformers_engine.sampling.sampler import Sampler


class Wanted:
    """The wanted tokens of one step.

    Args:
        requests: of the step, in the library's form.
        sampler: knows which prompts are scored.

    Attributes:
        counts: how many of its last tokens are wanted of each request.
        has_prompts: whether a prompt is scored.
    """

    def __init__(self, requests: Sequence[Any], sampler: Sampler) -> None:
        self._requests, self._sampler = requests, sampler
        self._scored = [sampler.scores_prompt(request.state.request_id) for request in requests]
        self.counts = [
            request.query_length if scored else int(request.has_new_token)
            for request, scored in zip(requests, self._scored, strict=True)
        ]
        self.has_prompts = any(self._scored)

    @property
    def places(self) -> Iterator[int]:
        """The places of the wanted tokens among all tokens of the step."""
        ends = accumulate(request.query_length for request in self._requests)
        for end, count in zip(ends, self.counts, strict=True):
            yield from range(end - count, end)

    def chosen_from(self, scores: torch.Tensor) -> torch.Tensor:
        """Keep the scores of prompts. Returns those from which a token is chosen, shape (rows, vocabulary).

        Args:
            scores: of the wanted tokens, float32, shape (wanted, vocabulary). The step's positions are counted already.
        """
        if not self.has_prompts:
            return scores
        rows: list[int] = []
        for request, scored, count, end in zip(
            self._requests, self._scored, self.counts, accumulate(self.counts), strict=True
        ):
            if scored:
                start = request.state.position_offset - count
                self._sampler.keep_scores(request.state.request_id, start, scores[end - count : end])
            rows += [end - 1] if request.has_new_token else []
        return scores[rows]
