"""Searches the chats of one owner, the newest first. A thread of its own does the work, in short steps.

The work grows linearly with the text. MOST_WORK bounds it: some 50 ms on one core, or 8 MB of English.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from glados_bots.store.reads import Stored
from glados_bots.store.store import Store
from glados_web.search.folding import fold
from glados_web.search.snippets import Piece, snippet

MOST_FOUND = 50  # places
MOST_WORK = 8_000_000  # characters as Redis holds them; a text with other letters than ASCII counts three times more
AT_ONCE = 5  # chats per query and step
_THREAD = ThreadPoolExecutor(1, "search")  # searches wait for each other, and no answer waits for a search


@dataclass(frozen=True, slots=True)
class Place:
    """A question or an answer with the words."""

    turn: str  # empty: only the chat's title has the words
    is_answer: bool
    pieces: list[Piece]


@dataclass(slots=True)
class Found:
    """The places that were found, by chat."""

    chats: list[tuple[str, str, list[Place]]] = field(default_factory=list)  # id, title, places
    count: int = 0
    has_more: bool = False
    is_partial: bool = False  # the oldest chats were not searched
    work: int = 0


async def search(store: Store, chats: Sequence[tuple[str, str]], text: str) -> Found:
    """Find the questions and answers that contain every word of the text. `chats`: ids and titles of one owner."""
    words, found = [fold(word) for word in text.split()], Found()
    words = list(filter(None, words))
    for start in range(0, len(chats) if words else 0, AT_ONCE):
        some = chats[start : start + AT_ONCE]
        stored = await store.stored([conversation for conversation, _ in some])
        await asyncio.get_running_loop().run_in_executor(_THREAD, _search, found, some, stored, words)
        if found.has_more:
            break
        if found.work > MOST_WORK:
            found.is_partial = start + AT_ONCE < len(chats)
            break
    return found


def _search(found: Found, chats: Sequence[tuple[str, str]], stored: Sequence[Stored], words: list[str]) -> None:
    for (conversation, title), each in zip(chats, stored, strict=True):
        room = MOST_FOUND - found.count
        places = list(islice(_places(found, title, each, words), room + 1))
        found.has_more = found.has_more or len(places) > room
        if shown := places[:room]:
            found.chats.append((conversation, title, shown))
            found.count += len(shown)


def _places(found: Found, title: str, stored: Stored, words: list[str]) -> Iterator[Place]:
    """Yield the places of one chat, the newest first."""
    found.work += sum(map(len, stored.exchanges))
    is_found = False
    for turn, question, answer in _turns(stored):
        found.work += 0 if question.isascii() and answer.isascii() else 3 * (len(question) + len(answer))
        if place := _place(turn, question, answer, words):
            is_found = True
            yield place
    if not is_found and all(word in fold(title) for word in words):
        yield Place("", False, snippet(title, words))


def _turns(stored: Stored) -> Iterator[tuple[str, str, str]]:
    """Yield id, question and answer of each turn, the newest first. Names of files count as words of the question."""
    for turn, question in reversed(stored.waiting):
        yield turn, question, ""
    for text in reversed(stored.exchanges):
        exchange = json.loads(text)
        names = [each["name"] for each in exchange.get("attachments", ())]
        yield exchange["turn"], "\n".join([exchange["question"], *names]), exchange["answer"]


def _place(turn: str, question: str, answer: str, words: list[str]) -> Place | None:
    """Return the part of a turn with the most of the words, if the turn has all of them."""
    parts = fold(question), fold(answer)
    if not all(any(word in part for part in parts) for word in words):
        return None
    counts = [sum(word in part for word in words) for part in parts]
    is_answer = counts[1] > counts[0]
    return Place(turn, is_answer, snippet(answer if is_answer else question, words))
