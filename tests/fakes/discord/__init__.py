"""A fake Discord: gateway and REST v10 on loopback, faithful enough for the real discord.py, with a ledger.

It keeps what a user would see, so that a test can ask what a bot really did. `python -m tests.fakes.discord` starts it
for a developer to chat with a bot.

    async with FakeDiscord() as fake, running(fake, MyClient()):
        channel = fake.add_guild().add_text_channel("general")
        ada = fake.add_user("ada")
        await ada.say(channel, f"{fake.bot.mention} hi")
        await fake.wait_for(lambda: fake.answers())
"""

from tests.fakes.common.limits import Limit

from .client import RecordingClient, connected, running
from .gateway.intents import Intent
from .people import Person
from .rest.faults import Fault
from .server import ConnectSettings, FakeDiscord
from .world.commands import UnknownCommandError
from .world.errors import ApiError
from .world.guilds import FakeGuild
from .world.interactions import Interaction
from .world.ledger import Ledger, MessageRecord, Ping, RequestRecord, Revision, Unfurl
from .world.models import Channel, ChannelType, Message, MessageType, Role, User
from .world.permissions import ALL, EVERYONE_DEFAULT, NONE, Permission

__all__ = [
    "ALL",
    "EVERYONE_DEFAULT",
    "NONE",
    "ApiError",
    "Channel",
    "ChannelType",
    "ConnectSettings",
    "FakeDiscord",
    "FakeGuild",
    "Fault",
    "Intent",
    "Interaction",
    "Ledger",
    "Limit",
    "Message",
    "MessageRecord",
    "MessageType",
    "Permission",
    "Person",
    "Ping",
    "RecordingClient",
    "RequestRecord",
    "Revision",
    "Role",
    "Unfurl",
    "UnknownCommandError",
    "User",
    "connected",
    "running",
]
