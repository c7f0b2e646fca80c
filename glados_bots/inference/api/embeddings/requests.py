"""Requests of POST /v1/embeddings, checked field by field.

Source: the OpenAI API reference, "Create embeddings". `input_type` is Voyage's and NVIDIA's, `truncate_prompt_tokens`
is vLLM's.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from glados_bots.inference.api import fields
from glados_bots.inference.api.checking import MOST_WORDS, StrictSchema, Text, are_too_long, is_token, well_formed
from glados_bots.inference.api.costs import Costs
from glados_bots.inference.embeddings.embedder import Job

MOST_INPUTS = 2_048  # OpenAI's bound
MOST_IDS = 300_000  # of all inputs together; OpenAI's bound of tokens
MARKS = 4  # most tokens that a tokenizer adds to a text

Input = str | list[str] | list[int] | list[list[int]]


def _checked(value: Any) -> Any:
    """The input, if it is a text, a list of texts, token ids or a list of token ids. Errors name the place."""
    inputs = _parts(value)
    if len(inputs) > MOST_INPUTS:
        raise ValueError(f"{len(inputs)} inputs; at most {MOST_INPUTS} fit one request")
    if not inputs:
        raise ValueError("give at least one text")
    for place, part in enumerate(inputs):
        _check(f"input[{place}]", part)
    if len({type(part) for part in inputs}) > 1:
        raise ValueError("give either texts or token ids, not both")
    if isinstance(inputs[0], str):
        if are_too_long(inputs):
            raise ValueError(f"the texts may have at most {MOST_WORDS} bytes together; send fewer or shorter texts")
    elif sum(map(len, inputs)) > MOST_IDS:
        raise ValueError(f"the inputs may have at most {MOST_IDS} token ids together; send fewer or shorter ones")
    return value


def _parts(value: Any) -> list[Any]:
    """The texts, or the token ids of each. Raises ValueError unless it is a text or a list."""
    if isinstance(value, list):
        return [value] if value and all(type(part) is int for part in value) else value
    if isinstance(value, str):
        return [value]
    raise ValueError("give a text, a list of texts, token ids, or a list of token ids")


def _check(place: str, part: Any) -> None:
    if part in ("", []):
        raise ValueError(f"{place} is empty; leave it out")
    if isinstance(part, str):
        well_formed(part)
    elif not isinstance(part, list) or not all(map(is_token, part)):
        raise ValueError(f"{place} is neither a text nor a list of token ids, which are whole numbers from 0")


class EmbeddingRequest(StrictSchema):
    """Body of POST /v1/embeddings."""

    harmless = fields.HARMLESS

    model: Text = Field(max_length=500)
    input: Annotated[Input, BeforeValidator(_checked)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    input_type: Literal["query", "document", "passage"] | None = None
    truncate_prompt_tokens: Annotated[int, Field(ge=fields.UNLIMITED, le=1_000_000)] | None = None

    @property
    def inputs(self) -> list[Any]:
        """The texts, or the token ids of each."""
        return _parts(self.input)

    def job(self) -> Job:
        kind = "document" if self.input_type == "passage" else self.input_type
        return Job(self.inputs, kind, self.dimensions, self.truncate_prompt_tokens)

    def costs(self, window: int) -> Costs:
        """The bounds of the request's tokens: a token has at least one byte, and each input fits the window."""
        sizes = [len(part.encode()) if isinstance(part, str) else len(part) for part in self.inputs]
        return Costs(sum(sizes) // 4, sum(min(window, size + MARKS) for size in sizes))
