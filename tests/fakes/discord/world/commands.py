"""A slash command as Discord's client fills it in: the synced definition and a user's values make the event's data."""

from .models import Attachment, Channel, JsonObject, Role, User
from .payloads import attachment_json, channel_json, role_json, user_json
from .permissions import Permission
from .state import World

_CHAT_INPUT = 1
_SUBCOMMAND, _GROUP, _ATTACHMENT = 1, 2, 11
_BOT_DM = 1


class UnknownCommandError(LookupError):
    """The client of this user would not offer such a command."""


def find_command(world: World, channel: Channel, user: User, name: str, kind: int = _CHAT_INPUT) -> JsonObject:
    """The command that `user` sees under this name in `channel`; a guild's own goes before a global one.

    Raises:
        UnknownCommandError: There is none, or it is hidden here (permissions, direct messages).
    """
    guild_id = None if channel.guild is None else channel.guild.id
    scopes = [None] if guild_id is None else [guild_id, None]
    offered = [command for scope in scopes for command in world.commands.get(scope, [])]
    found = next((one for one in offered if one["name"] == name and one["type"] == kind), None)
    if found is None:
        raise UnknownCommandError(f"No command {name!r}; synced: {[command['name'] for command in offered]}")
    if guild_id is None and _BOT_DM not in (found.get("contexts") or [0, 1, 2]):
        raise UnknownCommandError(f"{name!r} is not offered in direct messages")
    needed = Permission(int(found.get("default_member_permissions") or 0))
    granted = world.permissions(channel, user)
    if guild_id is not None and (needed & ~granted or not granted & Permission.USE_APPLICATION_COMMANDS):
        raise UnknownCommandError(f"{user.name} may not use {name!r} in #{channel.name}")
    return found


def command_data(
    world: World, channel: Channel, command: JsonObject, path: list[str], values: JsonObject
) -> JsonObject:
    """The `data` of an interaction.

    Args:
        world: Where ids are looked up.
        channel: Where the command is used.
        command: The definition.
        path: Names of group and subcommand below it; empty without them.
        values: Option values by name: text, numbers, users, roles, channels, attachments.

    Raises:
        UnknownCommandError: The definition has no such subcommand or option, or a required one is missing.
    """
    resolved: JsonObject = {}
    data: JsonObject = {"id": command["id"], "name": command["name"], "type": command["type"]}
    if channel.guild is not None:
        data["guild_id"] = str(channel.guild.id)
    data["options"] = _fill(world, command.get("options") or [], path, values, resolved)
    return data | {"resolved": resolved} if resolved else data


def _fill(
    world: World, options: list[JsonObject], path: list[str], values: JsonObject, resolved: JsonObject
) -> list[JsonObject]:
    by_name = {option["name"]: option for option in options}
    if path:
        below = by_name.get(path[0])
        if below is None or below["type"] not in {_SUBCOMMAND, _GROUP}:
            raise UnknownCommandError(f"No subcommand {path[0]!r} among {sorted(by_name)}")
        inner = _fill(world, below.get("options") or [], path[1:], values, resolved)
        return [{"name": path[0], "type": below["type"], "options": inner}]
    missing = {option["name"] for option in options if option.get("required")} - set(values)
    unknown = set(values) - set(by_name)
    if missing or unknown:
        raise UnknownCommandError(f"Options missing: {sorted(missing)}, unknown: {sorted(unknown)}")
    return [
        {"name": name, "type": by_name[name]["type"], "value": _resolve(world, value, resolved)}
        for name, value in values.items()
    ]


def _resolve(world: World, value: object, resolved: JsonObject) -> object:
    if not isinstance(value, User | Role | Channel | Attachment):
        return value
    kind, described = _describe(world, value)
    resolved.setdefault(kind, {})[str(value.id)] = described
    return str(value.id)


def _describe(world: World, value: User | Role | Channel | Attachment) -> tuple[str, JsonObject]:
    if isinstance(value, User):
        return "users", user_json(value)
    if isinstance(value, Role):
        return "roles", role_json(value)
    if isinstance(value, Attachment):
        return "attachments", attachment_json(value)
    rights = {"permissions": str(int(world.permissions(value, world.bot)))}
    return "channels", channel_json(value, world) | rights
