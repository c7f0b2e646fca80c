"""Who is notified by a message and which links it previews: `allowed_mentions` as Discord honours them."""

from .content import Mentions, find_links, find_mentions
from .ledger import Ping, Unfurl
from .models import JsonObject, Message, MessageFlag, MessageType, User
from .permissions import Permission
from .state import World


def set_mentions(world: World, message: Message, allowed: JsonObject | None) -> None:
    """Work out whom the text and the reply mention, as far as `allowed` (the body's `allowed_mentions`) lets them."""
    before = message.mentioned_users
    found = _allowed(find_mentions(message.content), allowed)
    channel, guild = message.channel, message.channel.guild
    reachable = channel.recipient_ids if guild is None else guild.members
    message.mentioned_users = [world.users[user_id] for user_id in found.users if user_id in reachable]
    replied = _replied_author(message)
    # A reply pings its author unless the body speaks of allowed mentions without allowing this one; edits keep that.
    pings_replied = replied in before if message.edited_at else allowed is None or allowed.get("replied_user")
    if replied is not None and replied not in message.mentioned_users and pings_replied:
        message.mentioned_users.append(replied)
    may_mention_all = bool(world.permissions(channel, message.author) & Permission.MENTION_EVERYONE)
    message.mentions_everyone = bool(found.everyone) and may_mention_all and guild is not None
    roles = [] if guild is None else [guild.roles[role_id] for role_id in found.roles if role_id in guild.roles]
    message.mentioned_roles = [role for role in roles if role.mentionable or may_mention_all]


def _replied_author(message: Message) -> User | None:
    if message.reference is None or message.type is not MessageType.REPLY:
        return None
    target = message.channel.messages.get(int(message.reference["message_id"]))
    return None if target is None else target.author


def _allowed(found: Mentions, allowed: JsonObject | None) -> Mentions:
    """What is left of the mentions under the body's `allowed_mentions`; all of them if it has none."""
    if allowed is None:
        return found
    kinds = allowed.get("parse", [])
    listed = {kind: {int(one) for one in allowed.get(kind, [])} for kind in ("users", "roles")}
    return Mentions(
        [one for one in found.users if "users" in kinds or one in listed["users"]],
        [one for one in found.roles if "roles" in kinds or one in listed["roles"]],
        found.everyone if "everyone" in kinds else "",
    )


def targets(message: Message) -> list[tuple[str, str]]:
    """Whom the message mentions: kind ("user", "role", "everyone") and id."""
    found = [("user", str(user.id)) for user in message.mentioned_users]
    found += [("role", str(role.id)) for role in message.mentioned_roles]
    return found + ([("everyone", "everyone")] if message.mentions_everyone else [])


def notify(world: World, message: Message, already: set[tuple[str, str]] | None = None) -> None:
    """Enter into the ledger whom it notifies and which links get a preview; an edit (`already` given) adds to that."""
    who = (message.id, message.author.id)
    new = [target for target in targets(message) if target not in (already or set())]
    world.ledger.pings += [Ping(*who, kind, target, already is not None) for kind, target in new]
    links = find_links(message.content)
    can_embed = world.permissions(message.channel, message.author) & Permission.EMBED_LINKS
    if not links or not can_embed or message.flags & MessageFlag.SUPPRESS_EMBEDS:
        return
    known = {unfurl.url for unfurl in world.ledger.unfurls if unfurl.message_id == message.id}
    world.ledger.unfurls += [Unfurl(*who, link) for link in links if link not in known]
