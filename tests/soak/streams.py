"""Many answers at once in a few channels with Discord's real limits: does each get its share, and its end first?"""

import asyncio
import itertools
import random
import re
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from glados_bots.conversation import Message
from glados_bots.inference.api.app import create_app
from glados_bots.settings import Settings
from glados_bots.wire.events import Delta, Event, Finished, Sampling
from glados_discord.run import Bot
from glados_discord.settings import DiscordSettings
from tests.fakes.discord import FakeDiscord, MessageRecord
from tests.fakes.engine import ScriptedEngine
from tests.servers import running

LONGEST_S = 180.0


@dataclass(frozen=True)
class Stream:
    """One answer as it was seen. Times are seconds of the wall clock.

    Attributes:
        channel: where it stands.
        asked_at: when the question was.
        ended_at: when the model said its last word.
        shown: (time, text) of each look of its message.
    """

    channel: int
    asked_at: float
    ended_at: float
    shown: tuple[tuple[float, str], ...]

    @property
    def final_at(self) -> float:
        """When the whole answer was first seen."""
        return next(at for at, text in self.shown if "end," in text)

    @property
    def final_s(self) -> float:
        """From the last word of the model to the whole answer."""
        return self.final_at - self.ended_at

    @property
    def longest_gap_s(self) -> float:
        """The longest time nothing new was seen of it while the model spoke."""
        times = [at for at, _ in self.shown if at <= self.ended_at] + [self.ended_at]
        return max(after - before for before, after in itertools.pairwise(times))


@dataclass(frozen=True)
class Outcome:
    """All streams, and the calls that were too many."""

    streams: tuple[Stream, ...]
    refused: tuple[str, ...]

    def overtaken(self, stream: Stream) -> int:
        """How many ordinary edits of other streams the channel took between a stream's last word and its end."""
        others = [other for other in self.streams if other is not stream and other.channel == stream.channel]
        return sum(
            stream.ended_at < at < stream.final_at and at < other.ended_at for other in others for at, _ in other.shown
        )


class TalkingEngine(ScriptedEngine):
    """Says a word now and then, for as long as each question asks; notes when it said its last."""

    def __init__(self, word_s: float) -> None:
        super().__init__()
        self._word_s = word_s
        self.ended_at: dict[int, float] = {}

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """`talk 7 30`: number seven, thirty words."""
        del model, sampling, caller
        found = re.search(r"talk (\d+) (\d+)", messages[-1].content)
        assert found
        number, words = int(found[1]), int(found[2])
        yield Delta(f"talk {number}: ")
        for word in range(words):
            await asyncio.sleep(self._word_s)
            yield Delta(f"word{word}, ")
        self.ended_at[number] = time.time()
        yield Delta("end,")
        yield Finished("stop", 9, 0, words)


async def many_streams(
    redis_url: str, *, streams: int, channels: int, words: tuple[int, int], word_s: float, in_threads: bool = False
) -> Outcome:
    """Ask so many questions at once, in so few channels, and return what people saw."""
    engine, dice = TalkingEngine(word_s), random.Random(streams)  # noqa: S311 - dice
    async with FakeDiscord() as fake, running(create_app(engine)) as url:
        guild = fake.add_guild()
        rooms = [guild.add_text_channel(f"room{number}") for number in range(channels)]
        people = [fake.add_user(f"person{number}") for number in range(streams)]
        bot = Bot(
            Settings(_env_file=None, redis_url=redis_url, inference_url=f"{url}/v1", join_window=0),
            DiscordSettings(
                _env_file=None,
                token=fake.token,
                api_base=fake.settings.api_base,
                gateway_url=fake.settings.gateway_url,
                answer_in="thread" if in_threads else "reply",
            ),
        )
        task = asyncio.create_task(bot.run())
        try:
            await fake.wait_for(lambda: bot.current.client and bot.current.client.is_ready(), seconds=60)
            asked_at = {}
            for number in range(streams):
                asked_at[number] = fake.clock.now()
                text = f"{fake.bot.mention} talk {number} {dice.randint(*words)}"
                await people[number].say(rooms[number % channels], text)
            await fake.wait_for(lambda: len(_whole(fake)) >= streams, seconds=LONGEST_S)
        finally:
            bot.stop()
            await task
        found = tuple(
            Stream(record.channel_id, asked_at[number], engine.ended_at[number], _shown(record))
            for number, record in sorted(_whole(fake).items())
        )
        refused = (f"{one.method} {one.path} ({one.limited_by})" for one in fake.ledger.rate_limited)
        return Outcome(found, tuple(refused))


def _whole(fake: FakeDiscord) -> dict[int, MessageRecord]:
    records = [record for record in fake.answers() if "end," in record.content]
    return {int(record.content.split("talk ")[1].split(":")[0]): record for record in records}


def _shown(record: MessageRecord) -> tuple[tuple[float, str], ...]:
    return tuple((revision.time, revision.content) for revision in record.revisions)
