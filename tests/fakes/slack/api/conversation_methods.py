"""conversations.*, users.*, reactions.*: reading what is there, and small changes to it."""

import base64

from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.models import Channel, JsonObject, Message, User
from tests.fakes.slack.world.payloads import channel_json, message_json, replies_to, user_json
from tests.fakes.slack.world.reactions import react, unreact

from .calls import Call, Method

MAX_PAGE = 999
# Commercial apps outside the Marketplace get fifteen messages.
RESTRICTED_PAGE = 15
MAX_PEOPLE = 8


def history(call: Call) -> JsonObject:
    """conversations.history: newest first, without replies that were not sent to the channel too."""
    channel = _readable(call)
    messages = [one for one in channel.messages.values() if not one.is_reply or one.broadcast]
    found = _in_range(call, [one for one in messages if one.visible_to is None])
    return _page(call, list(reversed(found)))


def replies(call: Call) -> JsonObject:
    """conversations.replies: the root, then the replies, oldest first."""
    channel = _readable(call)
    asked = call.world.message(channel, call.need("ts"), missing="thread_not_found")
    root = channel.messages.get(asked.root)
    thread = replies_to(root) if root is not None else []
    return _page(call, ([root] if root is not None else []) + _in_range(call, thread))


def info(call: Call) -> JsonObject:
    """conversations.info."""
    channel = call.world.channel(call.need("channel"), call.bot)
    found = channel_json(channel, call.bot)
    if call.flag("include_num_members"):
        found["num_members"] = len(channel.members)
    return {"channel": found}


def members(call: Call) -> JsonObject:
    """conversations.members."""
    channel = call.world.channel(call.need("channel"), call.bot)
    return {"members": sorted(channel.members), "response_metadata": {"next_cursor": ""}}


def list_channels(call: Call) -> JsonObject:
    """conversations.list, of the kinds that are asked for."""
    kinds = str(call.args.get("types") or "public_channel").split(",")
    names = {"channel": "public_channel", "group": "private_channel"}
    found = [
        channel_json(channel, call.bot)
        for channel in call.world.channels.values()
        if names.get(channel.kind, channel.kind) in kinds
        and call.bot.team.id in channel.teams
        and (channel.kind == "channel" or call.bot.id in channel.members)
    ]
    return {"channels": found, "response_metadata": {"next_cursor": ""}}


def open_direct(call: Call) -> JsonObject:
    """conversations.open: a direct conversation with one, or several."""
    if call.args.get("channel"):
        channel = call.world.channel(call.need("channel"), call.bot)
        return {"channel": channel_json(channel, call.bot)}
    if not call.args.get("users"):
        raise ApiError("users_list_not_supplied")
    people = [call.world.user(one.strip()) for one in call.need("users").split(",")]
    if len(people) > MAX_PEOPLE:
        raise ApiError("too_many_users")
    if any(user.deleted for user in people):
        raise ApiError("user_disabled")
    channel = call.world.direct(people[0], call.bot) if len(people) == 1 else _group(call, people)
    found = channel_json(channel, call.bot) if call.flag("return_im") else {"id": channel.id}
    return {"channel": found}


def join(call: Call) -> JsonObject:
    """conversations.join, for public channels."""
    channel = call.world.channel(call.need("channel"), call.bot)
    if channel.kind != "channel":
        raise ApiError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise ApiError("is_archived")
    channel.members.add(call.bot.id)
    return {"channel": channel_json(channel, call.bot)}


def users_info(call: Call) -> JsonObject:
    """users.info, with the locale only for who asks for it.

    People of other workspaces are strangers unless they share a channel with the bot.
    """
    user = call.world.user(call.need("user"))
    found = user_json(user)
    if call.flag("include_locale") and user.locale:
        found["locale"] = user.locale
    if user.team is not call.bot.team:
        both = {user.id, call.bot.id}
        found |= {"is_stranger": not any(both <= one.members for one in call.world.channels.values())}
    return {"user": found}


def add_reaction(call: Call) -> JsonObject:
    """reactions.add."""
    react(call.world, _reacted(call), call.bot, call.need("name").strip(":"))
    return {}


def remove_reaction(call: Call) -> JsonObject:
    """reactions.remove."""
    unreact(call.world, _reacted(call), call.bot, call.need("name").strip(":"))
    return {}


def _reacted(call: Call) -> Message:
    channel = call.world.channel(call.need("channel"), call.bot)
    if call.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    return call.world.message(channel, call.need("timestamp"))


def _group(call: Call, people: list[User]) -> Channel:
    wanted = {user.id for user in people} | {call.bot.id}
    for channel in call.world.channels.values():
        if channel.kind == "mpim" and channel.members == wanted:
            return channel
    team = call.bot.team
    channel = Channel(call.world.clock.id("G"), "mpdm-group", "mpim", team, {team.id}, wanted)
    call.world.channels[channel.id] = channel
    return channel


def _readable(call: Call) -> Channel:
    channel = call.world.channel(call.need("channel"), call.bot)
    if call.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    needed = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}[channel.kind] + ":history"
    if needed not in call.installation.scopes:
        raise ApiError("missing_scope", needed=needed, provided=",".join(sorted(call.installation.scopes)))
    return channel


def _in_range(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = str(call.args.get("oldest") or "0"), str(call.args.get("latest") or "9999999999.999999")
    edge = call.flag("inclusive")
    return [one for one in messages if oldest < one.ts < latest or (edge and one.ts in {oldest, latest})]


def _page(call: Call, messages: list[Message]) -> JsonObject:
    most = RESTRICTED_PAGE if call.world.app.is_restricted else MAX_PAGE
    limit = min(call.number("limit", 100 if most == MAX_PAGE else most), most)
    start = 0
    if call.args.get("cursor"):
        try:
            start = int(base64.b64decode(call.need("cursor")))
        except ValueError as error:
            raise ApiError("invalid_cursor") from error
    found = [message_json(one, call.world) for one in messages[start : start + limit]]
    more = len(messages) > start + limit
    cursor = base64.b64encode(str(start + limit).encode()).decode() if more else ""
    return {"messages": found, "has_more": more, "response_metadata": {"next_cursor": cursor}}


_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
METHODS = {
    "conversations.history": Method(history, _HISTORY),
    "conversations.replies": Method(replies, _HISTORY),
    "conversations.info": Method(info, _READ),
    "conversations.members": Method(members, _READ),
    "conversations.list": Method(list_channels, _READ),
    "conversations.open": Method(open_direct, ("im:write", "mpim:write")),
    "conversations.join": Method(join, ("channels:join",)),
    "users.info": Method(users_info, ("users:read",)),
    "reactions.add": Method(add_reaction, ("reactions:write",)),
    "reactions.remove": Method(remove_reaction, ("reactions:write",)),
}
