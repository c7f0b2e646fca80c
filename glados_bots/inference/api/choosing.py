"""The fields of a request that say how tokens are chosen, for every endpoint that offers them.

Sources: the OpenAI API reference, and vLLM's "Sampling parameters" for those that OpenAI lacks.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from glados_bots.inference.api import fields
from glados_bots.inference.api.checking import (
    LARGEST_TOKEN,
    LEAST_TOP_P,
    MOST_TOKENS,
    Penalty,
    StopStrings,
    StrictSchema,
    TokenLimit,
    listed,
)
from glados_bots.inference.api.choices import MOST_CHOICES

MOST_BIASES = 1_024
MOST_STOP_TOKENS = 128
TokenId = Annotated[int, Field(ge=0, le=LARGEST_TOKEN)]
TokenName = Annotated[str, Field(pattern=r"^[0-9]{1,10}$")]
BiasValue = Annotated[float, Field(ge=-100, le=100)]


class WithChoice(StrictSchema):
    """The fields for the choice of tokens."""

    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    max_tokens: TokenLimit = None
    min_tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=fields.UNLIMITED, le=100_000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    logit_bias: Annotated[dict[TokenName, BiasValue], Field(max_length=MOST_BIASES)] | None = None
    stop: Annotated[StopStrings | None, BeforeValidator(listed)] = None
    stop_token_ids: Annotated[list[TokenId], Field(max_length=MOST_STOP_TOKENS)] | None = None

    @field_validator("min_tokens")
    @classmethod
    def _fits(cls, least: int | None, info: ValidationInfo) -> int | None:
        most = info.data.get("max_tokens")
        if least and most is not None and least > most:
            raise ValueError(f"at most max_tokens, which is {most}")
        return least

    @property
    def choices(self) -> int:
        """How many answers the request wants."""
        return self.n or 1

    @property
    def choosing(self) -> dict[str, Any]:
        """The arguments of `Sampling` for these fields."""
        return {
            "min_tokens": self.min_tokens or 0,
            "temperature": self.temperature,
            "top_p": None if self.top_p is None else max(self.top_p, LEAST_TOP_P),
            "top_k": None if self.top_k is None else max(self.top_k, 0),
            "min_p": self.min_p or 0.0,
            "seed": self.seed,
            "presence_penalty": self.presence_penalty or 0.0,
            "frequency_penalty": self.frequency_penalty or 0.0,
            "repetition_penalty": self.repetition_penalty,
            "logit_bias": {int(token): value for token, value in (self.logit_bias or {}).items()},
            "stop": tuple(self.stop or ()),
            "stop_tokens": tuple(self.stop_token_ids or ()),
        }
