"""chat.*: messages and streams."""

from typing import cast

from tests.fakes.slack.blocks.block_kinds import MAX_MARKDOWN
from tests.fakes.slack.blocks.checks import check_message_blocks, number_blocks
from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.messages import add_message, check_may_post, delete_message, edited, show
from tests.fakes.slack.world.models import Channel, JsonObject, Message, Stream
from tests.fakes.slack.world.payloads import message_json
from tests.fakes.slack.world.streams import feed, is_streaming, require_stream

from .calls import Call, Method

MAX_TEXT = 40_000
MAX_UPDATE = 4_000
MAX_METADATA = 16_000
# Slack cuts a longer text into several messages.
SPLIT_AT = 4_000


def post_message(call: Call) -> JsonObject:
    """chat.postMessage."""
    channel = _place(call)
    content = _content(call)
    thread_ts = str(call.args["thread_ts"]) if call.args.get("thread_ts") else None
    check_may_post(channel, call.bot, thread_ts)
    text = str(content["text"])[:MAX_TEXT]
    parts = [text[at : at + SPLIT_AT] for at in range(0, len(text), SPLIT_AT)] if not content["blocks"] else [text]
    messages = []
    for part in parts or [""]:
        message = Message(
            call.world.clock.timestamp(),
            channel,
            call.bot,
            thread_ts=thread_ts,
            broadcast=call.flag("reply_broadcast"),
            metadata=call.args.get("metadata"),
            unfurl_links=call.switch("unfurl_links"),
            unfurl_media=call.switch("unfurl_media"),
            active_names=call.flag("link_names") or call.args.get("parse") == "full",
            shown_name=str(call.args.get("username", "")),
        )
        _fill(message, content | {"text": part})
        messages.append(add_message(call.world, message))
    first = messages[0]
    return {"channel": channel.id, "ts": first.ts, "message": message_json(first, call.world)}


def post_ephemeral(call: Call) -> JsonObject:
    """chat.postEphemeral."""
    channel = _place(call)
    content = _content(call)
    if len(str(content["text"])) > MAX_TEXT:
        raise ApiError("msg_too_long")
    user = call.need("user")
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    thread_ts = str(call.args["thread_ts"]) if call.args.get("thread_ts") else None
    check_may_post(channel, call.bot, thread_ts)
    message = Message(call.world.clock.timestamp(), channel, call.bot, thread_ts=thread_ts, visible_to=user)
    _fill(message, content)
    add_message(call.world, message)
    return {"message_ts": message.ts}


def update(call: Call) -> JsonObject:
    """chat.update."""
    world = call.world
    channel = _place(call)
    message = world.message(channel, call.need("ts"))
    if message.author is not call.bot:
        raise ApiError("cant_update_message")
    if channel.is_archived:
        raise ApiError("is_inactive")
    if is_streaming(world, message):
        raise ApiError("streaming_state_conflict")
    content = _content(call)
    if len(str(content["text"])) > MAX_UPDATE:
        raise ApiError("msg_too_long")
    before = message_json(message, world)
    message.stream = None
    # Without blocks the old ones go: a text takes their place.
    _fill(message, content)
    if "metadata" in call.args:
        message.metadata = call.args["metadata"]
    for switch in ("unfurl_links", "unfurl_media"):
        if switch in call.args:
            setattr(message, switch, call.flag(switch))
    edited(world, message, before)
    told = message_json(message, world)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": told}


def delete(call: Call) -> JsonObject:
    """chat.delete."""
    channel = _place(call)
    message = call.world.message(channel, call.need("ts"))
    if message.author is not call.bot:
        raise ApiError("cant_delete_message")
    if is_streaming(call.world, message):
        raise ApiError("cant_delete_message")
    delete_message(call.world, message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(call: Call) -> JsonObject:
    """chat.getPermalink."""
    channel = _place(call)
    message = call.world.message(channel, call.need("message_ts"))
    address = f"https://{channel.team.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        address += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": address}


def start_stream(call: Call) -> JsonObject:
    """chat.startStream."""
    world, channel = call.world, _place(call)
    thread_ts = call.need("thread_ts")
    if channel.kind not in {"channel", "group", "im", "mpim"}:
        raise ApiError("channel_type_not_supported")
    check_may_post(channel, call.bot, thread_ts)
    _check_recipient(call, channel)
    if call.args.get("task_display_mode") not in {None, "timeline", "plan"}:
        raise ApiError("invalid_arguments", messages=["task_display_mode must be timeline or plan"])
    now = world.clock.now()
    stream = Stream(call.bot.app_id, now, now)
    feed(world, stream, call.args, needs_content=False)
    number_blocks(stream.chunk_blocks)
    message = Message(world.clock.timestamp(), channel, call.bot, thread_ts=thread_ts, stream=stream)
    message.text = stream.text
    message.unfurl_links, message.unfurl_media = call.switch("unfurl_links"), call.switch("unfurl_media")
    add_message(world, message)
    return {"channel": channel.id, "ts": message.ts}


def append_stream(call: Call) -> JsonObject:
    """chat.appendStream."""
    message, stream = _stream(call, to_append=True)
    feed(call.world, stream, call.args, needs_content=True)
    number_blocks(stream.chunk_blocks)
    message.text = stream.text
    show(call.world, message)
    return {"channel": message.channel.id, "ts": message.ts}


def stop_stream(call: Call) -> JsonObject:
    """chat.stopStream."""
    world = call.world
    message, stream = _stream(call, to_append=False)
    blocks = check_message_blocks(call.args["blocks"], stream.text) if call.args.get("blocks") else []
    before = message_json(message, world)
    feed(world, stream, call.args, needs_content=False)
    if not (stream.text or stream.chunk_blocks or blocks or stream.tasks):
        raise ApiError("no_text")
    stream.final_blocks = blocks
    stream.state = "stopped"
    message.text = stream.text
    # Slack keeps a finished stream as blocks, below them those that came with the stop.
    text = [{"type": "markdown", "text": stream.text}] if stream.text else []
    message.blocks = [*text, *stream.chunk_blocks, *blocks]
    number_blocks(message.blocks)
    message.metadata = call.args.get("metadata") or message.metadata
    edited(world, message, before, by_person=False)
    status = call.args.get("session_status")
    if status:
        world.ledger.sessions.setdefault((message.channel.id, message.root), []).append(str(status))
    return {"channel": message.channel.id, "ts": message.ts, "message": message_json(message, world)}


def _stream(call: Call, *, to_append: bool) -> tuple[Message, Stream]:
    message = call.world.message(_place(call), call.need("ts"))
    return message, require_stream(call.world, message, call.bot.app_id, to_append=to_append)


def _check_recipient(call: Call, channel: Channel) -> None:
    user_id, team_id = call.args.get("recipient_user_id"), call.args.get("recipient_team_id")
    if not channel.is_direct and not user_id:
        raise ApiError("missing_recipient_user_id")
    if not channel.is_direct and not team_id:
        raise ApiError("missing_recipient_team_id")
    if team_id and team_id not in call.world.teams:
        raise ApiError("team_not_found")
    if user_id and (user_id not in call.world.users or team_id not in {None, call.world.users[user_id].team.id}):
        raise ApiError("user_not_found")


def _place(call: Call) -> Channel:
    channel = call.channel()
    if channel.is_direct and not call.world.app.messages_tab:
        raise ApiError("messages_tab_disabled")
    return channel


def _content(call: Call) -> JsonObject:
    """Text, markdown and blocks of a message, checked."""
    text, markdown = str(call.args.get("text") or ""), str(call.args.get("markdown_text") or "")
    if markdown and (text or call.args.get("blocks")):
        raise ApiError("markdown_text_conflict")
    if len(markdown) > MAX_MARKDOWN:
        raise ApiError("msg_too_long")
    blocks = check_message_blocks(call.args["blocks"], markdown) if call.args.get("blocks") else []
    attachments = cast("list[JsonObject]", call.args.get("attachments") or [])
    if len(attachments) > 100:
        raise ApiError("too_many_attachments")
    if not (text.strip() or markdown.strip() or blocks or attachments):
        raise ApiError("no_text")
    metadata = call.args.get("metadata")
    if metadata is not None and not (isinstance(metadata, dict) and {"event_type", "event_payload"} <= set(metadata)):
        raise ApiError("invalid_metadata_format")
    if len(str(metadata or "")) > MAX_METADATA:
        raise ApiError("metadata_too_large")
    return {"text": text, "markdown": markdown, "blocks": blocks, "attachments": attachments}


def _fill(message: Message, content: JsonObject) -> None:
    message.text = str(content["text"])
    message.markdown = str(content["markdown"])
    message.blocks = content["blocks"]
    message.attachments = content["attachments"]
    number_blocks(message.blocks)


METHODS = {
    "chat.postMessage": Method(post_message, ("chat:write",)),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",)),
    "chat.update": Method(update, ("chat:write",)),
    "chat.delete": Method(delete, ("chat:write",)),
    "chat.getPermalink": Method(get_permalink),
    "chat.startStream": Method(start_stream, ("chat:write",)),
    "chat.appendStream": Method(append_stream, ("chat:write",)),
    "chat.stopStream": Method(stop_stream, ("chat:write",)),
}
