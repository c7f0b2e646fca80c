"""A fake Slack: Web API, Socket Mode and signed HTTP events on loopback, with a ledger of what users saw.

Faithful enough for the real slack_bolt and slack_sdk, which connect to it unpatched: their only setting is
`AsyncWebClient(base_url=fake.settings.api_base)`. `python -m tests.fakes.slack` starts it for a developer to chat
with a bot.

    async with FakeSlack() as fake:
        channel = fake.add_channel("general")
        ada = fake.add_user("ada")
        async with running(fake, my_bolt_app):
            question = await ada.say(channel, f"{fake.bot.mention} hi")
            await fake.wait_for(lambda: fake.answers(thread=question))
        assert not fake.ledger.pings and not fake.ledger.unfinished

- `fake.settings`: api_base, bot_token, app_token, signing_secret, client_id, client_secret.
- `fake.team` is a `Workspace` (add_user, add_bot, add_channel, add_group, share, install, uninstall, new_token);
  `fake.add_team` makes further ones. `fake.app` is what the developer has set: scopes, events, `agent`, commands
  (`app.apply_manifest` takes them from a manifest).
- A `Person` can say, dm, edit, delete, react, unreact, share, paste_table, pin, unpin, me, alert (bots), stop,
  run (a slash command), click, shortcut, submit, close, open_home, open_assistant, look_at. Verbs return before the app
  has answered: an `Interaction` tells when it is_done.
- `fake.clock.advance(seconds)` ends streams, tickets, tokens, triggers, and lets retries happen; `fake.settled()` waits
  until every event was handled.
- `fake.faults.add(method=…)`, `fake.rate_limits`, `fake.sockets` (drop, disconnect, disable, …), `fake.delivery` (hold,
  release, repeat) and `fake.http` (HTTP mode, forged requests) make trouble.
- `fake.world.telling`: what events leave out at times, or tell twice.
- `fake.ledger`: messages by revision, `of`, `by`, `transcript`, pings, unfurls, requests, statuses, prompts, failures.
"""

from tests.fakes.common.limits import Limit

from .api.faults import Fault
from .client import RecordingApp, connected, running
from .delivery.delivery import Answer
from .delivery.http_events import AppAnswer
from .delivery.interactions import Interaction
from .people import Person
from .server import ConnectSettings, FakeSlack
from .teams import Workspace
from .world.apps import App, Installation
from .world.errors import ApiError
from .world.ledger import DeliveryRecord, Failure, Ledger, MessageRecord, Ping, RequestRecord, Revision, Unfurl
from .world.models import Channel, File, JsonObject, Message, Team, User, View

__all__ = [
    "Answer",
    "ApiError",
    "App",
    "AppAnswer",
    "Channel",
    "ConnectSettings",
    "DeliveryRecord",
    "Failure",
    "FakeSlack",
    "Fault",
    "File",
    "Installation",
    "Interaction",
    "JsonObject",
    "Ledger",
    "Limit",
    "Message",
    "MessageRecord",
    "Person",
    "Ping",
    "RecordingApp",
    "RequestRecord",
    "Revision",
    "Team",
    "Unfurl",
    "User",
    "View",
    "Workspace",
    "connected",
    "running",
]
