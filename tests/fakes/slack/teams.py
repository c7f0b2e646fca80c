"""A workspace of the fake, with its app, its people and its channels."""

from dataclasses import dataclass, field

from .delivery.interactions import Interactions
from .people import Person
from .world.apps import Installation, Tokens
from .world.models import Channel, Team, User
from .world.state import World


@dataclass(eq=False)
class Workspace(Team):
    """A team that a test builds up."""

    world: World = field(kw_only=True, repr=False)
    tokens: Tokens = field(kw_only=True, repr=False)
    interactions: Interactions = field(kw_only=True, repr=False)

    def add_user(self, name: str, *, real_name: str = "", locale: str = "en-US") -> Person:
        """A person, who joins every channel of this workspace there is so far."""
        user = Person(
            self.world.clock.id("U"), name, self, real_name=real_name, locale=locale, world=self.world,
            interactions=self.interactions,
        )  # fmt: skip
        self.world.users[user.id] = user
        for channel in self.world.channels.values():
            if channel.team is self and channel.kind == "channel":
                channel.members.add(user.id)
        return user

    def add_bot(self, name: str) -> Person:
        """Somebody else's bot, which a test lets speak; it joins like a person."""
        user = self.add_user(name)
        user.bot_id, user.app_id = self.world.clock.id("B"), self.world.clock.id("A")
        return user

    def add_channel(self, name: str, *, private: bool = False, with_bot: bool = True) -> Channel:
        """A channel with every person of this workspace and, unless told otherwise, the bot."""
        people = {user.id for user in self.world.users.values() if user.team is self and isinstance(user, Person)}
        kind = "group" if private else "channel"
        channel = Channel(self.world.clock.id("C"), name, kind, self, {self.id}, people)
        self.world.channels[channel.id] = channel
        installation = self.world.installation(self)
        if with_bot and installation is not None:
            channel.members.add(installation.bot.id)
        return channel

    def add_group(self, *people: User) -> Channel:
        """A direct conversation of several people and the bot."""
        members = {user.id for user in people} | {self.bot.id}
        channel = Channel(self.world.clock.id("G"), "mpdm-group", "mpim", self, {self.id}, members)
        self.world.channels[channel.id] = channel
        return channel

    def share(self, channel: Channel, *people: User) -> None:
        """Make a channel one of Slack Connect, by letting in people of other workspaces."""
        for user in people:
            channel.teams.add(user.team.id)
            channel.members.add(user.id)

    def install(self, *, org: bool = False) -> Installation:
        """Install the app here, or (with `org`) in the whole organisation; the bot joins no channel yet."""
        app, clock = self.world.app, self.world.clock
        before = [one for one in self.world.installations if one.team is self]
        # Whoever installs an app again gets the same bot user, but new tokens.
        new = User(clock.id("U"), app.name, self, bot_id=clock.id("B"), app_id=app.id)
        bot = before[-1].bot if before else new
        self.world.users[bot.id] = bot
        enterprise_id = self.enterprise_id if org else None
        installation = Installation(self, bot, set(app.scopes), enterprise_id)
        self.world.installations.append(installation)
        return installation

    @property
    def installation(self) -> Installation:
        """The installation that speaks for this workspace.

        Raises:
            LookupError: The app is not installed here.
        """
        found = self.world.installation(self)
        if found is None:
            raise LookupError(f"The app is not installed in {self.name}")
        return found

    @property
    def bot(self) -> User:
        """The app's bot user here."""
        return self.installation.bot

    def new_token(self) -> str:
        """A bot token for this workspace, as its installation page would show."""
        return str(self.tokens.issue(self.installation)["access_token"])

    def uninstall(self) -> None:
        """A person removes the app: its tokens die, and it is told."""
        installation = self.installation
        self.world.emit(
            "tokens_revoked", {"type": "tokens_revoked", "tokens": {"bot": [installation.bot.id]}}, team=self
        )
        self.world.emit("app_uninstalled", {"type": "app_uninstalled"}, team=self)
        installation.is_live = False
