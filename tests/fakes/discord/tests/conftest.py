"""What the tests of the fake Discord have in common: a guild with a channel, a person, and a client that listens.

discord.py still imports `audioop`, which warns on Python 3.11 and 3.12; warnings are errors in this suite.
"""

import warnings
from collections.abc import AsyncIterator

import pytest

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    from tests.fakes.discord import Channel, FakeDiscord, FakeGuild, Person, RecordingClient, running


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.fixture
def guild(fake: FakeDiscord) -> FakeGuild:
    return fake.add_guild()


@pytest.fixture
def channel(guild: FakeGuild) -> Channel:
    return guild.add_text_channel("general")


@pytest.fixture
def ada(fake: FakeDiscord, channel: Channel) -> Person:
    """A member of the guild."""
    assert channel.guild is not None
    return fake.add_user("ada")


@pytest.fixture
async def bot(fake: FakeDiscord, ada: Person) -> AsyncIterator[RecordingClient]:
    """A client that is ready, and was told of the guild and its channel."""
    assert ada.id in fake.world.users
    async with running(fake) as client:
        yield client
