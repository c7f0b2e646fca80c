"""What adding and taking back a reaction does."""

from .models import Message, User
from .payloads import emoji_json, member_json
from .state import World


def add_reaction(world: World, message: Message, user: User, emoji: str) -> None:
    """Put a reaction under a message; a second one of the same kind changes nothing."""
    users = message.reactions.setdefault(emoji, set())
    if user.id in users:
        return
    users.add(user.id)
    _announce(world, "MESSAGE_REACTION_ADD", message, user, emoji)


def remove_reaction(world: World, message: Message, user: User, emoji: str) -> None:
    """Take a reaction back; one that is not there changes nothing."""
    users = message.reactions.get(emoji, set())
    if user.id not in users:
        return
    users.discard(user.id)
    if not users:
        del message.reactions[emoji]
    _announce(world, "MESSAGE_REACTION_REMOVE", message, user, emoji)


def _announce(world: World, name: str, message: Message, user: User, emoji: str) -> None:
    guild = message.channel.guild
    data = {
        "user_id": str(user.id),
        "channel_id": str(message.channel.id),
        "message_id": str(message.id),
        "message_author_id": str(message.author.id),
        "emoji": emoji_json(emoji),
        "burst": False,
        "type": 0,
    }
    if guild is not None:
        data["guild_id"] = str(guild.id)
        if name.endswith("ADD") and user.id in guild.members:
            data["member"] = member_json(guild.members[user.id])
    world.emit(name, data, message.channel)
