"""Chooses the next token of each sequence in a batch, by the settings of its own request.

transformers' continuous batching runs one chain of processors for all requests of a step, inside its forward pass.
There, this sampler only notes which request each row belongs to. It chooses after the forward pass, row by row:
penalties, forbidden words, temperature, top-k, top-p, and the request's own random generator. So a seed gives the same
answer whatever else is in the batch (up to rounding, which depends on the batch's shape). Greedy and sampled requests
can mix, a row that fails ends only its own request, and a captured CUDA graph contains no choice.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor

from glados_bots.inference.card_engine import chosen
from glados_bots.inference.decoding.logprobs import Scored
from glados_bots.inference.grammars.matcher import Matcher
from glados_bots.inference.model_files.cards import SamplingDefaults
from glados_bots.inference.transformers_engine import bound
from glados_bots.inference.transformers_engine.biasing import Bias, bias_of, biased, biased_rows, likely, likely_rows
from glados_bots.inference.transformers_engine.scoring import scored
from glados_bots.wire.events import Sampling

LIKELY = 1e-3  # as a share of the largest probability
COLDEST = 1e-5  # temperature; below it, scores would overflow float32, and the likeliest token is chosen anyway


@dataclass(slots=True)
class RowSettings:
    """How one request's tokens are chosen; see `Sampling`."""

    temperature: float
    top_p: float
    top_k: int
    repetition_penalty: float
    presence_penalty: float
    frequency_penalty: float
    no_repeat_ngram_size: int
    generator: torch.Generator
    prompt: Sequence[int]
    # Whether a token after these tokens would complete a forbidden word. It checks the text, because many token
    # sequences can spell one word
    forbids: Callable[[Sequence[int], int], bool] | None = None
    # What the request adds to the scores
    bias: Bias | None = None
    # The first tokens of the answer, which are known already: the rest of a prompt whose scores are wanted
    forced: Sequence[int] = ()
    # How many of the likeliest tokens to report beside each chosen one; None reports nothing
    logprobs: int | None = None
    # What is reported, one for each token of the answer
    scores: list[Scored] = field(default_factory=list)
    # Follows the form of the answer, and says which tokens may come
    matcher: Matcher | None = None
    # Tokens chosen so far; empty unless the choice depends on them
    said: list[int] = field(default_factory=list)
    # How often each token was generated; `choose` updates it
    counts: dict[int, int] = field(default_factory=dict)
    counted: int = 0
    # Mask over the vocabulary of all tokens in prompt and answer, for the repetition penalty
    seen: torch.Tensor | None = None

    @property
    def looks_back(self) -> bool:
        """Whether the choice depends on earlier tokens."""
        bent = self.repetition_penalty != 1 or self.presence_penalty or self.frequency_penalty
        return bool(bent or self.no_repeat_ngram_size or self.forbids or self.forced or (self.bias and self.bias.least))

    @property
    def is_alone(self) -> bool:
        """Whether its token is chosen apart from the other rows."""
        return self.looks_back or self.logprobs is not None or (self.bias is not None and self.matcher is not None)

    @property
    def is_free(self) -> bool:
        """Whether the choice depends on the scores alone, and is all that is wanted."""
        return not self.is_alone and self.bias is None and self.matcher is None


def row_settings(
    card: SamplingDefaults,
    sampling: Sampling,
    device: torch.device,
    prompt: Sequence[int],
    *,
    forbids: Callable[[Sequence[int], int], bool] | None,
    ends: Collection[int] = (),
) -> RowSettings:
    """A request's settings; the card's fill the gaps. Args: ends: tokens that end an answer of this model."""
    generator = torch.Generator(device=device)
    if sampling.seed is None:
        generator.seed()
    else:
        generator.manual_seed(sampling.seed)
    return RowSettings(
        temperature=chosen(sampling.temperature, card.temperature),
        top_p=chosen(sampling.top_p, card.top_p),
        top_k=chosen(sampling.top_k, card.top_k),
        repetition_penalty=chosen(sampling.repetition_penalty, card.repetition_penalty),
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        no_repeat_ngram_size=card.no_repeat_ngram_size,
        generator=generator,
        prompt=prompt,
        forbids=forbids,
        bias=bias_of(sampling, ends, device),
        logprobs=sampling.logprobs,
    )


class Sampler(ContinuousBatchingLogitsProcessor):  # type: ignore[misc] # transformers is untyped here
    """The engine's only logits processor. All methods except `add` and `drop` run in the generation thread."""

    supported_kwargs: dict[str, type] = {}  # noqa: RUF012 - the base class declares it so
    ignored_kwargs: tuple[str, ...] = ()

    def __init__(self, on_failure: Callable[[str, Exception], None]) -> None:
        self._settings: dict[str, RowSettings] = {}
        self.rows: list[Any] = []  # the request of each row of the next step, in the library's form
        self._on_failure = on_failure

    def add(self, request_id: str, settings: RowSettings) -> None:
        self._settings[request_id] = settings

    def drop(self, request_id: str) -> None:
        self._settings.pop(request_id, None)

    def rewind(self, request_id: str, length: int) -> None:
        """Forget tokens whose step was lost. Args: length: of the prompt and the answer, in tokens, that remain."""
        row = self._settings.get(request_id)
        if row is None:
            return
        count = max(0, length - len(row.prompt))
        for token in row.said[count : row.counted]:
            row.counts[token] -= 1
        row.counts = {token: times for token, times in row.counts.items() if times}
        row.counted = min(row.counted, count)
        del row.said[count:], row.scores[count:]
        if row.matcher:
            row.matcher.rewind(count)

    def fill_defaults(self, int32_tensor: torch.Tensor) -> None:
        """Zero the tensor: we pass nothing through it, and remember the step's rows instead."""
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> torch.Tensor:
        """Remember which request each row of the next step belongs to."""
        self.rows = [request.state for request in requests_with_new_token]
        return torch.zeros(len(self.rows), dtype=torch.int32)

    def __call__(self, scores: torch.Tensor, tensor_arg: torch.Tensor) -> torch.Tensor:
        """Return the scores unchanged; `choose_all` chooses later."""
        del tensor_arg
        return scores

    def choose_all(self, states: Sequence[Any], scores: torch.Tensor) -> list[int]:
        """The next token of each request. Args: scores (rows, vocabulary), float32, one row per state."""
        rows = self._of(states)
        if all(row is not None and row.temperature < COLDEST and row.is_free for row in rows):
            return [int(token) for token in scores[: len(states)].argmax(dim=-1).tolist()]
        return [self._choose_row(*row) for row in zip(states, rows, scores, strict=False)]

    def choose_on_device(self, states: Sequence[Any], scores: torch.Tensor) -> torch.Tensor:
        """The next token of each request, shape (rows,). Only those that are alone wait for the device."""
        rows = self._of(states)
        scores = scores[: len(rows)]
        tokens = draw_rows(biased_rows(scores, {n: row.bias for n, row in enumerate(rows) if row and row.bias}), rows)
        for index, (state, row) in enumerate(zip(states, rows, strict=True)):
            if row is not None and row.is_alone:
                tokens[index] = self._choose_row(state, row, scores[index])
        forms = {place: row.matcher for place, row in enumerate(rows) if row and row.matcher and not row.is_alone}
        if forms:
            self._bind(states, rows, scores, tokens, forms)
        return tokens

    def _bind(
        self,
        states: Sequence[Any],
        rows: Sequence[RowSettings | None],
        scores: torch.Tensor,
        tokens: torch.Tensor,
        forms: Mapping[int, Matcher],
    ) -> None:
        """Draw again, and change `tokens`, where a row's form does not allow the drawn one. Waits for the device."""
        drawn = zip(forms.items(), tokens[list(forms)].tolist(), strict=True)
        wrong = bound.masks(
            {place: (matcher, token) for (place, matcher), token in drawn},
            lambda place, error: self._on_failure(states[place].request_id, error),
        )
        if not wrong:
            return
        places, allowed = list(wrong), torch.stack(list(wrong.values())).to(scores.device)
        again = draw_allowed(scores[places], [row for place in places if (row := rows[place])], allowed)
        tokens[places] = again
        for place, token in zip(places, again.tolist(), strict=True):
            forms[place].take(token)

    def _of(self, states: Sequence[Any]) -> list[RowSettings | None]:
        """The settings of each request; None for a cancelled request, whose token is discarded."""
        return [self._settings.get(state.request_id) for state in states]

    def _choose_row(self, state: Any, settings: RowSettings | None, scores: torch.Tensor) -> int:
        if settings is None:
            return 0
        try:
            token = choose(scores, settings, settings.said)
            if settings.logprobs is not None:
                settings.scores.append(scored(scores, token, settings.logprobs))
        except Exception as error:  # noqa: BLE001 - a failed request must not end the others
            self._on_failure(state.request_id, error)
            return 0
        settings.said.append(token)
        return token


def choose(scores: torch.Tensor, settings: RowSettings, generated: Sequence[int]) -> int:
    """The next token of one sequence.

    Args:
        scores: logits, float32, shape (vocabulary,); they are not changed.
        settings: the request's settings.
        generated: the request's tokens so far, without the prompt.
    """
    if len(generated) < len(settings.forced):
        return settings.forced[len(generated)]
    fresh = generated[settings.counted :]
    for token in fresh:
        settings.counts[token] = settings.counts.get(token, 0) + 1
    settings.counted = len(generated)
    given, scores = scores, _penalised(biased(scores, settings.bias, len(generated)), settings, fresh)
    repeats = _repeats(settings, generated)
    if repeats or settings.forbids:
        scores = scores.clone()
        scores[torch.tensor(repeats, dtype=torch.long, device=scores.device)] = -torch.inf
    token = _draw(scores, settings)
    while settings.forbids and settings.forbids(generated, token):
        scores[token] = -torch.inf
        token = _draw(scores, settings)
    matcher = settings.matcher
    if matcher is None or matcher.take(token):
        return token
    return bound.choose_allowed(
        matcher,
        given,
        scores,
        lambda scores, allowed: _draw(scores, settings, allowed),
        lambda token: settings.forbids is not None and settings.forbids(generated, token),
    )


def _draw(scores: torch.Tensor, settings: RowSettings, allowed: torch.Tensor | None = None) -> int:
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
            return _draw(scores.masked_fill(~allowed, -torch.inf), settings)
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
    cut = [replace(row, top_k=0, top_p=1.0) if some else row for row, some in zip(rows, has_some.tolist(), strict=True)]
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
    likely = (probabilities > probabilities.max() * LIKELY).nonzero().flatten()
    if float(probabilities[likely].sum()) < mass:
        likely = torch.arange(probabilities.shape[0], device=probabilities.device)
    ordered, order = probabilities[likely].sort(descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    count = int((before < mass).sum())
    return ordered[:count], likely[order[:count]]


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
