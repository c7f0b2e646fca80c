"""Requests of POST /v1/completions, checked field by field.

Sources: the OpenAI API reference, "Create completion", and vLLM's "Completions API" for the fields that OpenAI lacks.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from glados_bots.inference.api import fields
from glados_bots.inference.api.chat.requests import StreamOptions
from glados_bots.inference.api.checking import MOST_TOKENS, Text, refused
from glados_bots.inference.api.choosing import WithChoice
from glados_bots.inference.api.completions.prompts import Prompts
from glados_bots.inference.api.forms import WithForm
from glados_bots.inference.api.remedies import NO_BEAMS, NO_SUFFIX
from glados_bots.wire.events import Sampling

FEW_TOKENS = 16  # OpenAI's default of max_tokens
MOST_LOGPROBS = 5
FIELDS = {"messages": "prompt", "tokens": "prompt"}  # by their names at other endpoints


class CompletionRequest(WithForm, WithChoice):
    """Body of POST /v1/completions."""

    harmless = fields.HARMLESS

    model: Text = Field(max_length=500)
    prompt: Prompts
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS)] | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=MOST_LOGPROBS)] | None = None
    suffix: Annotated[object, AfterValidator(refused(NO_SUFFIX))] = None
    best_of: Annotated[object, AfterValidator(refused(NO_BEAMS, 1))] = None

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the token counts."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def sampling(self) -> Sampling:
        return Sampling(
            **self.choosing,
            max_tokens=FEW_TOKENS if self.max_tokens is None else self.max_tokens,
            grammar=self.grammar,
            logprobs=self.logprobs,
            prompt_logprobs=self.logprobs if self.echo else None,
        )
