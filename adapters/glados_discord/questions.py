"""A message that is meant for the bot becomes a `Turn`: its text, what it replies to, its files, and its place."""

from dataclasses import dataclass

import discord

from glados_bots.conversation import Turn
from glados_discord import attachments
from glados_discord.addressing import is_direct, is_from_person, readable
from glados_discord.memory import Memory
from glados_discord.permissions import may_open_threads
from glados_discord.places import How, Spot
from glados_discord.settings import DiscordSettings
from glados_discord.titles import title

MOST_QUOTED = 5  # messages of a reply chain
QUOTED_CHARS = 4000
_THREADED = (discord.ChannelType.text, discord.ChannelType.news)


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked.

    Attributes:
        words: what the person wrote.
        text: what the model reads: with quotes and files. Empty when there is nothing to answer.
        left_out: a sentence about what was not read; empty for nothing.
    """

    words: str
    text: str
    left_out: str


async def read(message: discord.Message, me: int, memory: Memory, settings: DiscordSettings) -> Question:
    """Read a message's words and files, and the messages it replies to where they are not part of the conversation."""
    words = readable(message, me)
    files = await attachments.read(message.attachments, settings)
    if not words and not files.text:
        return Question("", "", files.left_out)
    opening, quoted = await _opening(message, me, memory), await _quoted(message, me, memory)
    return Question(words, "\n\n".join(filter(None, [opening, quoted, words, files.text])), files.left_out)


async def conversation_of(message: discord.Message, memory: Memory, settings: DiscordSettings) -> str:
    """The conversation a message belongs to: that of its thread or reply chain, or a new one."""
    if message.guild is None or isinstance(message.channel, discord.Thread):
        return await memory.conversation(message.channel.id) or str(message.channel.id)
    if message.reference and message.reference.message_id:
        known = await memory.conversation(message.reference.message_id)
        if known:
            return known
    return str(message.channel.id) if settings.answer_in == "channel" else str(message.id)


def turn_of(message: discord.Message, question: Question, conversation: str, settings: DiscordSettings) -> Turn:
    """The turn of a message."""
    how = how_to_answer(message.channel, settings, message.guild, is_new=conversation == str(message.id))
    spot = Spot(
        channel=str(message.channel.id),
        guild=str(message.guild.id) if message.guild else "",
        question=str(message.id),
        how=how,
        title=title(question.words) if how == "thread" else "",
        aside=question.left_out,
        patient=patient(message.channel, how),
    )
    return Turn(
        id=str(message.id),
        conversation=conversation,
        author=str(message.author.id),
        text=question.text,
        author_name=message.author.display_name if message.guild else "",
        channel=settings_channel(message.channel),
        place=spot.to_place(),
    )


def how_to_answer(channel: object, settings: DiscordSettings, guild: discord.Guild | None, *, is_new: bool) -> How:
    """A thread on a message of a text channel; elsewhere a reply; in direct messages just the next message."""
    kind = getattr(channel, "type", None)
    is_new = is_new and may_open_threads(channel, guild)
    if is_direct(channel) or (settings.answer_in == "channel" and kind in _THREADED):
        return "plain"
    return "thread" if settings.answer_in == "thread" and kind in _THREADED and is_new else "reply"


def settings_channel(channel: object) -> str:
    """Where settings and limits apply: a thread shares those of its channel."""
    parent = getattr(channel, "parent_id", None)
    return str(parent or getattr(channel, "id", ""))


def patient(channel: object, how: How) -> str:
    """Whether the place asks for few edits. A thread that is made for the answer does not."""
    is_slow = getattr(channel, "slowmode_delay", 0) or getattr(channel, "type", None) is discord.ChannelType.news
    return "yes" if is_slow and how != "thread" else ""


async def _quoted(message: discord.Message, me: int, memory: Memory) -> str:
    """Messages this one replies to, oldest first, as quotes. What the conversation holds already is not repeated."""
    found: list[str] = []
    current: discord.Message | None = message
    room = QUOTED_CHARS
    while current and len(found) < MOST_QUOTED and room > 0:
        current = await _answered(current)
        if current is None or _is_ours(current, me, message) or await _is_kept(current, memory):
            break
        text = readable(current, me)[:room]
        if text:
            found.append(_quote(current, text))
            room -= len(text)
    return "\n\n".join(reversed(found))


async def _opening(message: discord.Message, me: int, memory: Memory) -> str:
    """What a thread or post of others is about, when the bot is first asked in it: its first message, as a quote."""
    thread = message.channel
    if not isinstance(thread, discord.Thread) or thread.owner_id == me or message.id == thread.id:
        return ""
    conversation = await memory.conversation(thread.id) or str(thread.id)
    if not await memory.is_first(conversation, message.id):
        return ""
    is_post = isinstance(thread.parent, discord.ForumChannel)
    place = thread if is_post else thread.parent
    try:
        first = thread.starter_message or await place.fetch_message(thread.id)  # type: ignore[union-attr]
    except (discord.HTTPException, AttributeError):
        return ""  # it was deleted, cannot be read, or there never was one
    answered = message.reference.message_id if message.reference else None
    text = readable(first, me)[:QUOTED_CHARS]
    return _quote(first, text) if text and first.id != answered else ""


def _is_ours(target: discord.Message, me: int, message: discord.Message) -> bool:
    """An answer of ours in the same thread or direct conversation is part of the history."""
    return target.author.id == me and (message.guild is None or isinstance(message.channel, discord.Thread))


async def _is_kept(target: discord.Message, memory: Memory) -> bool:
    return await memory.is_turn(target.id) or await memory.conversation(target.id) is not None


async def _answered(message: discord.Message) -> discord.Message | None:
    """The message this one replies to; one below the first level has to be fetched."""
    reference = message.reference
    if reference is None or reference.type is not discord.MessageReferenceType.reply or reference.message_id is None:
        return None
    if isinstance(reference.resolved, discord.Message):
        return reference.resolved
    if isinstance(reference.resolved, discord.DeletedReferencedMessage):
        return None
    try:
        return reference.cached_message or await message.channel.fetch_message(reference.message_id)
    except discord.HTTPException:
        return None


def _quote(message: discord.Message, text: str) -> str:
    who = " ".join(message.author.display_name.split()) + ("" if is_from_person(message) else " (a bot)")
    lines = "\n".join(f"> {line}" for line in text.splitlines())
    return f"{who} wrote:\n{lines}"
