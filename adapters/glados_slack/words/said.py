"""What a message says: one function for questions, shared messages, what stood in a thread before, and shortcuts.

A message's text is half of it: tables, alerts of other apps and shared messages stand in blocks and attachments, and
Slack also puts previews of links there, which nobody has said. All texts are Slack's mrkdwn; `reading.py` makes them
readable.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from glados_slack.connection.escaping import decode, encode
from glados_slack.connection.loose_json import Json, mappings, text_of
from glados_slack.words.block_words import RULE, words_of

MOST_PARTS = 50  # blocks, attachments or files of one message that are looked at
MOST_CHARS = 40_000  # of what stands beside the text; Slack's own limit of a text
CUT = " …"  # after the beginning of a text
DEEPEST = 3  # a shared message may show another one
NO_PREVIEW = "[no preview available]"  # Slack's fallback for what has none
_WORD = re.compile(r"[^\W_]+")
_MARKER = re.compile(r"^[ \t]*(?:\d+\.|\w\.|[-\u2022\u25e6])[ \t]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SharedMessage:
    """A message of somebody else that a message shows."""

    author: str  # the id of who wrote it; empty where Slack does not tell
    name: str  # how Slack calls them there
    words: str  # what it says


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says."""

    words: str = ""  # its text and blocks
    attached: str = ""  # its author's tables and alerts beside them
    shared: tuple[SharedMessage, ...] = ()  # messages of others that it shows, and those that they show
    files: tuple[str, ...] = ()  # names of its files

    @property
    def own(self) -> str:
        """All words of its author."""
        return "\n\n".join(filter(None, [self.words, self.attached]))

    @property
    def others(self) -> tuple[str, tuple[SharedMessage, ...]]:
        """What stands beside its words."""
        return self.attached, self.shared


def said(message: Json, depth: int = DEEPEST) -> Said:
    """What a message says, as an event, history or a shortcut tells of it."""
    words = _words(message)
    attached: list[str] = []
    shared: list[SharedMessage] = []
    for one in mappings(message.get("attachments"))[:MOST_PARTS]:
        if _is_preview(one, words):
            continue
        if one.get("is_share") or one.get("is_msg_unfurl"):
            shared += _shared(one, depth)
        else:
            attached.append(_attached(one))
    return Said(words, cut("\n\n".join(filter(None, attached))), tuple(shared), file_names(message))


def file_names(message: Json) -> tuple[str, ...]:
    """Names of a message's files."""
    found = mappings(message.get("files"))[:MOST_PARTS]
    return tuple(text_of(one, "name") or text_of(one, "title") or "a file" for one in found)


def cut(text: str, most: int = MOST_CHARS) -> str:
    """A text, or its beginning."""
    return text if len(text) <= most else text[:most] + CUT


def _words(message: Json) -> str:
    """Text and blocks. Apps send the text for those who cannot see blocks, and people's clients send both alike."""
    text, blocks = text_of(message, "text"), mappings(message.get("blocks"))[:MOST_PARTS]
    found = [words for words in map(words_of, blocks) if words]
    known, shown = _vocabulary(text), _vocabulary("\n".join(words for words in found if RULE not in words))
    if known and known < shown:
        return cut("\n".join(found))
    news = [words for words in found if RULE in words or not _vocabulary(words) <= known]
    return "\n".join(filter(None, [text, cut("\n".join(news))]))


def _vocabulary(text: str) -> set[str]:
    return set(_WORD.findall(_MARKER.sub("", decode(text))))


def _is_preview(attachment: Json, words: str) -> bool:
    """Whether it only shows what a link leads to: a page, or a message whose link stands in the words."""
    addresses = {decode(text_of(attachment, name)) for name in ("from_url", "original_url", "app_unfurl_url")} - {""}
    if attachment.get("is_share") or not addresses:
        return False
    readable = decode(words)
    return not attachment.get("is_msg_unfurl") or any(address in readable for address in addresses)


def _shared(attachment: Json, depth: int) -> list[SharedMessage]:
    """A message that another one shows: its copy stands in the attachment, or in its blocks only."""
    copies = (one.get("message") for one in mappings(attachment.get("message_blocks")))
    blocks = [block for copy in copies if isinstance(copy, Mapping) for block in mappings(copy.get("blocks"))]
    inner = said({"attachments": attachment.get("attachments")}, depth - 1) if depth else Said()
    words = _attached({**attachment, "blocks": [*mappings(attachment.get("blocks")), *blocks]}, inner.attached)
    return [SharedMessage(text_of(attachment, "author_id"), text_of(attachment, "author_name"), words), *inner.shared]


def _attached(attachment: Json, more: str = "") -> str:
    """What an attachment says; its fallback only where nothing else says anything."""
    found = "\n".join(filter(None, [*_pieces(attachment), more]))
    fallback = text_of(attachment, "fallback")
    return cut(found or (fallback if fallback != NO_PREVIEW else ""))


def _pieces(attachment: Json) -> Iterator[str]:
    yield text_of(attachment, "pretext")
    yield _title(attachment)
    yield _words(attachment)
    for field in mappings(attachment.get("fields"))[:MOST_PARTS]:
        yield ": ".join(filter(None, [text_of(field, "title"), text_of(field, "value")]))
    yield from (f"(file {encode(name)})" for name in file_names(attachment))


def _title(attachment: Json) -> str:
    title, link = text_of(attachment, "title"), text_of(attachment, "title_link")
    return f"<{encode(decode(link))}|{title}>" if title and link.startswith(("http://", "https://")) else title
