"""A message that is meant for the bot becomes a `Turn`: its text, what it replies to, its files, and its place."""

import re
from dataclasses import dataclass

import discord

from glados_bots.conversation import Turn
from glados_discord.answers.places import How, Spot
from glados_discord.connection.permissions import may_open_threads
from glados_discord.facts import DiscordFacts
from glados_discord.settings import DiscordSettings
from glados_discord.words import attachments
from glados_discord.words.heard import Heard, says
from glados_discord.words.hearing import is_direct
from glados_discord.words.quotes import Quotes

_THREADED = (discord.ChannelType.text, discord.ChannelType.news)


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked.

    Attributes:
        words: what the person wrote.
        text: what the model reads: with quotes and files. Empty when there is nothing to answer.
        left_out: a sentence about what was not read; empty for nothing.
        length: characters of what the person says. Quotes and files have bounds of their own.
    """

    words: str
    text: str
    left_out: str
    length: int = 0


async def read(
    message: discord.Message,
    heard: Heard,
    quotes: Quotes,
    settings: DiscordSettings,
    most: int,
    *,
    in_passing: bool = False,
) -> Question:
    """Read what a message says, its files, and what it refers to where that is not part of the conversation.

    Args:
        message: the message.
        heard: the same as plain data.
        quotes: finds what it refers to.
        settings: of the adapter.
        most: characters of the whole; files take the room that the words leave.
        in_passing: whether nothing in it names the bot: then only words ask something, and no sticker or poll.
    """
    words, own = says(heard.content, heard.title, with_files=False), attachments.of(message)
    if in_passing and not heard.has_words and not attachments.candidates(own):
        return Question("", "", "")
    about = [await quotes.opening(message), await quotes.answered(message)]
    others = [file for one in about for file in one.files]
    if not (in_passing or own or message.reference):
        about.append(await quotes.above(message))
        others += attachments.candidates(about[-1].files)
    files = await attachments.read([*own, *others], settings)
    if not files.read and not (heard.has_words if in_passing else any([words, *(one.text for one in about)])):
        return Question("", "", files.fitted(0)[1])
    texts = [*(one.text for one in about), words]
    shown, left_out = files.fitted(most - sum(map(len, texts)))
    return Question(heard.content.text or words, "\n\n".join(filter(None, [*texts, shown])), left_out, len(words))


async def conversation_of(message: discord.Message, memory: DiscordFacts, settings: DiscordSettings) -> str:
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


LONGEST_TITLE = 80  # Discord takes 100; long names are cut in its side bar anyway


_MARKUP = re.compile(r"```\w*|[`*_~|#>\[\]]+|https?://\S+")


def title(question: str, fallback: str = "A question") -> str:
    """The first words of a question on one line, cut between words."""
    words = _MARKUP.sub(" ", question).split()
    name = ""
    for word in words:
        longer = f"{name} {word}".strip()
        if len(longer) > LONGEST_TITLE - 1:
            return f"{name or longer[: LONGEST_TITLE - 1]}…"
        name = longer
    return name or fallback
