"""A fake Discord, a scripted model behind the real service, a real Redis, and the adapter between them."""

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

with warnings.catch_warnings():  # discord.py still imports `audioop`; warnings are errors in this suite
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import discord

from glados_bots.inference.api.app import create_app
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_bots.wire.client import InferenceClient
from glados_bots.wire.events import Delta, Finished
from glados_discord.client import SingleClient
from glados_discord.run import Bot
from glados_discord.settings import DiscordSettings
from tests.fakes.discord import Channel, FakeDiscord, FakeGuild, Message, MessageRecord, Person
from tests.fakes.engine import ScriptedEngine
from tests.servers import running
from tests.waiting import LONGEST_S, until

DONE = Finished("stop", 5, 0, 2)
CORE = {"lease": 1.5, "grace": 5.0, "join_window": 0.0}


@dataclass
class World:
    """Everything a message meets."""

    fake: FakeDiscord
    guild: FakeGuild
    channel: Channel
    ada: Person
    bob: Person
    engine: ScriptedEngine
    redis_url: str
    inference_url: str
    core: dict[str, Any] = field(default_factory=lambda: dict(CORE))

    # --- the adapter -----------------------------------------------------------------------------------------------

    def settings(self, **discord_settings: Any) -> tuple[Settings, DiscordSettings]:
        core: dict[str, Any] = {"redis_url": self.redis_url, "inference_url": self.inference_url, **self.core}
        own: dict[str, Any] = {
            "token": self.fake.token,
            "api_base": self.fake.settings.api_base,
            "gateway_url": self.fake.settings.gateway_url,
            "cdn_hosts": "127.0.0.1",
            **discord_settings,
        }
        return Settings(_env_file=None, **core), DiscordSettings(_env_file=None, **own)

    @asynccontextmanager
    async def bot(self, *, clock: Callable[[], float] = time.time, **discord_settings: Any) -> AsyncIterator[Bot]:
        """The adapter while it runs, connected and told of its servers."""
        bot = Bot(*self.settings(**discord_settings), clock=clock)
        task = asyncio.create_task(bot.run())
        try:
            await until(lambda: task.done() or self._knows(bot))
            if task.done():
                task.result()
            yield bot
        finally:
            bot.stop()
            await task

    def _knows(self, bot: Bot) -> bool:
        client = bot.current.client
        joined = [guild for guild in self.fake.world.guilds.values() if self.fake.bot.id in guild.members]
        return (
            client is not None and len(client.guilds) == len(joined) and all(not g.unavailable for g in client.guilds)
        )

    # --- what people do and see ------------------------------------------------------------------------------------

    async def ask(
        self, text: str = "what is a lemon?", by: Person | None = None, where: Channel | None = None
    ) -> Message:
        """Mention the bot."""
        return await (by or self.ada).say(where or self.channel, f"{self.fake.bot.mention} {text}")

    def thread(self, question: Message) -> Channel:
        assert question.thread is not None
        return question.thread

    def said(self, where: Channel) -> list[str]:
        """Texts of the bot that everybody there sees."""
        return [record.content for record in self.fake.answers(where) if record.visible_to is None]

    def told_to(self, person: Person) -> list[str]:
        """Texts that only this person sees."""
        return [record.content for record in self.fake.answers() if record.visible_to == person.id]

    async def answered(self, question: Message, text: str = "Hello **world**") -> MessageRecord:
        """The finished answer in the thread of a question."""
        await self.until(lambda: question.thread and self.finished(question.thread, text))
        return self.finished(self.thread(question), text)[-1]

    def finished(self, where: Channel, text: str = "Hello **world**") -> list[MessageRecord]:
        return [one for one in self.fake.answers(where) if text in one.content and "Regenerate" in buttons(one)]

    async def until(self, condition: Callable[[], object]) -> None:
        await self.fake.wait_for(condition, seconds=LONGEST_S)

    async def quiet(self, bot: Bot) -> None:
        """Return when nothing waits and nothing is being taken in."""

        async def is_quiet() -> bool:
            if bot.parts.order.pending:
                return False
            waiting, _ = await bot.core.store.load()  # asked after that: what was taken in waits there now
            return not waiting

        await self.told(bot)
        await until(is_quiet)

    async def told(self, bot: Bot) -> None:
        """Return when the adapter has heard of everything that has happened, and the handlers of it have begun."""
        client = bot.current.client
        assert isinstance(client, SingleClient)
        session = self.fake.gateway.sessions[client.ws.session_id or ""]
        await until(lambda: client.ws.sequence == session._sequence)
        await asyncio.sleep(0)  # discord.py made a task for each handler in that step: now each has taken its first

    def hold(self) -> None:
        """The model says nothing until `go_on`."""
        self.engine.gate = asyncio.Semaphore(0)

    def go_on(self, words: int = 1000) -> None:
        """The model says so many more words."""
        for _ in range(words):
            if self.engine.gate:
                self.engine.gate.release()

    def script(self, *words: str) -> None:
        self.engine.script = (*(Delta(word) for word in words), DONE)

    @property
    def prompts(self) -> list[list[str]]:
        """Texts of the user's messages in each prompt."""
        return [[one.content for one in messages if one.role == "user"] for messages, _ in self.engine.asked]


def buttons(record: MessageRecord) -> list[str]:
    """Labels of the buttons a message has now."""
    rows = record.revisions[-1].components
    parts = [part for row in rows for part in row.get("components", [])]
    return [part.get("label") or part["emoji"]["name"] for part in parts]


@asynccontextmanager
async def open_world(redis_url: str) -> AsyncIterator[World]:
    """A world on an empty database."""
    engine = ScriptedEngine()
    before = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    async with FakeDiscord() as fake, running(create_app(engine)) as url:
        guild = fake.add_guild()
        channel = guild.add_text_channel("general")
        inference = InferenceClient(f"{url}/v1")
        await until(inference.ready)
        await inference.aclose()
        yield World(fake, guild, channel, fake.add_user("ada"), fake.add_user("bob"), engine, redis_url, f"{url}/v1")
    discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = before


@pytest.fixture
async def world(client: Client, redis_url: str) -> AsyncIterator[World]:
    del client
    async with open_world(redis_url) as opened:
        yield opened
