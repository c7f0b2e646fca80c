"""Draws tokens by temperature, min-p, top-k and top-p: for one row, or for all rows of a step at once."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from glados_bots.inference.transformers_engine.sampling.biasing import likely, likely_rows
from glados_bots.inference.transformers_engine.sampling.rows import RowSettings

LIKELY = 1e-3  # as a share of the largest probability
COLDEST = 1e-5  # temperature; below it, scores would overflow float32, and the likeliest token is chosen anyway


def draw(scores: torch.Tensor, settings: RowSettings, allowed: torch.Tensor | None = None) -> int:
    """Draw one token by temperature, top-k and top-p, with transformers' results.

    Args:
        scores: shape (vocabulary,).
        settings: of the row.
        allowed: whether each token may come, shape (vocabulary,); see bound.py.
    """
    if settings.temperature < COLDEST:
        return int((scores if allowed is None else scores.masked_fill(~allowed, -torch.inf)).argmax())
    probabilities, tokens = _candidates(scores, settings)
    if allowed is not None:
        kept = probabilities * (allowed if tokens is None else allowed[tokens])
        if not bool(kept.any()):
            return draw(scores.masked_fill(~allowed, -torch.inf), settings)
        probabilities = kept
    sums = probabilities.cumsum(dim=-1, dtype=torch.float64)
    point = torch.rand(1, generator=settings.generator, device=scores.device, dtype=torch.float64) * sums[-1]
    place = int(torch.searchsorted(sums, point, right=True).clamp(max=len(sums) - 1))
    return place if tokens is None else int(tokens[place])


def _candidates(scores: torch.Tensor, settings: RowSettings) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(probabilities, tokens) that remain after temperature, min-p, top-k and top-p; None means all in order."""
    scores = likely(scores, _min_p(settings), settings.temperature)
    if settings.top_k:
        scores, tokens = torch.topk(scores, min(settings.top_k, scores.shape[0]))
    else:
        tokens = None
    probabilities = torch.softmax(scores / settings.temperature, dim=-1)
    if settings.top_p < 1:
        probabilities, kept = _nucleus(probabilities, settings.top_p)
        tokens = kept if tokens is None else tokens[kept]
    return probabilities, tokens


def draw_rows(scores: torch.Tensor, rows: Sequence[RowSettings | None]) -> torch.Tensor:
    """Draw a token for each row by temperature, top-k and top-p, all at once, without waiting for the device.

    Args:
        scores: shape (rows, vocabulary).
        rows: settings per row; None, and a temperature below COLDEST, choose the best score.
    """
    probabilities, order, temperature = _candidates_of_rows(scores, rows)
    sums = probabilities.cumsum(dim=-1, dtype=torch.float64)
    points = [
        torch.rand(1, generator=row.generator if row else None, device=scores.device, dtype=torch.float64)
        for row in rows
    ]
    places = torch.searchsorted(sums, torch.stack(points) * sums[:, -1:], right=True).clamp(max=scores.shape[1] - 1)
    return order.gather(1, places.where(temperature >= COLDEST, 0)).flatten()


def draw_allowed(scores: torch.Tensor, rows: Sequence[RowSettings], allowed: torch.Tensor) -> torch.Tensor:
    """Draw an allowed token for each row; see bound.py. Waits for the device.

    Args:
        scores: shape (rows, vocabulary).
        rows: settings per row.
        allowed: whether each token may come in each row, shape (rows, vocabulary).
    """
    probabilities, order, _ = _candidates_of_rows(scores, rows)
    inside = torch.zeros_like(allowed).scatter(1, order, probabilities > 0) & allowed
    has_some = inside.any(dim=-1)
    cut = [
        replace(row, top_k=0, top_p=1.0, bias=None) if some else row
        for row, some in zip(rows, has_some.tolist(), strict=True)
    ]
    return draw_rows(scores.masked_fill(~torch.where(has_some[:, None], inside, allowed), -torch.inf), cut)


def _candidates_of_rows(
    scores: torch.Tensor, rows: Sequence[RowSettings | None]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(probabilities, the likeliest first and 0 where a setting leaves a token out; their tokens; temperatures)."""
    size, device = scores.shape[1], scores.device
    figures = [(row.temperature, row.top_k or size, row.top_p) if row else (0.0, size, 1.0) for row in rows]
    temperature, top_k, top_p = (
        torch.tensor(figures, dtype=torch.float32).to(device, non_blocking=True)[..., None].unbind(1)
    )
    scores = likely_rows(scores / temperature.clamp(min=COLDEST), [_min_p(row) for row in rows])
    ordered, order = scores.sort(dim=-1, descending=True)
    ordered = ordered.masked_fill(torch.arange(size, device=device) >= top_k, -torch.inf)
    probabilities = ordered.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    return probabilities.masked_fill(before >= top_p, 0), order, temperature


def _min_p(row: RowSettings | None) -> float:
    return row.bias.min_p if row and row.bias else 0.0


def _nucleus(probabilities: torch.Tensor, mass: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(probabilities, places) of the fewest tokens that together have this mass, the likeliest first.

    Sorting the whole vocabulary takes milliseconds, so only the likely tokens are sorted if they have enough mass.
    """
    places = (probabilities > probabilities.max() * LIKELY).nonzero().flatten()
    if float(probabilities[places].sum()) < mass:
        places = torch.arange(probabilities.shape[0], device=probabilities.device)
    ordered, order = probabilities[places].sort(descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    count = int((before < mass).sum())
    return ordered[:count], places[order[:count]]
