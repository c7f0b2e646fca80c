"""What adding and taking back a reaction does."""

from .errors import ApiError
from .models import Message, User
from .state import World


def react(world: World, message: Message, user: User, name: str) -> None:
    """Put a reaction under a message.

    Raises:
        ApiError: already_reacted.
    """
    users = message.reactions.setdefault(name, [])
    if user.id in users:
        raise ApiError("already_reacted")
    users.append(user.id)
    _announce_reaction(world, "reaction_added", message, user, name)


def unreact(world: World, message: Message, user: User, name: str) -> None:
    """Take a reaction back.

    Raises:
        ApiError: no_reaction.
    """
    users = message.reactions.get(name, [])
    if user.id not in users:
        raise ApiError("no_reaction")
    users.remove(user.id)
    if not users:
        del message.reactions[name]
    _announce_reaction(world, "reaction_removed", message, user, name)


def _announce_reaction(world: World, kind: str, message: Message, user: User, name: str) -> None:
    item = {"type": "message", "channel": message.channel.id, "ts": message.ts}
    event = {"type": kind, "user": user.id, "reaction": name, "item": item, "item_user": message.author.id}
    world.emit(kind, event | {"event_ts": world.clock.timestamp()}, message.channel)
    world.ledger.changed()
