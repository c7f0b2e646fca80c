"""The prompts of a completion request: a text, token ids, or a list of either."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from glados_bots.inference.api.checking import LARGEST_TOKEN, MOST_TOKENS, TOO_LONG, are_too_long, is_token, well_formed

MOST_PROMPTS = 128
Prompt = str | list[int]


def _prompts(value: Any) -> Any:
    """The prompts as a list. Raises ValueError, which names the place of what is none."""
    if isinstance(value, str) or _is_ids(value):
        value = [value]
    if not isinstance(value, list) or not value:
        raise ValueError("give a text, a list of texts, token ids, or a list of lists of token ids")
    if len(value) > MOST_PROMPTS:
        raise ValueError(f"at most {MOST_PROMPTS} prompts; send the others in further requests")
    for place, prompt in enumerate(value):
        if not prompt or not (isinstance(prompt, str) or _is_ids(prompt)):
            raise ValueError(f"prompt {place}: give some text, or a list of token ids from 0 to {LARGEST_TOKEN}")
    if are_too_long(well_formed(prompt) for prompt in value if isinstance(prompt, str)):
        raise ValueError(TOO_LONG)
    if sum(len(prompt) for prompt in value if isinstance(prompt, list)) > MOST_TOKENS:
        raise ValueError(f"the prompts may have at most {MOST_TOKENS} tokens together")
    return value


def _is_ids(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_token, value))


Given = Prompt | list[str] | list[list[int]]
Prompts = Annotated[list[Prompt], BeforeValidator(_prompts, json_schema_input_type=Given)]
