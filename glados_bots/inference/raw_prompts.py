"""What an engine tells of a raw prompt: the scores of its tokens, if they are wanted, and then its continuation."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from glados_bots.inference.decoding.logprobs import Scored, told
from glados_bots.inference.prompts.token_texts import TokenTexts
from glados_bots.wire.events import Event, Finished, Sampling, ScoredPrompt

Score = Callable[[int], Awaitable[list[Scored]]]  # from how many of the likeliest tokens to tell beside each


async def continued(
    prompt: list[int], sampling: Sampling, texts: TokenTexts, score: Score, answer: Callable[[], AsyncGenerator[Event]]
) -> AsyncGenerator[Event]:
    """All events of one raw prompt after `Begun`.

    Args:
        prompt: token ids.
        sampling: the wishes of the request.
        texts: of the model's tokens.
        score: computes the scores of all tokens of the prompt but the first.
        answer: begins the continuation.
    """
    if sampling.prompt_logprobs is not None:
        scores = await score(sampling.prompt_logprobs)
        yield ScoredPrompt(texts.of(prompt[0]), tuple(told(scored, texts) for scored in scores))
    if sampling.max_tokens == 0:
        yield Finished("length", len(prompt), 0, 0)
        return
    async with aclosing(answer()) as events:
        async for event in events:
            yield event
