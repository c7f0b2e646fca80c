"""An engine without weights and without torch, for tests of adapters: it repeats the question, word by word.

A token is a word and the white space after it, and each is certain. Pictures cost none, and the answer ends with their
number. All else works as with a model: the waiting line, usage, stop strings, the length limit, and a generation that
ends when its reader leaves.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import islice

from glados_bots.conversation import Message
from glados_bots.errors import LoraRefusedError, ParameterRefusedError, PromptTooLongError
from glados_bots.inference.engine import EngineOptions, EngineStats, ServedLora
from glados_bots.inference.prompts.template_variables import TemplateVariables
from glados_bots.inference.waiting_line import WaitingLine
from glados_bots.wire.events import Begun, Delta, Event, Finished, Sampling, ScoredPrompt, TokenLogprob

NO_IDS = "the echo engine has words and no token ids; serve a model"
PAUSE_S = 0.02  # between words, so that streaming is visible
WORD = re.compile(r"\S+\s*|\s+")


class EchoEngine:
    """Answers with the last message's text. See `Engine` for the contract."""

    models: tuple[str, ...] = ("echo",)
    seeing = models
    context_length = 8192
    thinking_levels: tuple[str, ...] = ()
    thinking_tokens = 0
    fatal: str | None = None
    loras: Mapping[str, ServedLora] = {}

    def __init__(self, card: None, options: EngineOptions) -> None:
        del card
        self._line = WaitingLine(options.max_running, options.max_waiting)

    async def start(self) -> None:
        """Do nothing: there is nothing to load."""

    async def stop(self) -> None:
        """Do nothing: there is nothing to free."""

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        del model
        _require_words(sampling)
        words, end = await asyncio.to_thread(self._echo, messages, sampling)
        async with aclosing(self._in_turn(words, end, sampling, caller)) as events:
            async for event in events:
                yield event

    async def complete(
        self, model: str, prompt: str | Sequence[int], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        if not isinstance(prompt, str):
            raise ParameterRefusedError("prompt", NO_IDS)
        if not prompt:
            raise ParameterRefusedError("prompt", "it has no words; give some text")
        async with aclosing(self.generate(model, [Message("user", prompt)], sampling, caller)) as events:
            async for event in events:
                yield event
                if isinstance(event, Begun) and sampling.prompt_logprobs is not None:
                    first, *others = _words(prompt)
                    yield ScoredPrompt(first.encode(), tuple(_sure(word, sampling.prompt_logprobs) for word in others))

    async def tokenize(self, prompt: str | Sequence[Message], sampling: Sampling, *, special: bool) -> list[int]:
        del sampling, special
        raise ParameterRefusedError("prompt" if isinstance(prompt, str) else "messages", NO_IDS)

    async def detokenize(self, tokens: Sequence[int]) -> str:
        del tokens
        raise ParameterRefusedError("tokens", NO_IDS)

    def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        del tokens
        raise ParameterRefusedError("tokens", NO_IDS)

    def tokenizer_info(self) -> dict[str, str | None]:
        raise ParameterRefusedError("model", NO_IDS)

    async def _in_turn(
        self, words: Sequence[str], end: Finished, sampling: Sampling, caller: str
    ) -> AsyncGenerator[Event]:
        async with aclosing(self._line.enter(caller)) as places:
            async for queued in places:
                yield queued
        try:
            yield Begun(end.prompt_tokens)
            for word in words:
                yield Delta(word, () if sampling.logprobs is None else (_sure(word, sampling.logprobs),))
                await asyncio.sleep(PAUSE_S)
            yield end
        finally:
            self._line.leave(caller)

    def _echo(self, messages: Sequence[Message], sampling: Sampling) -> tuple[list[str], Finished]:
        """(words of the answer, its last event)."""
        TemplateVariables(None, {}).of(sampling)  # refuses what no template reads
        if sampling.grammar is not None:
            raise ParameterRefusedError(sampling.grammar.field, "an echo has no form; serve a model")
        if sampling.tools is not None and sampling.tools.required:
            raise ParameterRefusedError("tool_choice", "an echo calls no tools; serve a model")
        prompt = sum(1 for message in messages for _ in _words(message.content))
        most = self.context_length if sampling.max_tokens is None else sampling.max_tokens
        room = self.context_length - prompt
        if room < min(1, most):
            raise PromptTooLongError(prompt, self.context_length - 1, self.context_length)
        text = messages[-1].content + _told(len(messages[-1].pictures))
        said = "".join(islice(_words(text), min(most, room)))
        stops = [at for at in map(said.find, filter(None, sampling.stop)) if at >= 0]
        words = list(_words(said[: min(stops, default=len(said))]))
        return words, Finished("stop" if stops or said == text else "length", prompt, 0, len(words))

    async def load_lora(self, name: str, path: str, *, in_place: bool = False) -> None:
        """Raise LoraRefusedError: without weights, nothing can be tuned."""
        del name, path, in_place
        raise LoraRefusedError("the engine echo has no model that a LoRA could tune", "lora_loading_off")

    async def unload_lora(self, name: str) -> None:
        """Raise LoraRefusedError: see `load_lora`."""
        await self.load_lora(name, "")

    def stats(self) -> EngineStats:
        return EngineStats(self._line.waiting, self._line.running, 0, 0)


def _require_words(sampling: Sampling) -> None:
    """Raise ParameterRefusedError for wishes about token ids, and about an end that is no choice of ours."""
    for name, wish in (("logit_bias", sampling.logit_bias), ("stop_token_ids", sampling.stop_tokens)):
        if wish:
            raise ParameterRefusedError(name, NO_IDS)
    if sampling.min_tokens:
        raise ParameterRefusedError("min_tokens", "the echo engine ends where the question ends; leave it out")


def _sure(word: str, count: int) -> TokenLogprob:
    """A word, which is certain. Args: count: how many of the likeliest words to tell; there is one."""
    alone = TokenLogprob(0, word.encode(), 0.0)
    return replace(alone, top=(alone,)) if count else alone


def _told(pictures: int) -> str:
    return f"\n\n({pictures} {'picture' if pictures == 1 else 'pictures'})" if pictures else ""


def _words(text: str) -> Iterator[str]:
    return (found[0] for found in WORD.finditer(text))
