"""How one request's tokens are chosen, and what was chosen so far."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import torch

from glados_bots.inference.card_engine import chosen
from glados_bots.inference.decoding.logprobs import Scored
from glados_bots.inference.grammars.matcher import Matcher
from glados_bots.inference.model_files.cards import SamplingDefaults
from glados_bots.inference.transformers_engine.sampling.biasing import Bias, bias_of
from glados_bots.inference.transformers_engine.sampling.scoring import PromptScores
from glados_bots.wire.events import Sampling


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
    # The scores of its prompt, if they are wanted
    prompt_scores: PromptScores | None = None
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
        return bool(bent or self.no_repeat_ngram_size or self.forbids or (self.bias and self.bias.least))

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
