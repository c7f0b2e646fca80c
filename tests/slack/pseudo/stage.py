"""Where a scenario plays: people whose Slack is in the pseudo-language, and a record of the sentences said in it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from glados_bots.store.connection import Client
from glados_bots.wording import writing
from glados_bots.wording.catalogue import template
from glados_bots.wording.languages import PSEUDO
from glados_bots.wording.sentence import Sentence, Value, say
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Interaction, Message, MessageRecord, Person, View
from tests.slack.conftest import Adapter, answered, read, told
from tests.slack.pseudo.odd_model import OddModel

QUESTION = "Τί ἐστιν;"  # no word of it is English
REDO, STOP, VOTE = "glados_redo", "glados_stop", "glados_vote"


@dataclass
class Stage:
    """What a scenario needs."""

    slack: FakeSlack
    adapter: Adapter
    channel: Channel
    model: ScriptedModel  # says Greek words
    client: Client
    admin: Client
    patch: pytest.MonkeyPatch
    odd: OddModel
    odd_url: str  # where the odd model is reached
    said: set[str] = field(default_factory=set)  # names of the sentences said in the pseudo-language

    def __post_init__(self) -> None:
        self.patch.setattr(writing, "template", self._template)
        self.model.pieces = ["Λόγος ", "**ἐστίν**", "."]

    def _template(self, name: str, language: str, count: int | None = None) -> str:
        if language == PSEUDO:
            self.said.add(name)
        return template(name, language, count)

    async def forget_all(self) -> None:
        """Empty the store."""
        async for key in self.client.scan_iter("*"):
            await self.client.delete(key)

    def person(self, name: str = "Ἄννα") -> Person:
        return self.slack.add_user(name, locale=PSEUDO)

    async def ask(self, person: Person, text: str = QUESTION, *, thread: Message | None = None) -> Message:
        return await person.say(self.channel, f"{self.slack.bot.mention} {text}".strip(), thread=thread)

    async def answer(self, person: Person, text: str = QUESTION) -> MessageRecord:
        """The end of an answer."""
        return (await answered(self.slack, await self.ask(person, text)))[-1]

    async def told(self, person: Person, name: str, **values: Value) -> MessageRecord:
        return await told(self.slack, person, say(name, **values), PSEUDO)

    async def run(self, person: Person, text: str, *, where: Channel | None = None) -> Interaction:
        """Use the command, and wait for what it says."""
        used = await person.run(where or self.channel, "/glados", text)
        await self.slack.wait_for(lambda: used.messages, what=f"for a reply to {text!r}")
        return used

    async def form(self, used: Interaction) -> View:
        await self.slack.wait_for(lambda: used.view, what="for a form")
        assert used.view is not None
        return used.view

    async def refused(self, person: Person, form: View, values: dict[str, str]) -> None:
        """Send a form off, and wait for the error below one of its fields."""
        form.errors = {}
        await person.submit(form, values)
        await self.slack.wait_for(lambda: form.errors, what="for an error in the form")

    async def says(self, name: str) -> None:
        """Return when this sentence was said in the pseudo-language, whatever stands in its fields."""
        await self.slack.wait_for(lambda: name in self.said, what=f"for {name!r}")

    async def status(self, thread: Message, said: Sentence) -> None:
        """Return when the status line of a thread says this."""
        where, text = (self.channel.id, thread.root), said.in_language(PSEUDO)
        await self.slack.wait_for(lambda: self.slack.ledger.status(*where) == text, what=text)

    async def stands(self, said: Sentence) -> None:
        """Return when some message of the bot says this."""
        text = read(said, PSEUDO)
        await self.slack.wait_for(
            lambda: any(text in one.content for one in self.slack.answers()), what=f"for {text!r}"
        )


Play = Callable[[Stage], Awaitable[None]]
SCENARIOS: dict[str, tuple[Play, frozenset[str]]] = {}  # by their names, each with the sentences it must bring out


def scenario(names: str) -> Callable[[Play], Play]:
    """A play, and the names of the sentences that it must bring out."""

    def add(play: Play) -> Play:
        SCENARIOS[play.__name__] = (play, frozenset(names.split()))
        return play

    return add
