"""What the parts that take what people do have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from glados_bots.adapter_core import AdapterCore
from glados_bots.background import Background
from glados_bots.conversation import LANGUAGE, Turn
from glados_bots.intake.desk import Question
from glados_bots.intake.intake import Verdict
from glados_bots.wording.sentence import NOTHING, Sentence
from glados_slack.access import SlackAsker, refusal
from glados_slack.answers.surface import SlackSurface
from glados_slack.connection.calls import Calls
from glados_slack.connection.people import People
from glados_slack.connection.places import conversation_of, message_id
from glados_slack.incoming.facts import SlackFacts
from glados_slack.incoming.notes import SlackNotes
from glados_slack.settings import SlackSettings


@dataclass(slots=True)
class SlackShared:
    """Wired once per process; lives longer than any connection."""

    core: AdapterCore[SlackSurface]
    settings: SlackSettings
    calls: Calls = field(init=False)
    people: People = field(init=False)
    notes: SlackNotes = field(init=False)
    facts: SlackFacts = field(init=False)
    background: Background = field(default_factory=Background)  # what is done after Slack was answered

    def __post_init__(self) -> None:
        self.calls = self.core.surface.calls
        self.people = People(self.calls)
        self.notes = SlackNotes(self.core.marks, self.calls, self.language_of)
        self.facts = SlackFacts(self.core.store)

    async def language_of(self, place: Mapping[str, str], user: str) -> str:
        """The language of what the bot says to somebody at a place: the channel's own, or that of their Slack."""
        return await self.core.language(place["channel"], await self.people.locale(place, user))


@dataclass(slots=True)
class AskedOnSlack:
    """A question as the core's desk wants it: what those of messages and of commands have in common."""

    obstacle: ClassVar[Sentence] = NOTHING  # Slack tells of it at the first post

    shared: SlackShared
    place: Mapping[str, str]
    asker: SlackAsker

    @property
    def refusal(self) -> Sentence:
        """Why the operator's lists are against an answer."""
        return refusal(self.shared.settings, self.asker)

    async def remember(self, turn: Turn, verdict: Verdict) -> None:
        """`asked_at` of its place is when it was asked, if its message was written before."""
        if verdict.status == "accepted":
            since = turn.place.get("asked_at") or turn.place["ts"]
            await self.shared.core.marks.join(turn.conversation, since)
        await self.shared.facts.note_asked(turn.place)

    async def turn_at(self, place: Mapping[str, str], question: Question) -> Turn:
        """The turn at a place; `ts` of the place is its question."""
        user = self.asker.user
        return Turn(
            id=message_id(place["channel"], place["ts"]),
            conversation=conversation_of(place["channel"], place["thread"]),
            author=user,
            text=question.text,
            attachments=question.attachments,
            author_name="" if place["kind"] == "im" else await self.shared.people.name(place, user),
            channel=place["channel"],
            place={**place, LANGUAGE: await self.shared.language_of(place, user)},
        )
