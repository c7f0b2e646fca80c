"""A message of Discord as plain data, and its whole text as markdown. `hearing.py` makes the data."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from glados_bots.conversation import Attachment
from glados_bots.intake.addressing import is_nothing

# Discord's GIF picker writes links to these sites.
_MOVING_PICTURE = re.compile(r"https?://(?:\w+\.)?(?:tenor|giphy|klipy)\.com/\S+", re.IGNORECASE)
MOST_CHARS = 12_000  # of the text of one message; Discord allows 4,000 in the text and 6,000 in embeds


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a message, or of a message forwarded in it. All texts are as a model should read them."""

    text: str = ""  # the message's own words
    cards: tuple[str, ...] = ()  # per embed: title, description and fields as lines. Previews of links are left out.
    poll: str = ""  # the poll's question and answers as lines
    stickers: tuple[str, ...] = ()  # names of the stickers
    files: tuple[str, ...] = ()  # names of the files
    forwarded: tuple["Content", ...] = ()  # the messages that it forwards


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, and its relation to the bot."""

    id: int  # of the message; ids grow with time
    channel: int = 0  # its channel or thread
    author: int = 0
    name: str = ""  # the author's name on the server; empty in direct messages
    roles: frozenset[int] = frozenset()  # of the author there, without @everyone; empty if Discord did not tell them
    replies_to: int | None = None  # id of the message that it replies to or forwards
    age_s: float = 0.0  # seconds from the message to its last edit; 0 without an edit
    is_from_person: bool = True  # the author is no bot (this one included), no webhook, and not Discord itself
    is_direct: bool = False  # it is a direct message to the bot
    is_placed: bool = True  # it is direct, or on a known server
    is_named: bool = False  # it mentions the bot as a user (the ping of a reply counts), or by the bot's role
    is_for_others: bool = False  # it mentions or replies to somebody else
    is_reply_to_us: bool = False  # it replies to a message of the bot
    is_in_thread: bool = False  # it is in a thread
    is_thread_ours: bool = False  # the bot opened the thread
    joined: int | None = None  # the bot joined the thread after messages with ids up to this; None if not known
    raw: str = ""  # the words as sent
    attachments: tuple[Attachment, ...] = ()  # its files, and those of the messages that it forwards
    title: str = ""  # title of the forum post that it begins
    content: Content = Content()

    @property
    def editable(self) -> str:
        """What people can change by an edit: the words as sent, and the files by their ids."""
        return "\n".join([self.raw, *(file.id for file in self.attachments)])

    @property
    def has_words(self) -> bool:
        """Whether the message has words, its own or forwarded ones."""
        texts = (self.title, _MOVING_PICTURE.sub("", self.content.text), *map(says, self.content.forwarded))
        return not all(map(is_nothing, texts))


def says(content: Content, title: str = "", *, with_files: bool = True) -> str:
    """The whole text of a message, as markdown of at most MOST_CHARS characters; empty if it says nothing."""
    said = [part for part in (title, *_parts(content, with_files=with_files)) if not is_nothing(part)]
    whole = "\n\n".join(said)
    return whole if len(whole) <= MOST_CHARS else f"{whole[: MOST_CHARS - 1]}…"


def quoted(head: str, text: str) -> str:
    """Another person's words, marked as such on every line."""
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
