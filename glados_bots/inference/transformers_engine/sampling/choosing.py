"""Chooses the next token of one sequence: penalties, forbidden words, the draw, and the form of the answer."""

from collections.abc import Sequence

import torch

from glados_bots.inference.transformers_engine.sampling import bound
from glados_bots.inference.transformers_engine.sampling.biasing import biased
from glados_bots.inference.transformers_engine.sampling.drawing import draw
from glados_bots.inference.transformers_engine.sampling.rows import RowSettings


def choose(scores: torch.Tensor, settings: RowSettings, generated: Sequence[int]) -> int:
    """The next token of one sequence.

    Args:
        scores: logits, float32, shape (vocabulary,); they are not changed.
        settings: the request's settings.
        generated: the request's tokens so far, without the prompt.
    """
    fresh = generated[settings.counted :]
    for token in fresh:
        settings.counts[token] = settings.counts.get(token, 0) + 1
    settings.counted = len(generated)
    given, scores = scores, _penalised(biased(scores, settings.bias, len(generated)), settings, fresh)
    repeats = _repeats(settings, generated)
    if repeats or settings.forbids:
        scores = scores.clone()
        scores[torch.tensor(repeats, dtype=torch.long, device=scores.device)] = -torch.inf
    token = draw(scores, settings)
    while settings.forbids and settings.forbids(generated, token):
        scores[token] = -torch.inf
        token = draw(scores, settings)
    matcher = settings.matcher
    if matcher is None or matcher.take(token):
        return token
    return bound.choose_allowed(
        matcher,
        given,
        scores,
        lambda scores, allowed: draw(scores, settings, allowed),
        lambda token: settings.forbids is not None and settings.forbids(generated, token),
    )


def _penalised(scores: torch.Tensor, settings: RowSettings, fresh: Sequence[int]) -> torch.Tensor:
    """Apply the repetition penalty (CTRL paper, section 4.1) to prompt and answer, OpenAI's penalties to the answer."""
    wanted = settings.presence_penalty or settings.frequency_penalty
    if settings.repetition_penalty != 1:
        if settings.seen is None:
            settings.seen = torch.zeros(scores.shape, dtype=torch.bool, device=scores.device)
            fresh = [*settings.prompt, *settings.counts]
        settings.seen[torch.tensor(list(fresh), dtype=torch.long, device=scores.device)] = True
        factor = torch.where(scores < 0, settings.repetition_penalty, 1 / settings.repetition_penalty)
        scores = torch.where(settings.seen, scores * factor, scores)
    if wanted and settings.counts:
        scores = scores.clone()
        tokens = torch.tensor(list(settings.counts), device=scores.device)
        counts = torch.tensor(list(settings.counts.values()), dtype=scores.dtype, device=scores.device)
        scores[tokens] -= settings.presence_penalty + settings.frequency_penalty * counts
    return scores


def _repeats(settings: RowSettings, generated: Sequence[int]) -> list[int]:
    """Tokens that would repeat a run of `no_repeat_ngram_size` tokens of this answer."""
    size = settings.no_repeat_ngram_size
    if not size or len(generated) < size:
        return []
    tail = list(generated[len(generated) - size + 1 :])
    return [
        generated[i + size - 1] for i in range(len(generated) - size + 1) if list(generated[i : i + size - 1]) == tail
    ]
