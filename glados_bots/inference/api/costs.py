"""What a request can cost in tokens, before anybody has counted them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glados_bots.conversation import Message
from glados_bots.inference.api.checking import MOST_WORDS, are_too_long
from glados_bots.inference.api.errors import wrong_value
from glados_bots.inference.engine import Engine
from glados_bots.inference.pictures.bounds import MOST_TOKENS as MOST_PICTURE_TOKENS
from glados_bots.inference.tools.messages import definition
from glados_bots.wire.events import Sampling

STARTS = 2  # tokens with which a tokenizer may begin every text


@dataclass(frozen=True, slots=True)
class Costs:
    """The bounds of one request's tokens."""

    least: int  # an estimate of the prompt's, if the engine never reports them
    most: int

    def times(self, count: int) -> "Costs":
        """The bounds of this many answers to the same prompt."""
        return Costs(self.least, self.most * count)


def costs(messages: Sequence[Message], sampling: Sampling, engine: Engine) -> Costs:
    """The bounds. English has four characters per token, and a token has at least one byte. All fit the window.

    Raises:
        ApiError: see `tools_as_texts`.
    """
    words = [*(text for message in messages for text in texts_of(message)), *tools_as_texts(sampling)]
    pictures = MOST_PICTURE_TOKENS * sum(len(message.pictures) for message in messages)
    answer = engine.thinking_tokens + (sampling.max_tokens or engine.context_length)
    most = sum(len(text.encode()) for text in words) + pictures + answer
    return Costs(sum(map(len, words)) // 4, min(engine.context_length, most))


def tools_as_texts(sampling: Sampling) -> list[str]:
    """The definitions of a request's tools. Raises ApiError if they have too many words."""
    tools = sampling.tools.tools if sampling.tools else ()
    texts = [json.dumps(definition(tool), ensure_ascii=False) for tool in tools]
    if are_too_long(texts):
        raise wrong_value("tools", f"their definitions may have at most {MOST_WORDS} bytes together")
    return texts


def raw_costs(prompts: Sequence[str | Sequence[int]], sampling: Sampling, engine: Engine) -> Costs:
    """The bounds of raw prompts together, of which each gets one answer. Raw prompts are not followed by reasoning."""
    sizes = [len(prompt.encode()) if isinstance(prompt, str) else len(prompt) for prompt in prompts]
    answer = engine.context_length if sampling.max_tokens is None else sampling.max_tokens
    most = sum(min(engine.context_length, size + STARTS + answer) for size in sizes)
    return Costs(sum(len(prompt) // (4 if isinstance(prompt, str) else 1) for prompt in prompts), most)


def texts_of(message: Message) -> Iterator[str]:
    """Everything in it that the model reads."""
    yield message.content
    yield message.reasoning
    for call in message.tool_calls:
        yield call.name
        yield call.arguments
