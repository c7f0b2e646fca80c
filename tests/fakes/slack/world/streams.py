"""Streams: a message that grows while the app appends to it, until it stops, the person stops it, or it expires."""

from tests.fakes.slack.blocks.block_kinds import MAX_MARKDOWN
from tests.fakes.slack.blocks.checks import (
    MAX_BLOCKS,
    MAX_CHARACTERS,
    check_message_blocks,
    expanded_count,
    expanded_markdown,
)

from .errors import ApiError
from .messages import show
from .models import JsonObject, Message, Stream
from .state import World

_STATUSES = {"pending", "in_progress", "complete", "error"}


def is_streaming(world: World, message: Message) -> bool:
    """Whether a message still takes appends; a stream that has had its time becomes 'expired' here."""
    stream = message.stream
    if stream is None or stream.state != "streaming":
        return False
    now, rules = world.clock.now(), world.stream_rules
    if now - stream.started_at >= rules.life_s or now - stream.touched_at >= rules.idle_s:
        stream.state = "expired"
        return False
    return True


def require_stream(world: World, message: Message, app_id: str, *, to_append: bool) -> Stream:
    """The stream of a message that `app_id` may go on with.

    Raises:
        ApiError: message_not_owned_by_app, message_not_in_streaming_state, and stopped_by_user for an append.
    """
    if message.author.app_id != app_id:
        raise ApiError("message_not_owned_by_app")
    if to_append and message.stream is not None and message.stream.state == "stopped_by_user":
        raise ApiError("stopped_by_user")
    if not is_streaming(world, message) or message.stream is None:
        raise ApiError("message_not_in_streaming_state")
    return message.stream


def feed(world: World, stream: Stream, args: JsonObject, *, needs_content: bool) -> None:
    """Add `markdown_text` or `chunks` to a stream; nothing is added if anything is refused.

    Raises:
        ApiError: no_text, invalid_chunks, msg_too_long, msg_blocks_too_long, msg_blocks_too_many, invalid_blocks.
    """
    chunks = _chunks(args)
    if needs_content and not chunks:
        raise ApiError("no_text")
    text = stream.text + "".join(one["text"] for one in chunks if one["type"] == "markdown_text")
    added = [block for one in chunks if one["type"] == "blocks" for block in one["blocks"]]
    blocks = stream.chunk_blocks + added
    if added:
        check_message_blocks(added)
    if len(text) > MAX_CHARACTERS:
        raise ApiError("msg_blocks_too_long")
    if expanded_markdown(text) + expanded_count(blocks) > MAX_BLOCKS:
        raise ApiError("msg_blocks_too_many")
    stream.text, stream.chunk_blocks = text, blocks
    for chunk in chunks:
        if chunk["type"] == "task_update":
            stream.tasks[chunk["id"]] = stream.tasks.get(chunk["id"], {}) | chunk
        elif chunk["type"] == "plan_update":
            stream.plan = chunk["title"]
    stream.touched_at = world.clock.now()


def stop_by_user(world: World, message: Message) -> bool:
    """The person presses stop.

    Returns:
        Whether there was anything to stop.
    """
    if not is_streaming(world, message) or message.stream is None:
        return False
    message.stream.state = "stopped_by_user"
    show(world, message)
    return True


def _chunks(args: JsonObject) -> list[JsonObject]:
    text, chunks = args.get("markdown_text"), args.get("chunks") or []
    if not isinstance(chunks, list) or not all(isinstance(one, dict) for one in chunks):
        raise ApiError("invalid_chunks")
    found = ([{"type": "markdown_text", "text": text}] if text else []) + chunks
    for chunk in found:
        _check_chunk(chunk)
    if sum(len(one["text"]) for one in found if one["type"] == "markdown_text") > MAX_MARKDOWN:
        raise ApiError("msg_too_long")
    return found


def _check_chunk(chunk: JsonObject) -> None:
    match chunk.get("type"):
        case "markdown_text":
            is_good = isinstance(chunk.get("text"), str)
        case "task_update":
            is_good = bool(chunk.get("id")) and bool(chunk.get("title")) and chunk.get("status") in _STATUSES
        case "plan_update":
            is_good = bool(chunk.get("title"))
        case "blocks":
            is_good = isinstance(chunk.get("blocks"), list)
        case _:
            is_good = False
    if not is_good:
        raise ApiError("invalid_chunks", messages=[f"invalid chunk {chunk!r}"[:200]])
