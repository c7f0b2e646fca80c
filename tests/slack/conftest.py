"""The adapter as it runs: slack_bolt and slack_sdk, a fake Slack, a real Valkey, a scripted model."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_bots.wording.sentence import Sentence
from glados_slack.answers.answer import chunk_of
from glados_slack.run import serve as serve_adapter
from glados_slack.settings import SlackSettings
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Message, MessageRecord, Person
from tests.fakes.slack.blocks.render import block_text
from tests.servers import running
from tests.waiting import LONGEST_S, until

MANIFEST = Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml"
Adapter = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine uses."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def model() -> ScriptedModel:
    """Answers at once, until the test closes its gate."""
    scripted = ScriptedModel()
    scripted.gate.set()
    return scripted


@pytest.fixture
async def settings(redis_url: str, model: ScriptedModel) -> AsyncIterator[Settings]:
    """The core's settings, on the empty database and the scripted model."""
    async with running(model.app()) as url:
        yield Settings(redis_url=redis_url, inference_url=f"{url}/v1", grace=1, lease=2, join_window=0)


def open_slack() -> FakeSlack:
    """A workspace with the app of our manifest, and no rate limits; tests of those tighten them."""
    fake = FakeSlack(manifest=yaml.safe_load(MANIFEST.read_text(encoding="utf-8")))
    fake.rate_limits.loosen()
    return fake


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """The workspace, where the adapter mentions nobody and shows no page of a link."""
    async with open_slack() as fake:
        yield fake
        assert fake.ledger.pings == [ping for ping in fake.ledger.pings if ping.author_id != fake.bot.id]
        assert not [unfurl for unfurl in fake.ledger.unfurls if unfurl.author_id == fake.bot.id]


def slack_settings(fake: FakeSlack, **more: Any) -> SlackSettings:
    """Settings for the fake."""
    own = fake.settings
    given = {
        "bot_token": own.bot_token,
        "app_token": own.app_token,
        "signing_secret": own.signing_secret,
        "api_base": own.api_base,
    }
    return SlackSettings(**(given | more))


@asynccontextmanager
async def run_adapter(
    slack: FakeSlack, settings: Settings, *, core: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[None]:
    """Run the adapter while a block lasts; keyword arguments are Slack settings, `core` the core's."""
    told = asyncio.Event()
    chosen = slack_settings(slack, **more)
    before = len(slack.sockets.connections)
    task = asyncio.create_task(serve_adapter(settings.model_copy(update=core or {}), chosen, told))
    try:
        if chosen.mode == "socket":
            await slack.wait_for(
                lambda: task.done() or len(slack.sockets.connections) >= before + chosen.sockets, what="to connect"
            )
        if task.done():
            task.result()
        yield
    finally:
        told.set()
        await task


@pytest.fixture
def adapter(slack: FakeSlack, settings: Settings) -> Adapter:
    """`run_adapter`, on this workspace."""
    return partial(run_adapter, slack, settings)


@pytest.fixture
def channel(slack: FakeSlack) -> Channel:
    return slack.add_channel("general")


@pytest.fixture
def ada(slack: FakeSlack, channel: Channel) -> Person:
    assert channel.team is slack.team
    return slack.add_user("ada")


async def answered(
    slack: FakeSlack, question: Message, count: int = 1, *, ends: bool = True, seconds: float = LONGEST_S
) -> list[MessageRecord]:
    """The bot's messages under a question, once there are so many and none is unfinished. Files do not count.

    Args:
        slack: the fake.
        question: the root of the thread.
        count: how many there must be.
        ends: whether the last one must be the end of an answer, with its buttons.
        seconds: how long that may take.
    """

    def done() -> bool:
        found = without_files(slack, question)
        return len(found) >= count and all(is_complete(one) for one in found) and (not ends or is_end(found[-1]))

    try:
        await slack.wait_for(done, seconds=seconds)
    except TimeoutError:
        said = slack.ledger.transcript(question.channel.id, question.root)
        raise AssertionError(f"never {count} complete messages in:\n{said}") from None
    return without_files(slack, question)


def without_files(slack: FakeSlack, thread: Message) -> list[MessageRecord]:
    """The bot's messages in a thread that are no uploads."""
    return [one for one in slack.answers(thread=thread) if slack.message(one).subtype != "file_share"]


def read(said: Sentence, language: str = "") -> str:
    """A sentence as people read it in a message of the bot."""
    return "\n".join(block_text(block, str) for block in chunk_of(said.in_language(language)).blocks)


async def told(slack: FakeSlack, person: Person, said: Sentence, language: str = "") -> MessageRecord:
    """The message that tells a person something alone or directly, once it stands."""
    text = read(said, language)

    def found() -> list[MessageRecord]:
        theirs = [one for one in slack.answers() if one.visible_to == person.id or _is_direct(slack, one, person)]
        return [one for one in theirs if text in one.content]

    await slack.wait_for(found, what=f"to tell {person.name}: {text}")
    return found()[0]


def _is_direct(slack: FakeSlack, record: MessageRecord, person: Person) -> bool:
    channel = slack.world.channels.get(record.channel_id)
    return channel is not None and channel.is_direct and person.id in channel.members


async def kept(client: Client, count: int) -> None:
    """Return when so many exchanges are kept: an answer is shown a moment before."""

    async def number() -> int:
        return sum([await client.hlen(key) async for key in client.scan_iter("*:exchanges")])

    await until(lambda: _equals(number, count))


async def _equals(number: Callable[[], Awaitable[int]], count: int) -> bool:
    return await number() == count


def labels(record: MessageRecord) -> set[str]:
    """Action ids of what can be pressed under a message."""
    return {
        str(part["action_id"]) for block in record.blocks for part in block.get("elements", []) if "action_id" in part
    }


def is_complete(record: MessageRecord) -> bool:
    """Whether a message is not being written, and does not say that it waits."""
    return not record.is_unfinished and "glados_stop" not in labels(record)


def is_end(record: MessageRecord) -> bool:
    """Whether an answer ends with this message."""
    return "glados_redo" in labels(record)
