"""An engine that says what the test tells it to say, when the test says so."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from glados_bots.conversation import Message
from glados_bots.errors import LoraRefusedError, ParameterRefusedError
from glados_bots.inference.engine import EngineStats, ServedLora
from glados_bots.wire.events import Delta, Event, Finished, Queued, Sampling


class ScriptedEngine:
    """Answers with `script`; with `gate` set, waits before each word until the test opens it.

    Attributes:
        asked: every conversation it was asked to answer.
        callers: who asked, of each of them.
        cancelled: generations that were closed before their end.
    """

    models: tuple[str, ...] = ("scripted",)
    context_length = 1000
    thinking_levels: tuple[str, ...] = ()
    thinking_tokens = 0
    seeing: tuple[str, ...] = ()

    def __init__(self, *script: Event | Exception) -> None:
        self.script = script or (Delta("Hello "), Delta("**world**"), Finished("stop", 5, 0, 2))
        self.gate: asyncio.Semaphore | None = None
        self.loading: asyncio.Event | None = None
        self.load_error: Exception | None = None
        self.asked: list[tuple[tuple[Message, ...], Sampling]] = []
        self.callers: list[str] = []
        self.cancelled = 0
        self.loras: dict[str, ServedLora] = {}
        self.fatal: str | None = None

    async def start(self) -> None:
        """Load, as fast as the test allows."""
        if self.loading:
            await self.loading.wait()
        if self.load_error:
            raise self.load_error

    async def stop(self) -> None:
        """Nothing to free."""

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """Play the script."""
        del model
        self.callers.append(caller)
        self.asked.append((tuple(messages), sampling))
        ended = False
        try:
            for event in self.script:
                if self.gate and not isinstance(event, Queued):
                    await self.gate.acquire()
                if isinstance(event, Exception):
                    ended = True
                    raise event
                ended = isinstance(event, Finished)
                yield event
        finally:
            self.cancelled += not ended

    async def complete(
        self, model: str, prompt: str | Sequence[int], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """Play the script, whatever the prompt."""
        text = prompt if isinstance(prompt, str) else " ".join(map(str, prompt))
        async with aclosing(self.generate(model, [Message("user", text)], sampling, caller)) as events:
            async for event in events:
                yield event

    async def tokenize(self, prompt: str | Sequence[Message], sampling: Sampling, *, special: bool) -> list[int]:
        """The code points of the text, and 0 before a raw prompt if it shall have special tokens."""
        del sampling
        raw = isinstance(prompt, str)
        text = prompt if isinstance(prompt, str) else "".join(message.content for message in prompt)
        return [0] * (raw and special) + [ord(character) for character in text]

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """The characters with these code points."""
        if any(token >= 0xD800 for token in tokens):
            raise ParameterRefusedError("tokens", "its tokens are 0 to 55295")
        return "".join(map(chr, tokens))

    def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        """The same, one by one."""
        return [chr(token).encode() for token in tokens]

    def tokenizer_info(self) -> dict[str, str | None]:
        """Made-up names."""
        return {"tokenizer_class": "Scripted", "eos_token": "<end>"}

    async def load_lora(self, name: str, path: str, *, in_place: bool = False) -> None:
        """Serve one more name, with the words of the engines."""
        if name in self.loras and not in_place:
            raise LoraRefusedError(f"The lora adapter {name!r} has already been loaded.")
        self.loras[name] = ServedLora(path, "scripted")
        self.models = ("scripted", *self.loras)

    async def unload_lora(self, name: str) -> None:
        """Serve one name less."""
        if self.loras.pop(name, None) is None:
            raise LoraRefusedError(f"The lora adapter {name!r} cannot be found.", "lora_not_found")
        self.models = ("scripted", *self.loras)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """A token for each word."""
        return sum(len(message.content.split()) for message in messages)

    def stats(self) -> EngineStats:
        """Made-up counts."""
        return EngineStats(waiting=1, running=2, kv_pages_used=3, kv_pages_total=4)
