"""An engine without weights and without torch, for tests of adapters: it repeats the question, word by word.

A token is a word and the white space after it. Pictures cost none, and the answer ends with their number. All else
works as with a model: the waiting line, usage, stop strings, the length limit, and a generation that ends when its
reader leaves.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import islice

from glados_bots.conversation import Message
from glados_bots.errors import LoraRefusedError, ParameterRefusedError, PromptTooLongError
from glados_bots.inference.engine import EngineOptions, EngineStats, ServedLora
from glados_bots.inference.prompts.template_variables import TemplateVariables
from glados_bots.inference.waiting_line import WaitingLine
from glados_bots.wire.events import Begun, Delta, Event, Finished, Sampling

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
        words, end = await asyncio.to_thread(self._echo, messages, sampling)
        async with aclosing(self._line.enter(caller)) as places:
            async for queued in places:
                yield queued
        try:
            yield Begun(end.prompt_tokens)
            for word in words:
                yield Delta(word)
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
        room = self.context_length - prompt
        if room < 1:
            raise PromptTooLongError(prompt, self.context_length - 1, self.context_length)
        text = messages[-1].content + _told(len(messages[-1].pictures))
        said = "".join(islice(_words(text), min(sampling.max_tokens or room, room)))
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


def _told(pictures: int) -> str:
    return f"\n\n({pictures} {'picture' if pictures == 1 else 'pictures'})" if pictures else ""


def _words(text: str) -> Iterator[str]:
    return (found[0] for found in WORD.finditer(text))
