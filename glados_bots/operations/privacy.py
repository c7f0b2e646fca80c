"""Export or forget everything that is stored about a person or a thread.

store/records.py knows the core's own keys. Adapters store more (titles and views of the page, forms, threads that the
bot takes part in, sessions). To find that, the sweep searches all keys of the platform for the ids to be forgotten.
This is slower, but it also finds what a future adapter stores.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from glados_bots.conversation import Exchange
from glados_bots.store.dead_letters import dead, unanswered
from glados_bots.store.records import Records, Vote
from glados_bots.store.store import Store
from glados_bots.store.sweep import Walk, sweep


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data: a person's or a thread's. One of `author` and `conversation` is empty."""

    author: str = ""
    conversation: str = ""
    others: tuple[str, ...] = ()  # more ids under which the person's questions are stored; see `Platform.ids_of`

    @property
    def authors(self) -> list[str]:
        return sorted({self.author, *self.others} - {""})


@dataclass(slots=True)
class Forgotten:
    """What was deleted."""

    turns: list[str] = field(default_factory=list)  # ids of questions, deleted with their answers
    others: int = 0  # number of other keys, or entries in keys
    running: int = 0  # turns that a worker must still end; their words are deleted, their messages and names not yet


async def export(store: Store, subject: Subject) -> dict[str, Any]:
    """Everything that is stored about a subject, ready for JSON."""
    records, whose = Records(store), subject.authors
    kept = [each for author in whose for each in await records.exchanges_of(author)]
    if subject.conversation:
        kept += [(subject.conversation, exchange) for exchange in await store.history(subject.conversation)]
    pending = [
        {"conversation": letter.turn.conversation, "turn": letter.turn.id, "question": letter.turn.text,
         "attachments": [asdict(file) for file in letter.turn.attachments],
         "author": letter.turn.author, "author_name": letter.turn.author_name, "state": letter.state}
        for letter in await unanswered(store) + await dead(store)
        if letter.turn.author in whose or letter.turn.conversation == subject.conversation
    ]  # fmt: skip
    return {
        "platform": store.platform,
        **({"author": subject.author} if subject.author else {"conversation": subject.conversation}),
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "exchanges": [
            {
                "conversation": conversation,
                **asdict(exchange),
                "votes": await _votes(records, exchange.turn, whose),
                "files": await _files(store, exchange),
            }
            for conversation, exchange in kept
        ],
        "unanswered_or_given_up": pending,
    }


def as_json(found: dict[str, Any]) -> str:
    """An export as the text of a file."""
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


async def _votes(records: Records, turn: str, whose: list[str]) -> dict[str, Vote]:
    """Votes on an answer. A person's export holds only their own votes, because votes of others are private."""
    return {person: vote for person, vote in (await records.votes(turn)).items() if not whose or person in whose}


async def _files(store: Store, exchange: Exchange) -> dict[str, Any]:
    """By the id of each attached file, what is kept of it."""
    kept = await store.contents(exchange.turn) if exchange.attachments else {}
    return {name: json.loads(data) for name, data in kept.items()}


async def forget(store: Store, subject: Subject, walk: Walk = iter) -> Forgotten:
    """Delete everything about a subject. A second call is harmless, and continues where an interrupted one stopped."""
    records, turns, names = Records(store), list[str](), {subject.author, subject.conversation} - {""}
    for author in subject.authors:
        conversations = await records.conversations_of(author)
        turns += await records.forget_author(author)
        names |= {author, *[each for each in conversations if not await store.history(each)]}
    if subject.conversation:
        turns += await records.forget_conversation(subject.conversation)
    names |= set(turns)
    found = Forgotten(turns, await sweep(store, names, walk))
    found.running = len([turn for turn in turns if await store.turn(turn)])
    return found
