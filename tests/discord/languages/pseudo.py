"""Finds words of ours that are in no catalogue, by a language that marks all those that are.

In `en-XA` a sentence stands in ⟦…⟧, and no letter of `AEIOUYaeiouycnsz` in it is without an accent. What people and
models say in these tests has no letters at all.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from glados_bots.wording import writing
from glados_bots.wording.languages import NAMES, PSEUDO
from glados_bots.wording.sentence import Sentence, say
from tests.discord.conftest import World, buttons
from tests.fakes.discord import Channel, FakeDiscord, Message, MessageRecord, Person
from tests.fakes.discord.world.state import NewFile

# Mentions, code (names of models, commands as people type them), names, and what languages call themselves.
_DATA = re.compile(rf"<[@#][!&]?\d+>|`[^`]*`|answer\.md|Discord|UTC|en-XA|{'|'.join(map(re.escape, NAMES.values()))}")
_MARKED = re.compile(r"⟦[^⟦⟧]*⟧")  # of nested ones the inner ones first
_UNMARKED = re.compile(r"[AEIOUYaeiouycnsz]")
PICTURE = ("7.7", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(9))  # damaged
NOTES = ("8.8", "text/markdown", b"42")
Way = Callable[["PseudoWorld"], Awaitable[None]]


@dataclass
class PseudoWorld:
    """A world whose server and people read the pseudo-language."""

    world: World
    heard: set[str]  # names of the sentences that were written in it
    monkeypatch: pytest.MonkeyPatch

    @property
    def fake(self) -> FakeDiscord:
        return self.world.fake

    @property
    def channel(self) -> Channel:
        return self.world.channel

    async def ask(self, text: str = "1?", by: Person | None = None, where: Channel | None = None) -> Message:
        return await self.world.ask(text, by, where)

    async def ask_with(self, *files: NewFile, text: str = "1?") -> Message:
        """Mention the bot in a message with files."""
        return await self.world.ada.say(self.channel, f"{self.fake.bot.mention} {text}", files=list(files))

    async def private(
        self, command: str, by: Person | None = None, where: Channel | None = None, **given: object
    ) -> str:
        """What a command answers."""
        interaction = await (by or self.world.ada).run(where or self.channel, command, **given)
        await self.world.until(lambda: interaction.content)
        return interaction.content

    async def until_heard(self, *names: str) -> None:
        await self.world.until(lambda: set(names) <= self.heard)

    async def click(self, message: Message, name: str, by: Person | None = None) -> str:
        """What a press on a button is answered with."""
        person = by or self.world.ada
        before = len(self.world.told_to(person))
        await person.click(message, name)
        await self.world.until(lambda: len(self.world.told_to(person)) > before)
        return self.world.told_to(person)[-1]

    async def thread(self, question: Message, text: str = "42") -> tuple[Channel, Message]:
        """Thread and last message of a complete answer."""
        redo = button("button-redo")

        def complete() -> list[MessageRecord]:
            found = self.fake.answers(question.thread) if question.thread else []
            return [one for one in found if text in one.content and redo in buttons(one)]

        await self.world.until(complete)
        return self.world.thread(question), self.fake.message(complete()[-1])


@dataclass(frozen=True)
class Drive:
    """A way to make the bot speak, and the sentences that must be heard on it."""

    run: Way
    names: frozenset[str]


WAYS: dict[str, Drive] = {}


def way(*names: str, called: str = "") -> Callable[[Way], Way]:
    """Register a way for the tests, with the names of the sentences it leads to; `called` where a function has many."""

    def register(run: Way) -> Way:
        WAYS[called or run.__name__] = Drive(run, frozenset(names))
        return run

    return register


async def drive(name: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go one way; then no word may be left outside, and all its sentences must have been said."""
    heard = set[str]()
    write = writing.written

    def written(sentence: Sentence, language: str) -> str:
        if language == PSEUDO:
            heard.add(sentence.name)
        return write(sentence, language)

    monkeypatch.setattr(writing, "written", written)
    world.guild.set_locale(PSEUDO)
    world.ada.locale = world.bob.locale = PSEUDO
    world.engine.models = ("42",)
    world.script("42")
    await WAYS[name].run(PseudoWorld(world, heard, monkeypatch))
    left = [text for text in texts(world.fake) if outside(text)]
    assert not left, left
    assert WAYS[name].names <= heard, WAYS[name].names - heard


def texts(fake: FakeDiscord) -> Iterator[str]:
    """Everything that the bot has ever told people in words."""
    for record in fake.ledger.messages.values():
        if record.author.id == fake.bot.id:
            for revision in record.revisions:
                yield revision.content
                yield from (part.get("label") or "" for row in revision.components for part in row["components"])
    for channel in fake.world.channels.values():
        if channel.thread and channel.thread.owner_id == fake.bot.id:
            yield channel.name


def outside(text: str) -> str:
    """What of a text stands in no catalogue; empty when all does, or is data."""
    rest = _DATA.sub("", text)
    if found := _UNMARKED.findall(rest):
        return "".join(found)
    while _MARKED.search(rest):
        rest = _MARKED.sub("", rest)
    return "".join(re.findall(r"[^\W\d_]|[⟦⟧]", rest))


def button(name: str) -> str:
    return say(name).in_language(PSEUDO)
