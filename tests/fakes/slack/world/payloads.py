"""Slack's JSON for what exists on the fake."""

from .models import Channel, File, JsonObject, Message, User, View
from .state import World


def user_json(user: User) -> JsonObject:
    """A user, as users.info tells."""
    name = user.real_name or user.name
    return {
        "id": user.id,
        "team_id": user.team.id,
        "name": user.name,
        "deleted": user.deleted,
        "real_name": name,
        "tz": "Europe/Berlin",
        "profile": {"real_name": name, "display_name": user.name, "team": user.team.id, "avatar_hash": "0"},
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_admin": user.is_admin,
        "is_restricted": False,
        "updated": 0,
    }


def channel_json(channel: Channel, viewer: User) -> JsonObject:
    """A conversation, as conversations.info tells."""
    found: JsonObject = {
        "id": channel.id,
        "created": 0,
        "is_archived": channel.is_archived,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": channel.is_direct,
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_ext_shared": channel.is_shared,
        "is_shared": channel.is_shared,
        "is_org_shared": False,
        "context_team_id": channel.team.id,
        "shared_team_ids": sorted(channel.teams),
        "is_member": viewer.id in channel.members,
    }
    if channel.is_direct:
        return found | {"user": next(iter(channel.members - {viewer.id}), viewer.id)}
    return found | {"name": channel.name, "name_normalized": channel.name, "topic": {"value": ""}}


def file_json(file: File) -> JsonObject:
    """A file, as it stands in messages."""
    if file.is_deleted:
        return {"id": file.id, "mode": "tombstone"}
    extension = file.name.rpartition(".")[2]
    found: JsonObject = {
        "id": file.id,
        "created": 0,
        "name": file.name,
        "title": file.name,
        "mimetype": file.mimetype,
        "filetype": {"txt": "text", "md": "markdown", "py": "python"}.get(extension, extension),
        "user": file.owner.id,
        "user_team": file.owner.team.id,
        "size": len(file.content) if file.announced is None else file.announced,
        "mode": "external" if file.external_url else file.mode,
        "is_external": bool(file.external_url),
        "external_type": "gdrive" if file.external_url else "",
        "is_public": False,
        "url_private": file.external_url or file.url,
        "permalink": f"{file.url}?permalink=1",
        "file_access": "visible",
    }
    if not file.external_url:
        found["url_private_download"] = file.url.replace("/files-pri/", "/files-pri/download-")
    return found


def shares_json(file: File, world: World) -> JsonObject:
    """Where a file was shared: by kind of place and channel, the messages."""
    found: dict[str, JsonObject] = {}
    for channel in world.channels.values():
        told = [
            {"ts": one.ts, **({"thread_ts": one.thread_ts} if one.is_reply else {})}
            for one in channel.messages.values()
            if file in one.files
        ]
        if told:
            found.setdefault("public" if channel.kind == "channel" else "private", {})[channel.id] = told
    return found


def file_stub_json(file: File) -> JsonObject:
    """A file of which only the id is told: `files.info` has to be asked for the rest."""
    unknown = {"created": 0, "timestamp": 0, "user": ""}
    return {"id": file.id, **unknown, "mode": "file_access", "file_access": "check_file_info"}


def message_json(message: Message, world: World) -> JsonObject:
    """A message, as history and events tell."""
    author = message.author
    found: JsonObject = {"type": "message", "user": author.id, "ts": message.ts, "text": message.text}
    found["team"] = author.team.id
    if message.subtype:
        found["subtype"] = message.subtype
    if message.client_msg_id:
        found["client_msg_id"] = message.client_msg_id
    if author.is_bot:
        found |= {"bot_id": author.bot_id, "app_id": author.app_id, "bot_profile": _bot_profile(author)}
    if message.subtype == "tombstone":
        found |= {"user": "USLACKBOT", "hidden": True}
    if message.subtype == "bot_message":
        del found["user"]
        found["username"] = message.shown_name or author.name
    if message.stream is not None:
        found["streaming_state"] = "in_progress" if message.stream.state == "streaming" else "completed"
    for key in ("blocks", "attachments", "metadata"):
        if getattr(message, key):
            found[key] = getattr(message, key)
    if message.files:
        is_stubbed = world.telling.file_stubs and message.channel.is_shared
        told = [file_stub_json(one) if is_stubbed else file_json(one) for one in message.files]
        found |= {"files": told, "upload": False}
    if message.pinned:
        found |= {"pinned_to": [message.channel.id], "pinned_info": message.pinned}
    if message.edited_ts:
        found["edited"] = {"user": author.id, "ts": message.edited_ts}
    if message.reactions:
        found["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
        ]
    return found | _thread_fields(message, world)


def _bot_profile(bot: User) -> JsonObject:
    return {"id": bot.bot_id, "app_id": bot.app_id, "name": bot.name, "team_id": bot.team.id, "deleted": False}


def _thread_fields(message: Message, world: World) -> JsonObject:
    if message.is_reply:
        found: JsonObject = {"thread_ts": message.thread_ts}
        root = message.channel.messages.get(message.root)
        if root is not None:
            found["parent_user_id"] = root.author.id
        if message.subtype == "thread_broadcast" and root is not None:
            found["root"] = message_json(root, world)
        return found
    replies = replies_to(message)
    if not replies:
        # The root of an assistant thread carries its own timestamp from the start.
        return {"thread_ts": message.thread_ts} if message.thread_ts else {}
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": list(dict.fromkeys(one.author.id for one in replies)),
        "latest_reply": replies[-1].ts,
    }


def replies_to(message: Message) -> list[Message]:
    """Replies in a message's thread that everybody sees, oldest first."""
    others = message.channel.messages.values()
    return [one for one in others if one.is_reply and one.root == message.ts and one.visible_to is None]


def view_json(view: View, app_id: str, bot_id: str) -> JsonObject:
    """A view with what Slack adds to it."""
    return view.payload | {
        "id": view.id,
        "team_id": view.user.team.id,
        "app_id": app_id,
        "bot_id": bot_id,
        "hash": view.hash,
        "root_view_id": view.root_id or view.id,
        "previous_view_id": view.previous_id,
        "external_id": view.external_id,
        "private_metadata": view.payload.get("private_metadata", ""),
        "callback_id": view.payload.get("callback_id", ""),
        "state": view.payload.get("state") or {"values": {}},
    }
