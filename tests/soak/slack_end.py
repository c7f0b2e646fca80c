"""The fake Slack as a far end: some workspaces with a few channels each, and the app in all of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Self

from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator

from glados_bots.store.connection import Client
from glados_bots.store.store import Store
from glados_slack.connection.budgets import MINUTE_S, budget
from glados_slack.connection.installation_store import Installations
from tests.fakes.slack import FakeSlack, Message, MessageRecord
from tests.servers import free_port
from tests.soak.chats import CHANNELS, PEOPLE, ChatEnd
from tests.soak.far_ends import busiest
from tests.soak.questions import NOWHERE, Misdeeds, Question, Where

NEARLY = 0.95  # a limit that is used so far makes somebody wait


class SlackEnd(ChatEnd[Message]):
    """Some workspaces with a few channels each, and the app in all of them.

    Slack counts calls by workspace: at 50 updates a minute, several are needed for many answers.
    """

    name = "slack"
    in_order = False  # what was not acknowledged is delivered again a minute later, below newer ones

    def __init__(self, workspaces: int = 1) -> None:
        super().__init__()
        self.fake = FakeSlack()
        self._key = Fernet.generate_key().decode()
        self._teams = [self.fake.team]
        for number in range(1, workspaces):
            self._teams.append(self.fake.add_team(f"Aperture {number}"))
            self._teams[-1].install()
        self._bots = [team.bot for team in self._teams]

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        self._people = [[team.add_user(f"person{number}") for number in range(PEOPLE)] for team in self._teams]
        self._channels = [[team.add_channel(f"room{number}") for number in range(CHANNELS)] for team in self._teams]
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.fake.__aexit__(None, None, None)

    async def prepare(self, store: Client) -> None:
        """Install the app in every workspace, as its page would have done."""
        own, place = self.fake.settings, Store(store, "slack", ttl=3600, max_exchanges=10)
        rotator = AsyncTokenRotator(client_id=own.client_id, client_secret=own.client_secret)
        installations = Installations(place, [Fernet(self._key)], rotator)
        for team in self._teams:
            installed = Installation(
                app_id=self.fake.app.id, team_id=team.id, bot_token=team.new_token(), bot_id=team.bot.bot_id,
                bot_user_id=team.bot.id, user_id=team.bot.id, bot_scopes=sorted(team.installation.scopes),
            )  # fmt: skip
            await installations.async_save(installed)

    def envs(self, replicas: int) -> list[dict[str, str]]:
        """Settings of `glados slack`: each process has a port of its own for the page that installs the app."""
        own = self.fake.settings
        common = {
            "GLADOS_SLACK_APP_TOKEN": own.app_token,
            "GLADOS_SLACK_CLIENT_ID": own.client_id,
            "GLADOS_SLACK_CLIENT_SECRET": own.client_secret,
            "GLADOS_SLACK_INSTALLATION_KEYS": self._key,
            "GLADOS_SLACK_API_BASE": own.api_base,
            "GLADOS_SLACK_SIGNING_SECRET": own.signing_secret,
        }
        ports = [free_port() for _ in range(replicas)]
        return [
            {**common, "GLADOS_SLACK_HTTP_PORT": str(port), "GLADOS_SLACK_PUBLIC_URL": f"http://127.0.0.1:{port}"}
            for port in ports
        ]

    async def is_ready(self, replicas: int) -> bool:
        """By sockets."""
        return len(self.fake.sockets.connections) >= replicas

    def _is_open(self, root: Message) -> bool:
        del root  # anybody may write in a thread of Slack at once
        return True

    def _team(self, question: Question) -> int:
        return question.thread % len(self._teams)

    def _bot(self, question: Question) -> str:
        return self._bots[self._team(question)].mention

    async def _begin(self, question: Question) -> Message:
        team = self._team(question)
        channel = self._channels[team][question.thread // len(self._teams) % CHANNELS]
        return await self._people[team][question.number % PEOPLE].say(channel, self._text(question))

    async def _reply(self, root: Message, question: Question) -> Message:
        team = self._team(question)
        return await self._people[team][question.number % PEOPLE].say(root.channel, self._text(question), thread=root)

    def _standing(self) -> Iterator[tuple[Where, MessageRecord]]:
        threads = {(root.channel.id, root.ts): where for where, root in self._places()}
        bots = {id(bot) for bot in self._bots}
        for record in self.fake.ledger.messages.values():
            if record.deleted_at is None and id(record.author) in bots:
                yield threads.get((record.channel_id, record.thread_ts or ""), NOWHERE), record

    def _ever(self) -> Iterable[MessageRecord]:
        return self.fake.ledger.messages.values()

    def misdeeds(self) -> Misdeeds:
        """By the ledger."""
        ledger, bots = self.fake.ledger, {bot.id for bot in self._bots}
        refused = [f"{one.method} ({one.limited_by})" for one in ledger.rate_limited if one.limited_by != "scripted"]
        pings = [f"{one.kind} {one.target}" for one in ledger.pings if one.author_id in bots]
        left = [f"session {key}" for key, states in ledger.sessions.items() if states[-1] == "processing"]
        lines = {(one.channel_id, one.thread_ts): one for one in ledger.statuses}
        stand = (one for key, one in lines.items() if one.text and ledger.status(*key, now=self.now()))
        left += [f"status {one.text!r} in {one.thread_ts}" for one in stand]
        return Misdeeds(refused, pings, left)

    def _delivered(self, message: Message) -> list[str]:
        about = f"{message.channel.id}:{message.ts}"
        return [
            f"{one.time:.3f} {one.event_id} {one.name} attempt {one.attempt}: {one.outcome}"
            for one in self.fake.ledger.deliveries
            if one.about == about
        ]

    def given_up(self) -> int:
        """After its last try."""
        return len(self.fake.delivery.lost)

    def is_busy(self) -> bool:
        """Events that are to be delivered (again)."""
        return bool(self.fake.delivery.pending)

    def now(self) -> float:
        """The fake's clock."""
        return self.fake.clock.now()

    def full(self) -> list[str]:
        """Methods called as often in some minute as Slack's tier allows; the adapter keeps to it by itself."""
        times = defaultdict[tuple[str, str], list[float]](list)
        for request in self.fake.ledger.requests:
            times[request.method, request.team_id].append(request.time)
        most = dict[str, int]()
        for (method, _), found in times.items():
            most[method] = max(most.get(method, 0), busiest(found, MINUTE_S))
        allowed = {method: budget("", method).limit for method in most}
        return [
            f"{method} {count} of {allowed[method]} a minute"
            for method, count in sorted(most.items())
            if count >= NEARLY * allowed[method] and method.startswith(("chat.", "agents.", "conversations."))
        ]
