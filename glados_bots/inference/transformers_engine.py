"""The engine on transformers' own continuous batching: paged cache, shared prefixes, one forward pass for all requests.

We write no scheduler. Requests wait in our `Line`, are tokenised in a thread, run in the library's generation thread,
and come back to the event loop token by token.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, TypeVar
from uuid import uuid4

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineDeadError, GenerationFailedError, PromptTooLongError
from glados_bots.inference.batching import Batching
from glados_bots.inference.cache_size import cache_size
from glados_bots.inference.cards import Card
from glados_bots.inference.detokenizer import Detokenizer
from glados_bots.inference.engine import Delta, EngineOptions, EngineStats, Event, Finished, FinishReason, Sampling
from glados_bots.inference.line import Line
from glados_bots.inference.loading import load
from glados_bots.inference.prompts import PromptEncoder
from glados_bots.inference.sampler import Row
from glados_bots.inference.token_choice import Settings, TokenChooser

log = logging.getLogger(__name__)

LONGEST_WINDOW = 8192  # tokens, where the card does not say
SHORTEST_ANSWER = 16  # tokens that must be left for the answer
BAD_WORD_TAIL = 24  # tokens looked back at for a forbidden word

T = TypeVar("T")


class TransformersEngine:
    """One model, loaded by transformers. See `Engine` for the contract."""

    def __init__(self, card: Card, options: EngineOptions) -> None:
        self._card = card
        self._options = options
        self._line = Line(options.max_running, options.max_waiting)
        self._context = 0
        self._vocabulary = 0
        self._ends: set[int] = set()
        self._tokenizer: Any = None
        self._prompts: PromptEncoder | None = None
        self._batching: Batching | None = None

    # --- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the weights, start the generation thread and answer one short question to warm up."""
        await asyncio.to_thread(self._load)
        _present(self._batching).start()
        async with aclosing(self.generate(self.models[0], [Message("user", "Hi")], Sampling(max_tokens=2))) as events:
            async for _ in events:
                pass

    async def stop(self) -> None:
        """Fail what runs and end the generation thread."""
        if self._batching is not None:
            await asyncio.to_thread(self._batching.stop)

    def _load(self) -> None:
        model, self._tokenizer = load(self._card, self._options)
        self._prompts = PromptEncoder(self._tokenizer, self._card.prompt_format)
        config = model.config.get_text_config()
        window = getattr(config, "max_position_embeddings", None) or LONGEST_WINDOW
        self._context = min(self._card.context_length or LONGEST_WINDOW, window)
        self._vocabulary = config.vocab_size
        self._ends = _end_tokens(model, self._tokenizer)
        size = cache_size(model, self._context, self._options.max_running, self._options.cache_gb)
        try:
            self._batching = Batching(model, self._ends, size, self._options.max_running)
        except (ValueError, MemoryError, RuntimeError, AttributeError) as error:
            raise ConfigError(
                f"{self._card.name}: this model cannot be served by continuous batching ({error}); choose another model"
            ) from error

    # --- answering -------------------------------------------------------------------------------------------------

    async def generate(self, model: str, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Event]:
        """Answer one conversation; see `Engine.generate`."""
        del model  # one model is served; the service has checked the name
        prompt = await asyncio.to_thread(_present(self._prompts).encode, messages)
        room = self._room(prompt)
        async with aclosing(self._line.enter()) as places:
            async for queued in places:
                yield queued
        entered = time.monotonic()
        try:
            limit = min(sampling.max_tokens or self._card.max_answer_tokens, room)
            async with aclosing(self._run(prompt, limit, sampling)) as events:
                async for event in events:
                    yield event
        finally:
            self._line.leave(time.monotonic() - entered)

    def _room(self, prompt: Sequence[int]) -> int:
        """Tokens left for the answer."""
        room = self._context - len(prompt)
        if room < SHORTEST_ANSWER:
            raise PromptTooLongError(len(prompt), self._context - SHORTEST_ANSWER)
        if max(prompt) >= self._vocabulary:  # inside the model this would be everybody's crash
            raise GenerationFailedError(
                "the tokenizer knows tokens that the model does not; they do not belong together"
            )
        return room

    async def _run(self, prompt: list[int], limit: int, sampling: Sampling) -> AsyncGenerator[Event]:
        """Submit, read token by token, cancel when the reader leaves or a stop string comes."""
        batching = _present(self._batching)
        self._require_alive(batching)
        request_id = uuid4().hex
        row = Row(self._chooser(prompt, sampling))
        text = Detokenizer(self._tokenizer, [*self._card.stop, *sampling.stop])
        outputs: asyncio.Queue[Any] = asyncio.Queue()
        tokens: list[int] = []
        finished = False
        batching.submit(request_id, prompt, limit, row, outputs.put_nowait)
        try:
            while not finished and not text.stopped:
                output = await outputs.get()
                if output.error is not None or row.failure is not None:
                    self._require_alive(batching)
                    raise GenerationFailedError(f"this answer failed inside the model: {row.failure or output.error}")
                new = output.generated_tokens[len(tokens) :]
                tokens, finished = output.generated_tokens, output.is_finished()
                delta = text.feed([token for token in new if token not in self._ends])
                if delta:
                    yield Delta(delta)
            rest = text.close()
            if rest:
                yield Delta(rest)
            reason: FinishReason = "stop" if text.stopped or tokens[-1] in self._ends else "length"
            yield Finished(reason, len(prompt), row.cached_tokens, len(tokens))
        finally:
            batching.end(request_id, finished=finished)

    def _require_alive(self, batching: Batching) -> None:
        if batching.dead:
            raise EngineDeadError(batching.dead)
        if batching.stopping:
            raise GenerationFailedError("the service is stopping")

    def _chooser(self, prompt: list[int], sampling: Sampling) -> TokenChooser:
        """The request's settings, and the card's where it has none."""
        card = self._card.sampling
        settings = Settings(
            temperature=_chosen(sampling.temperature, card.temperature),
            top_p=_chosen(sampling.top_p, card.top_p),
            top_k=_chosen(sampling.top_k, card.top_k),
            presence_penalty=sampling.presence_penalty,
            frequency_penalty=sampling.frequency_penalty,
            repetition_penalty=card.repetition_penalty,
            no_repeat_ngram_size=card.no_repeat_ngram_size,
            seed=sampling.seed,
        )
        return TokenChooser(settings, prompt, self._completes_bad_word if self._card.bad_words else None)

    def _completes_bad_word(self, generated: Sequence[int], token: int) -> bool:
        tail = list(generated[-BAD_WORD_TAIL:])
        before, after = (self._tokenizer.decode(tokens, skip_special_tokens=True) for tokens in (tail, [*tail, token]))
        return any(after.count(word) > before.count(word) for word in self._card.bad_words)

    # --- figures ---------------------------------------------------------------------------------------------------

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Length in tokens of the prompt these messages make."""
        return len(_present(self._prompts).encode(messages))

    @property
    def models(self) -> tuple[str, ...]:
        """The card's name."""
        return (self._card.name,)

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together."""
        return self._context

    @property
    def fatal(self) -> str | None:
        """Why the engine is dead, or None."""
        return None if self._batching is None else self._batching.dead

    def stats(self) -> EngineStats:
        """Counts at this moment."""
        used, total = (self._batching.pages_used, self._batching.pages_total) if self._batching else (0, 0)
        return EngineStats(self._line.waiting, self._line.running, used, total)


def _chosen(value: T | None, default: T) -> T:
    return default if value is None else value


def _present(part: T | None) -> T:
    if part is None:
        raise EngineDeadError("the engine has not been started")
    return part


def _end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Every token that ends an answer, by the model's generation config and by its tokenizer."""
    ends = model.generation_config.eos_token_id
    several = ends if isinstance(ends, list) else [ends]
    return {token for token in (*several, tokenizer.eos_token_id) if token is not None}
