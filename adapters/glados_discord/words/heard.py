"""A message of Discord as plain data, and the one answer to "what does it say?". `hearing.py` makes it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from glados_bots.intake.addressing import is_nothing

# Discord's picker of moving pictures writes links to these sites.
_MOVING_PICTURE = re.compile(r"https?://(?:\w+\.)?(?:tenor|giphy|klipy)\.com/\S+", re.IGNORECASE)
MOST_CHARS = 12_000  # of what one message says; Discord allows 4,000 in a text and 6,000 in its embeds


@dataclass(frozen=True, slots=True)
class Content:
    """What a message, or one forwarded in it, holds. All texts are as a model should read them.

    Attributes:
        text: its own words.
        cards: each embed: title, description and fields as lines. Previews of links are none.
        poll: question and answers as lines.
        stickers: their names.
        files: their names.
        forwarded: messages that it shows again.
    """

    text: str = ""
    cards: tuple[str, ...] = ()
    poll: str = ""
    stickers: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    forwarded: tuple["Content", ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, and how it stands to the bot.

    Attributes:
        id: the message; ids grow with time.
        channel: the channel or thread it stands in.
        author: who wrote it.
        name: how the author is called on the server; empty in direct messages.
        roles: of the author there, without @everyone; empty where Discord did not tell.
        replies_to: the message that it answers or forwards.
        age_s: seconds from its writing to its last edit; 0 without one.
        is_from_person: neither a bot, this one included, nor a webhook, nor Discord itself.
        is_direct: it stands in a conversation of one person with the bot.
        is_placed: it is direct, or stands on a server that is known.
        is_named: it mentions the bot as a user (the ping of a reply counts), or by the role Discord made for it.
        is_for_others: it mentions or answers somebody else.
        is_reply_to_us: it answers a message of the bot.
        is_in_thread: it stands in a thread.
        is_thread_ours: the bot opened that thread.
        joined: the bot joined that thread after messages with ids up to this; None where Discord did not say.
        raw: the words as they were sent.
        title: of the forum post that it begins.
        content: what it holds.
    """

    id: int
    channel: int = 0
    author: int = 0
    name: str = ""
    roles: frozenset[int] = frozenset()
    replies_to: int | None = None
    age_s: float = 0.0
    is_from_person: bool = True
    is_direct: bool = False
    is_placed: bool = True
    is_named: bool = False
    is_for_others: bool = False
    is_reply_to_us: bool = False
    is_in_thread: bool = False
    is_thread_ours: bool = False
    joined: int | None = None
    raw: str = ""
    title: str = ""
    content: Content = Content()

    @property
    def has_words(self) -> bool:
        """Whether somebody says something in words, their own or forwarded ones."""
        texts = (self.title, _MOVING_PICTURE.sub("", self.content.text), *map(says, self.content.forwarded))
        return not all(map(is_nothing, texts))


def says(content: Content, title: str = "", *, with_files: bool = True) -> str:
    """All that a message says, as markdown of at most MOST_CHARS characters; empty for nothing."""
    said = [part for part in (title, *_parts(content, with_files=with_files)) if not is_nothing(part)]
    whole = "\n\n".join(said)
    return whole if len(whole) <= MOST_CHARS else f"{whole[: MOST_CHARS - 1]}…"


def quoted(head: str, text: str) -> str:
    """Words of somebody else, marked as such on every line."""
    return "\n".join([head, *(f"> {line}" for line in text.splitlines())])


def _parts(content: Content, *, with_files: bool) -> Iterator[str]:
    yield content.text
    yield from content.cards
    yield content.poll
    yield f"(sticker: {', '.join(content.stickers)})" if content.stickers else ""
    yield f"(attached: {', '.join(content.files)})" if content.files and with_files else ""
    for one in content.forwarded:
        if said := says(one):
            yield quoted("A forwarded message:", said)
