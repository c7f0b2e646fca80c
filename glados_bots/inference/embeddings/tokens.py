"""The texts of a job as token ids, checked against what the model can read."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from glados_bots.errors import InputRefusedError
from glados_bots.inference.embeddings.embedder import Job
from glados_bots.inference.embeddings.recipe import Recipe

UNLIMITED = -1  # of `truncate_prompt_tokens`: the window, as in vLLM


class Reader(Protocol):
    """A model, as far as its tokens are concerned."""

    tokenizer: Any
    recipe: Recipe
    window: int
    vocabulary: int


def tokens_of(model: Reader, job: Job) -> list[Sequence[int]]:
    """The token ids of each input. Blocks; the tokenizer lets other threads work.

    Raises:
        InputRefusedError: a text is longer than the window and may not be cut, or token ids are not the model's.
    """
    limit = _limit(model, job)
    tokens: list[Sequence[int]] = []
    texts = [text for text in job.inputs if isinstance(text, str)]
    if texts:
        prefix = model.recipe.prefixes.get(job.input_type, "")
        cut = {} if limit is None else {"truncation": True, "max_length": limit}
        tokens = model.tokenizer([prefix + text for text in texts], **cut)["input_ids"]
    else:
        tokens = list(_ids(model, job, limit))
    for place, text in enumerate(tokens):
        if len(text) > model.window:
            raise _too_long(place, len(text), model.window)
        if not text:
            raise InputRefusedError("input", f"input[{place}]: this text has no token; leave it out")
    return tokens


def _limit(model: Reader, job: Job) -> int | None:
    """How many tokens are left of a longer text; None if it may not be cut."""
    if job.truncate is None:
        return None
    limit = model.window if job.truncate == UNLIMITED else job.truncate
    marks = model.tokenizer.num_special_tokens_to_add()
    if not marks < limit <= model.window:
        raise InputRefusedError(
            "truncate_prompt_tokens",
            f"truncate_prompt_tokens: this model reads {marks + 1} to {model.window} tokens; -1 means all of them",
        )
    return limit


def _ids(model: Reader, job: Job, limit: int | None) -> Iterator[Sequence[int]]:
    """Token ids as they were sent, which no prefix fits."""
    if model.recipe.prefixes.get(job.input_type):
        raise InputRefusedError("input_type", "input_type: token ids get no prefix; send text, or leave it out")
    for place, part in enumerate(job.inputs):
        ids = [int(token) for token in part]
        if max(ids, default=0) >= model.vocabulary:
            raise InputRefusedError(
                "input",
                f"input[{place}]: this model has token ids 0 to {model.vocabulary - 1}; ids of another tokenizer, "
                "such as tiktoken's, have another meaning here: send text (docs/api/embeddings.md)",
            )
        yield ids[:limit]


def _too_long(place: int, tokens: int, window: int) -> InputRefusedError:
    return InputRefusedError(  # OpenAI's sentence: clients look for its words
        "input",
        f"This model's maximum context length is {window} tokens. However, the text at input[{place}] has {tokens} "
        "tokens. Please reduce its length, or set truncate_prompt_tokens to -1.",
        "context_length_exceeded",
        prompt_tokens=tokens,
        max_prompt_tokens=window,
    )
