"""A guild as tests build and change it: channels, roles, members, overwrites, and the bot's leaving."""

from dataclasses import dataclass, field

from .models import Channel, ChannelType, Guild, Member, Overwrite, Role, User
from .payloads import channel_json, guild_json, member_json, role_json, user_json
from .permissions import NONE, Permission
from .state import World


@dataclass(eq=False)
class FakeGuild(Guild):
    """A guild whose changes are dispatched as Discord would dispatch them."""

    world: World = field(kw_only=True, repr=False)

    def add_text_channel(self, name: str) -> Channel:
        """A channel for messages."""
        return self._add_channel(name, ChannelType.TEXT)

    def add_announcement_channel(self, name: str) -> Channel:
        """A channel for announcements."""
        return self._add_channel(name, ChannelType.ANNOUNCEMENT)

    def add_voice_channel(self, name: str) -> Channel:
        """A voice channel; it has a text chat, but no threads."""
        return self._add_channel(name, ChannelType.VOICE)

    def add_forum(self, name: str) -> Channel:
        """A channel in which every conversation is a thread."""
        return self._add_channel(name, ChannelType.FORUM)

    def _add_channel(self, name: str, kind: ChannelType) -> Channel:
        channel = Channel(self.world.clock.snowflake(), kind, name, self)
        self.channels[channel.id] = self.world.channels[channel.id] = channel
        self.world.emit("CHANNEL_CREATE", channel_json(channel, self.world), channel)
        return channel

    def delete_channel(self, channel: Channel) -> None:
        """Take a channel away, with its threads."""
        self.world.emit("CHANNEL_DELETE", channel_json(channel, self.world), channel)
        below = [thread for thread in self.threads.values() if thread.parent is channel]
        for gone in [channel, *below]:
            self.world.channels.pop(gone.id)
            self.threads.pop(gone.id, None)
        del self.channels[channel.id]

    def overwrite(
        self, channel: Channel, target: Role | User, *, allow: Permission = NONE, deny: Permission = NONE
    ) -> None:
        """Allow or deny a role or a user something in one channel; replaces what was set for them."""
        channel.overwrites[target.id] = Overwrite(allow, deny, is_member=isinstance(target, User))
        # Sent even to a bot that does not see the channel any more, as Discord does.
        self.world.emit("CHANNEL_UPDATE", channel_json(channel, self.world), guild=self)

    def add_role(self, name: str, permissions: Permission = NONE, *, mentionable: bool = False) -> Role:
        """A role."""
        role = Role(self.world.clock.snowflake(), name, permissions, mentionable)
        self.roles[role.id] = role
        self.world.emit("GUILD_ROLE_CREATE", {"guild_id": str(self.id), "role": role_json(role)}, guild=self)
        return role

    def set_permissions(self, role: Role, permissions: Permission) -> None:
        """Change what a role allows. `guild.everyone` and `guild.bot_role` are roles too."""
        role.permissions = permissions
        self.world.emit("GUILD_ROLE_UPDATE", {"guild_id": str(self.id), "role": role_json(role)}, guild=self)

    @property
    def everyone(self) -> Role:
        """The role that every member has."""
        return self.roles[self.id]

    @property
    def bot_role(self) -> Role:
        """The role that Discord made for the bot when it was invited."""
        return next(role for role in self.roles.values() if role.managed_by == self.world.bot.id)

    def add_member(self, user: User, *roles: Role, nick: str | None = None) -> Member:
        """Let a user in, or change the roles and nickname of one who is."""
        is_new = user.id not in self.members
        member = Member(user, self.world.clock.now(), [role.id for role in roles], nick)
        self.members[user.id] = member
        name = "GUILD_MEMBER_ADD" if is_new else "GUILD_MEMBER_UPDATE"
        self.world.emit(name, member_json(member) | {"guild_id": str(self.id)}, guild=self)
        return member

    def time_out(self, user: User, seconds: float) -> None:
        """Silence a member."""
        member = self.members[user.id]
        member.timed_out_until = self.world.clock.now() + seconds
        self.world.emit("GUILD_MEMBER_UPDATE", member_json(member) | {"guild_id": str(self.id)}, guild=self)

    def kick(self, user: User) -> None:
        """Throw a member out; the bot learns of its own removal by GUILD_DELETE."""
        del self.members[user.id]
        if user is self.world.bot:
            self.world.emit("GUILD_DELETE", {"id": str(self.id)}, guild=self)
        else:
            gone = {"guild_id": str(self.id), "user": user_json(user)}
            self.world.emit("GUILD_MEMBER_REMOVE", gone, guild=self)

    def invite_bot(self, permissions: Permission = NONE) -> None:
        """Let the bot in, with a role of its own that grants `permissions`."""
        role = Role(self.world.clock.snowflake(), self.world.bot.name, permissions, managed_by=self.world.bot.id)
        self.roles[role.id] = role
        self.members[self.world.bot.id] = Member(self.world.bot, self.world.clock.now(), [role.id])
        joined = guild_json(self, self.world, all_members=False)
        # Only a guild that was known before is said to be available (again).
        del joined["unavailable"]
        self.world.emit("GUILD_CREATE", joined, guild=self)

    def set_locale(self, locale: str) -> None:
        """Choose the server's language, which makes it a Community server."""
        self.is_community, self.preferred_locale = True, locale
        changed = guild_json(self, self.world, all_members=False)
        for name in ("channels", "threads", "members", "member_count", "large", "unavailable"):
            del changed[name]  # only GUILD_CREATE has them
        self.world.emit("GUILD_UPDATE", changed, guild=self)

    def set_unavailable(self, *, unavailable: bool) -> None:
        """Begin or end an outage of this guild."""
        self.unavailable = unavailable
        if unavailable:
            self.world.emit("GUILD_DELETE", {"id": str(self.id), "unavailable": True}, guild=self)
        else:
            self.world.emit("GUILD_CREATE", guild_json(self, self.world, all_members=False), guild=self)
