"""Choose the next token of one answer from the model's scores, as its request asked for.

The order is that of transformers: repetition penalty, presence and frequency penalties, forbidden tokens, temperature,
top-k, top-p. A request has its own random generator, so a seed gives the same choices whatever else is computed.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

FIRST_LOOK = (
    256  # most likely tokens looked at before the whole vocabulary is sorted, which takes a hundred times longer
)
COLDEST = 1e-4  # temperatures below are greedy; they would overflow
MOST_REJECTED = 100  # tokens that would end a forbidden word, at one place; a model that insists is broken


@dataclass(frozen=True, slots=True)
class Settings:
    """How to choose; see `Sampling` and `SamplingDefaults`."""

    temperature: float
    top_p: float
    top_k: int
    presence_penalty: float
    frequency_penalty: float
    repetition_penalty: float
    no_repeat_ngram_size: int
    seed: int | None


class TokenChooser:
    """Chooses the tokens of one answer, one after the other.

    Args:
        settings: of the request.
        prompt: token ids of the prompt, for the repetition penalty.
        forbids: tells whether a token after these tokens would complete a forbidden word. It looks at the text, because
            a word can be spelt with tokens in many ways.
    """

    def __init__(
        self, settings: Settings, prompt: Sequence[int], forbids: Callable[[Sequence[int], int], bool] | None = None
    ) -> None:
        self._settings = settings
        self._forbids = forbids
        self._random = random.Random(settings.seed)  # noqa: S311 - words, not secrets
        self._prompt = prompt
        self._known = 0
        self._counts: Counter[int] = Counter()
        self._followers: dict[tuple[int, ...], set[int]] = {}
        self._seen: torch.Tensor | None = None

    def choose(self, scores: torch.Tensor, generated: Sequence[int]) -> int:
        """The next token.

        Args:
            scores: logits of the vocabulary, float32, shape (vocabulary,); not changed.
            generated: tokens of the answer so far.

        Raises:
            ValueError: the scores allow no choice, because the model computed no numbers or everything is forbidden.
        """
        self._learn(generated)
        scores = self._penalised(scores.clone())
        for _ in range(MOST_REJECTED):
            token = self._draw(scores)
            if self._forbids is None or not self._forbids(generated, token):
                return token
            scores[token] = -torch.inf
        raise ValueError("the model wants to say nothing but forbidden words")

    def _learn(self, generated: Sequence[int]) -> None:
        """Take notice of the tokens that came since the last call."""
        size = self._settings.no_repeat_ngram_size
        for end in range(self._known, len(generated)):
            self._counts[generated[end]] += 1
            if size and end + 1 >= size:
                start = tuple(generated[end - size + 1 : end])
                self._followers.setdefault(start, set()).add(generated[end])
        self._fresh = generated[self._known :]
        self._known = len(generated)
        self._tail = tuple(generated[len(generated) - size + 1 :]) if size and len(generated) >= size - 1 else ()

    def _penalised(self, scores: torch.Tensor) -> torch.Tensor:
        """Apply the penalties in place.

        Sources: repetition, on prompt and answer: Keskar et al. 2019 (CTRL), section 4.1. Presence and frequency, on the
        answer: the OpenAI API reference. Runs of tokens that occurred in the answer are not completed again.
        """
        settings = self._settings
        if settings.repetition_penalty != 1:
            seen = self._seen_tokens(scores)
            factor = torch.where(scores < 0, settings.repetition_penalty, 1 / settings.repetition_penalty)
            scores = torch.where(seen, scores * factor, scores)
        if self._counts and (settings.presence_penalty or settings.frequency_penalty):
            tokens = torch.tensor(list(self._counts), device=scores.device)
            counts = torch.tensor(list(self._counts.values()), dtype=scores.dtype, device=scores.device)
            scores[tokens] -= settings.presence_penalty + settings.frequency_penalty * counts
        if settings.no_repeat_ngram_size:
            repeats = self._followers.get(self._tail, set())
            scores[torch.tensor(sorted(repeats), dtype=torch.long, device=scores.device)] = -torch.inf
        return scores

    def _seen_tokens(self, scores: torch.Tensor) -> torch.Tensor:
        """Mask over the vocabulary of the tokens in prompt and answer."""
        fresh = self._fresh
        if self._seen is None:
            self._seen = torch.zeros(scores.shape, dtype=torch.bool, device=scores.device)
            fresh = [*self._prompt, *self._counts]
        self._seen[torch.tensor(list(fresh), dtype=torch.long, device=scores.device)] = True
        return self._seen

    def _draw(self, scores: torch.Tensor) -> int:
        settings = self._settings
        best_score, best_token = scores.max(0)
        if not bool(torch.isfinite(best_score)):  # NaN counts as the maximum; minus infinity: nothing is allowed
            raise ValueError("the model computed no usable scores")
        if settings.temperature < COLDEST:
            return int(best_token)
        scores = scores.double() / settings.temperature
        kept, tokens = self._candidates(scores)
        # Without top-k the whole vocabulary shares the mass, also where only its best are looked at.
        total = torch.logsumexp(kept if settings.top_k else scores, 0)
        mass = (kept - total).exp().cumsum(0)
        if not settings.top_k and len(kept) < len(scores) and float(mass[-1]) < settings.top_p:
            kept, tokens = torch.sort(scores, descending=True)
            mass = (kept - total).exp().cumsum(0)
        # The nucleus: the fewest of the best tokens that hold top_p of the mass, at least one.
        count = min(int((mass < settings.top_p).sum()) + 1, len(mass))
        place = int(torch.searchsorted(mass[:count], self._random.random() * mass[count - 1], right=True))
        return int(tokens[min(place, count - 1)])

    def _candidates(self, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores and ids of the tokens to draw from; the best first, where that matters."""
        look = self._settings.top_k or (FIRST_LOOK if self._settings.top_p < 1 else len(scores))
        if look < len(scores):
            kept, tokens = torch.topk(scores, look)
            return kept, tokens
        if self._settings.top_p < 1:
            kept, tokens = torch.sort(scores, descending=True)
            return kept, tokens
        return scores, torch.arange(len(scores), device=scores.device)
