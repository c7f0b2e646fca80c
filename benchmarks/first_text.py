"""How long a mention on Discord waits for its first visible text: `python benchmarks/first_text.py`.

It runs the fake Discord, a real Valkey, the real service with a model that needs no time, and `glados discord` as a
separate process. Times are measured on Discord's side, from the message to the first word of its answer. The model's
own time (from the question's arrival in the engine to the first word) is subtracted.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from glados_bots.conversation import Message  # noqa: E402
from glados_bots.inference.api.app import create_app  # noqa: E402
from glados_bots.wire.events import Delta, Event, Sampling  # noqa: E402
from tests.conftest import running_store, store_command  # noqa: E402
from tests.fakes.discord import Channel, FakeDiscord, Person  # noqa: E402
from tests.fakes.engine import ScriptedEngine  # noqa: E402
from tests.servers import running  # noqa: E402

CHANNELS = 5  # Discord lets a bot open few threads in one channel at a time
LONGEST_S = 30.0


@dataclass
class InstantEngine(ScriptedEngine):
    """Answers at once, and records how long that took, in seconds."""

    own_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Set up what the scripted engine needs."""
        super().__init__()

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """Run the script and measure the time to its first word."""
        began, is_first = time.perf_counter(), True
        async for event in super().generate(model, messages, sampling, caller):
            if is_first and isinstance(event, Delta):
                self.own_s.append(time.perf_counter() - began)
                is_first = False
            yield event


@dataclass(frozen=True, slots=True)
class Times:
    """Times of one mention, in ms on Discord's clock: to the placeholder, to the first word, to the end."""

    placeholder: float
    text: float
    end: float


async def measure(count: int) -> tuple[list[Times], list[float]]:
    """Ask `count` questions one after another. Returns (their times, the model's own times in ms)."""
    engine = InstantEngine()
    with tempfile.TemporaryDirectory() as folder, running_store(store_command("valkey", Path(folder))) as redis_url:
        async with FakeDiscord() as fake, running(create_app(engine)) as url, adapter(fake, redis_url, f"{url}/v1"):
            guild, person = fake.add_guild(), fake.add_user("ada")
            channels = [guild.add_text_channel(f"channel-{number}") for number in range(CHANNELS)]
            await fake.wait_for(lambda: fake.gateway.identified, seconds=LONGEST_S, what="for the adapter")
            await ask(fake, person, channels[0])  # the first question also fetches the list of models
            engine.own_s.clear()
            times = [await ask(fake, person, channels[number % CHANNELS]) for number in range(count)]
    return times, [1000 * seconds for seconds in engine.own_s]


async def ask(fake: FakeDiscord, person: Person, channel: Channel) -> Times:
    """Send one mention and wait for its answer."""
    question = await person.say(channel, f"{fake.bot.mention} what is a lemon?")

    def ended() -> bool:
        answers = fake.answers(question.thread) if question.thread else []
        return bool(answers) and "**world**" in answers[0].content and len(answers[0].revisions[-1].components) > 0

    await fake.wait_for(ended, seconds=LONGEST_S)
    if question.thread is None:
        raise RuntimeError("the answer is in no thread")
    seen = fake.answers(question.thread)[0].revisions
    word = next(revision for revision in seen if "Hello" in revision.content)
    moments = (seen[0].time, word.time, seen[-1].time)
    return Times(*(1000 * (moment - question.created_at) for moment in moments))


@contextlib.asynccontextmanager
async def adapter(fake: FakeDiscord, redis_url: str, inference_url: str) -> AsyncIterator[None]:
    """Run `glados discord`, configured only by its environment."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GLADOS_")} | {
        "GLADOS_DISCORD_TOKEN": fake.token,
        "GLADOS_DISCORD_API_BASE": fake.settings.api_base,
        "GLADOS_DISCORD_GATEWAY_URL": fake.settings.gateway_url,
        "GLADOS_REDIS_URL": redis_url,
        "GLADOS_INFERENCE_URL": inference_url,
        "GLADOS_LOG_LEVEL": "warning",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "glados_bots", "discord", env=env, cwd=ROOT)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), LONGEST_S)
        except TimeoutError:
            process.kill()


def report(times: list[Times], own: list[float]) -> None:
    """Print percentiles in ms."""
    model = statistics.median(own)
    print(f"{len(times)} mentions, each in a new thread; the model's own time (median {model:.1f} ms) is subtracted")
    print(f"{'from the mention to':24}{'p50':>8}{'p95':>8}{'max':>8}   ms")
    for name, values in (
        ("the placeholder", [one.placeholder for one in times]),
        ("the first word", [one.text - model for one in times]),
        ("the finished answer", [one.end - model for one in times]),
    ):
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        print(f"{name:24}{statistics.median(ordered):8.0f}{p95:8.0f}{ordered[-1]:8.0f}")
        print(
            f"summary: Discord, from the mention to {name} | p50 {statistics.median(ordered):.0f} ms, p95 {p95:.0f} ms"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="mentions to measure (default: %(default)s)")
    options = parser.parse_args()
    report(*asyncio.run(measure(options.count)))


if __name__ == "__main__":
    main()
