"""What the tests of the fake Slack have in common: a channel, a person, a client, and an app that listens."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import Channel, FakeSlack, Person, RecordingApp, connected, running


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as server:
        yield server


@pytest.fixture
def channel(fake: FakeSlack) -> Channel:
    return fake.add_channel("general")


@pytest.fixture
def ada(fake: FakeSlack, channel: Channel) -> Person:
    """A member of the channel."""
    assert channel.team is fake.team
    return fake.add_user("ada")


@pytest.fixture
def client(fake: FakeSlack) -> AsyncWebClient:
    with connected(fake.settings) as connection:
        return connection


@pytest.fixture
async def app(fake: FakeSlack, ada: Person) -> AsyncIterator[RecordingApp]:
    """An app that is connected, and acknowledges every event."""
    assert ada.id in fake.world.users
    async with running(fake) as recording:
        yield recording


def error_of(failure: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(failure.value.response["error"])
