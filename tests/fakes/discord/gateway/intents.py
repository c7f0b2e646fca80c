"""Gateway intents: which events a session has asked for."""

from enum import IntFlag


class Intent(IntFlag):
    """Bits of IDENTIFY (values: Discord's documentation, "Gateway Intents"); others are kept and mean nothing here."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
NO_INTENT = Intent(0)

# The bit an event needs: in a guild, in a direct conversation.
_BY_PREFIX: list[tuple[str, Intent, Intent]] = [
    ("MESSAGE_REACTION_", Intent.GUILD_MESSAGE_REACTIONS, Intent.DIRECT_MESSAGE_REACTIONS),
    ("MESSAGE_", Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES),
    ("TYPING_", Intent.GUILD_MESSAGE_TYPING, Intent.DIRECT_MESSAGE_TYPING),
    ("GUILD_MEMBER_", Intent.GUILD_MEMBERS, Intent.GUILD_MEMBERS),
    ("GUILD_", Intent.GUILDS, Intent.GUILDS),
    ("CHANNEL_", Intent.GUILDS, Intent.GUILDS),
    ("THREAD_", Intent.GUILDS, Intent.GUILDS),
]


def needed_intent(event_name: str, *, in_guild: bool) -> Intent:
    """The intent without which the event is not sent; none for interactions and the like."""
    for prefix, guild_bit, direct_bit in _BY_PREFIX:
        if event_name.startswith(prefix):
            return guild_bit if in_guild else direct_bit
    return NO_INTENT
