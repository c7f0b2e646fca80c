"""What a request can cost in tokens, before anybody has counted them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glados_bots.conversation import Message
from glados_bots.inference.engine import Engine
from glados_bots.inference.pictures.bounds import MOST_TOKENS as MOST_PICTURE_TOKENS
from glados_bots.inference.tools.messages import definition
from glados_bots.wire.events import Sampling


@dataclass(frozen=True, slots=True)
class Costs:
    """The bounds of one request's tokens."""

    least: int  # an estimate of the prompt's, if the engine never reports them
    most: int


def costs(messages: Sequence[Message], sampling: Sampling, engine: Engine) -> Costs:
    """The bounds. English has four characters per token, and a token has at least one byte. All fit the window."""
    tools = sampling.tools.tools if sampling.tools else ()
    words = [text for message in messages for text in _texts(message)]
    words += [json.dumps(definition(tool), ensure_ascii=False) for tool in tools]
    prompt = sum(len(text.encode()) for text in words) + MOST_PICTURE_TOKENS * sum(
        len(one.pictures) for one in messages
    )
    answer = engine.thinking_tokens + (sampling.max_tokens or engine.context_length)
    return Costs(sum(map(len, words)) // 4, min(engine.context_length, prompt + answer))


def _texts(message: Message) -> Iterator[str]:
    yield message.content
    yield message.reasoning
    for call in message.tool_calls:
        yield call.name
        yield call.arguments
