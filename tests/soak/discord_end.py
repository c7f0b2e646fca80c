"""The fake Discord as a far end: a guild with a few channels."""

from collections.abc import Iterable, Iterator
from typing import Self

from glados_bots.store.connection import Client
from tests.fakes.discord import FakeDiscord, Message, MessageRecord, Person
from tests.soak.chats import CHANNELS, PEOPLE, ChatEnd
from tests.soak.questions import NOWHERE, Misdeeds, Question, Where

WRITTEN = (0, 19, 20, 23)  # types of messages that somebody wrote; others are Discord's own


class DiscordEnd(ChatEnd[Message]):
    """A guild with a few channels."""

    name = "discord"
    in_order = True

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeDiscord()

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        guild = self.fake.add_guild()
        self._people = [self.fake.add_user(f"person{number}") for number in range(PEOPLE)]
        self._channels = [guild.add_text_channel(f"room{number}") for number in range(CHANNELS)]
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.fake.__aexit__(None, None, None)

    async def prepare(self, store: Client) -> None:
        """Nothing."""

    def envs(self, replicas: int) -> list[dict[str, str]]:
        """Settings of `glados discord`."""
        own = {
            "GLADOS_DISCORD_TOKEN": self.fake.token,
            "GLADOS_DISCORD_API_BASE": self.fake.settings.api_base,
            "GLADOS_DISCORD_GATEWAY_URL": self.fake.settings.gateway_url,
            "GLADOS_DISCORD_CATCH_UP_MESSAGES": "10000",
        }
        return [own] * replicas

    async def is_ready(self, replicas: int) -> bool:
        """By sessions on the gateway."""
        return len(self.fake.gateway.sessions) >= replicas

    def _is_open(self, root: Message) -> bool:
        return root.thread is not None

    def _bot(self, question: Question) -> str:
        del question
        return self.fake.bot.mention

    async def _begin(self, question: Question) -> Message:
        channel = self._channels[question.thread % CHANNELS]
        return await self._person(question).say(channel, self._text(question))

    async def _reply(self, root: Message, question: Question) -> Message:
        assert root.thread is not None
        return await self._person(question).say(root.thread, self._text(question))

    def _person(self, question: Question) -> Person:
        return self._people[question.number % PEOPLE]

    def _standing(self) -> Iterator[tuple[Where, MessageRecord]]:
        threads = {root.id: where for where, root in self._places()}  # a thread has the id of its first message
        for record in self.fake.answers():
            if self.fake.message(record).type in WRITTEN:
                yield threads.get(record.channel_id, NOWHERE), record

    def _ever(self) -> Iterable[MessageRecord]:
        return self.fake.ledger.messages.values()

    def misdeeds(self) -> Misdeeds:
        """By the ledger."""
        ledger = self.fake.ledger
        refused = [
            f"{one.method} {one.path} ({one.limited_by})" for one in ledger.rate_limited if one.limited_by != "scripted"
        ]
        pings = [f"{one.kind} {one.target}" for one in ledger.pings if one.author_id == self.fake.bot.id]
        return Misdeeds(refused, pings)

    def given_up(self) -> int:
        """The gateway repeats nothing by itself."""
        return 0

    def is_busy(self) -> bool:
        """The gateway delivers at once or not at all."""
        return False

    def now(self) -> float:
        """The fake's clock."""
        return self.fake.clock.now()

    def full(self) -> list[str]:
        """Not counted: its limits last seconds."""
        return []
