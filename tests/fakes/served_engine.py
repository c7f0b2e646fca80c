"""`glados serve` with a scripted engine, as a process of its own: `-m tests.fakes.served_engine CASE PORT GRACE`.

Cases: `endless` says a word whenever it is read; `slow_load` loads for ever in a thread; `bad_load` cannot load;
`dies` is dead from its first question on; `dies_idle` dies without having been asked; `counted` says the number
of its question.
"""

import asyncio
import logging
import re
import sys
import time
from collections.abc import AsyncGenerator, Sequence

from glados_bots.conversation import Message
from glados_bots.errors import ConfigError, EngineDeadError, GladosError
from glados_bots.inference.api.server import serve
from glados_bots.inference.settings import ServeSettings
from glados_bots.wire.events import Delta, Event, Finished, Sampling
from tests.fakes.engine import ScriptedEngine

PAUSE_S = 0.02


class EndlessEngine(ScriptedEngine):
    """Goes on talking until it is cancelled, or for as many words as the question says."""

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """A word each hundredth of a second."""
        del model, sampling, caller
        words = int(messages[-1].content)
        while words:
            yield Delta("word ")
            await asyncio.sleep(0.01)
            words -= 1
        async for event in super().generate("scripted", messages, Sampling()):
            yield event


class CountedEngine(ScriptedEngine):
    """Answers `question 17.0` with words that say so from the first to the last; for soaks, which count them.

    The last number is the question, and how often it was edited; adapters put what stands above it in the thread before
    it.
    """

    context_length = 8192

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """A word each PAUSE_S. The end tells a whole answer from a part of one."""
        del model, sampling, caller
        numbers = re.findall(r"question (\d+\.\d+)", messages[-1].content)[-1:]
        script = [f"answer {number}" for number in numbers] + ["word"] * 6 + [f"end {number}" for number in numbers]
        for word in script:
            yield Delta(f"{word}, ")
            await asyncio.sleep(PAUSE_S)
        yield Finished("stop", self.count_tokens(messages), 0, len(script))


class SlowEngine(ScriptedEngine):
    """Loads in a thread that cannot be cancelled."""

    async def start(self) -> None:
        """Never ends."""
        await asyncio.to_thread(time.sleep, 3600)


class MortalEngine(ScriptedEngine):
    """Dies a moment after it was loaded."""

    async def start(self) -> None:
        """Load, and die soon."""
        asyncio.get_running_loop().call_later(0.3, self._die)

    def _die(self) -> None:
        self.fatal = "its thread has ended"


def _engine(case: str) -> ScriptedEngine:
    engines = {"endless": EndlessEngine, "slow_load": SlowEngine, "dies_idle": MortalEngine, "counted": CountedEngine}
    engine = engines.get(case, ScriptedEngine)()
    if case == "bad_load":
        engine.load_error = ConfigError("GLADOS_MODEL: no such model")
    if case == "dies":
        engine.script = (EngineDeadError("out of memory for good"),)
    return engine


def main() -> None:
    """Serve, and end as the command line does."""
    logging.basicConfig(level="INFO", format="%(levelname)s %(name)s: %(message)s")
    case, port, grace_s = sys.argv[1:]
    try:
        given = {"serve_port": port, "api_key": "s3cret-key", "grace": grace_s}
        serve(_engine(case), ServeSettings.model_validate(given))
    except GladosError as error:
        sys.exit(f"glados: {error}")


if __name__ == "__main__":
    main()
