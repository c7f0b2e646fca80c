"""Where people are: the fake Discord and the fake Slack, asked and read in the same words."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from glados_slack.budgets import MINUTE_S, budget
from tests.fakes.discord import Channel as DiscordChannel
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord import Message as DiscordMessage
from tests.fakes.slack import FakeSlack
from tests.fakes.slack import Message as SlackMessage

NUMBER = re.compile(r"answer (\d+)")
END = re.compile(r"end (\d+),")
CHANNELS = 10
PEOPLE = 5
NEARLY = 0.95  # a limit that is used so far makes somebody wait


@dataclass(frozen=True)
class Seen:
    """One message of the bot, as it stands.

    Attributes:
        thread: number of the thread it stands in; None when it stands in none that was asked in.
        numbers: questions whose answer it has words of.
        text: all of it.
        order: its place among the messages of its thread.
        words_at: when its first words of an answer were seen, in seconds of the far end's clock; None for none.
        done_at: when it looked as it does now.
    """

    thread: int | None
    numbers: tuple[int, ...]
    text: str
    order: int
    words_at: float | None
    done_at: float

    def is_whole(self, number: int) -> bool:
        """Whether it ends an answer to this question."""
        return f"end {number}," in self.text


class FarEnd(Protocol):
    """A platform with its people."""

    name: str

    async def __aenter__(self) -> Self:
        """Open it."""

    async def __aexit__(self, *args: object) -> None:
        """Close it."""

    def env(self) -> dict[str, str]:
        """Settings of its adapter."""

    def connections(self) -> int:
        """Connections that adapters hold to get events."""

    def has_thread(self, thread: int) -> bool:
        """Whether more can be asked in a thread: on Discord, the bot opens it."""

    async def ask(self, thread: int, number: int) -> None:
        """Somebody mentions the bot; the first time, the thread begins."""

    def whole(self, thread: int) -> set[int]:
        """Questions whose whole answer stands in a thread."""

    def seen(self) -> Iterator[Seen]:
        """Everything of the bot that stands."""

    def now(self) -> float:
        """The far end's clock."""

    def full(self) -> list[str]:
        """Which limits of the platform were used up, as sentences; there, answers wait for nothing else."""


class DiscordEnd:
    """A guild with a few channels; each thread begins with a mention in one of them."""

    name = "discord"

    def __init__(self) -> None:
        self.fake = FakeDiscord()
        self._firsts: dict[int, DiscordMessage] = {}

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        guild = self.fake.add_guild()
        self._people = [self.fake.add_user(f"person{number}") for number in range(PEOPLE)]
        self._channels = [guild.add_text_channel(f"room{number}") for number in range(CHANNELS)]
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.fake.__aexit__(None, None, None)

    def env(self) -> dict[str, str]:
        """Settings of `glados discord`."""
        return {
            "GLADOS_DISCORD_TOKEN": self.fake.token,
            "GLADOS_DISCORD_API_BASE": self.fake.settings.api_base,
            "GLADOS_DISCORD_GATEWAY_URL": self.fake.settings.gateway_url,
            "GLADOS_DISCORD_CATCH_UP_MESSAGES": "10000",
        }

    def connections(self) -> int:
        """Sessions on the gateway."""
        return len(self.fake.gateway.sessions)

    def has_thread(self, thread: int) -> bool:
        """Whether the bot has opened it."""
        return self._thread(thread) is not None

    def _thread(self, thread: int) -> DiscordChannel | None:
        return self._firsts[thread].thread if thread in self._firsts else None

    async def ask(self, thread: int, number: int) -> None:
        """Mention the bot."""
        person = self._people[number % PEOPLE]
        text = f"{self.fake.bot.mention} question {number}"
        if thread in self._firsts:
            place = self._thread(thread)
            assert place is not None
            await person.say(place, text)
        else:
            self._firsts[thread] = await person.say(self._channels[thread % CHANNELS], text)

    def whole(self, thread: int) -> set[int]:
        """By the ends of answers."""
        place = self._thread(thread)
        return _ends(record.content for record in self.fake.answers(place)) if place else set()

    def seen(self) -> Iterator[Seen]:
        """Messages of the bot."""
        threads = {first.thread.id: number for number, first in self._firsts.items() if first.thread}
        for order, record in enumerate(self.fake.answers()):
            revisions = [(revision.time, revision.content) for revision in record.revisions]
            yield _seen(threads.get(record.channel_id), record.content, order, revisions)

    def now(self) -> float:
        """The fake's clock."""
        return self.fake.clock.now()

    def full(self) -> list[str]:
        """Not counted: its limits last seconds."""
        return []


class SlackEnd:
    """A workspace with a few channels; each thread begins with a mention in one of them."""

    name = "slack"

    def __init__(self) -> None:
        self.fake = FakeSlack()
        self._firsts: dict[int, SlackMessage] = {}

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        self.fake.rate_limits.loosen()  # one message a second and channel would be all that is measured
        self._people = [self.fake.add_user(f"person{number}") for number in range(PEOPLE)]
        self._channels = [self.fake.add_channel(f"room{number}") for number in range(CHANNELS)]
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.fake.__aexit__(None, None, None)

    def env(self) -> dict[str, str]:
        """Settings of `glados slack`."""
        own = self.fake.settings
        return {
            "GLADOS_SLACK_BOT_TOKEN": own.bot_token,
            "GLADOS_SLACK_APP_TOKEN": own.app_token,
            "GLADOS_SLACK_SIGNING_SECRET": own.signing_secret,
            "GLADOS_SLACK_API_BASE": own.api_base,
        }

    def connections(self) -> int:
        """Sockets."""
        return len(self.fake.sockets.connections)

    def has_thread(self, thread: int) -> bool:
        """Anybody may write in a thread of Slack at once."""
        return thread in self._firsts

    async def ask(self, thread: int, number: int) -> None:
        """Mention the bot."""
        person = self._people[number % PEOPLE]
        text = f"{self.fake.bot.mention} question {number}"
        if thread in self._firsts:
            first = self._firsts[thread]
            await person.say(first.channel, text, thread=first)
        else:
            self._firsts[thread] = await person.say(self._channels[thread % CHANNELS], text)

    def whole(self, thread: int) -> set[int]:
        """By the ends of answers."""
        first = self._firsts.get(thread)
        return _ends(record.content for record in self.fake.answers(thread=first)) if first else set()

    def seen(self) -> Iterator[Seen]:
        """Messages of the bot."""
        threads = {(first.channel.id, first.ts): number for number, first in self._firsts.items()}
        for order, record in enumerate(self.fake.answers()):
            revisions = [(revision.time, revision.content) for revision in record.revisions]
            thread = threads.get((record.channel_id, record.thread_ts or ""))
            yield _seen(thread, record.content, order, revisions)

    def now(self) -> float:
        """The fake's clock."""
        return self.fake.clock.now()

    def full(self) -> list[str]:
        """Methods called as often in some minute as Slack's tier allows; the adapter keeps to it by itself."""
        times = defaultdict[str, list[float]](list)
        for request in self.fake.ledger.requests:
            times[request.method].append(request.time)
        counts = {method: busiest(found, MINUTE_S) for method, found in sorted(times.items())}
        allowed = {method: budget("", method).limit for method in counts}
        return [
            f"{method} {count} of {allowed[method]} a minute"
            for method, count in counts.items()
            if count >= NEARLY * allowed[method] and method.startswith(("chat.", "agents.", "conversations."))
        ]


def busiest(times: Sequence[float], period_s: float) -> int:
    """Most that happened within any period of this length; times in order."""
    first = most = 0
    for last, time in enumerate(times):
        while time - times[first] >= period_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def _ends(texts: Iterable[str]) -> set[int]:
    return {int(number) for text in texts for number in END.findall(text)}


def _seen(thread: int | None, text: str, order: int, revisions: list[tuple[float, str]]) -> Seen:
    words_at = next((time for time, content in revisions if NUMBER.search(content)), None)
    numbers = tuple(sorted({int(number) for number in NUMBER.findall(text)}))
    whole = [time for time, content in revisions if all(f"end {number}," in content for number in numbers)]
    return Seen(thread, numbers, text, order, words_at, whole[0] if whole else revisions[-1][0])


FAR_ENDS: dict[str, type[DiscordEnd] | type[SlackEnd]] = {"discord": DiscordEnd, "slack": SlackEnd}
