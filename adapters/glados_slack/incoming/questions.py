"""A message that asks, or was edited: what the core's desk wants to know of it."""

import asyncio
from dataclasses import dataclass
from typing import Self

from glados_bots.conversation import Turn
from glados_bots.intake.desk import Question
from glados_bots.intake.intake import Verdict
from glados_slack.access import SlackAsker
from glados_slack.connection.heard_changes import HeardChanges
from glados_slack.connection.installs import Install
from glados_slack.connection.places import Event, place_of
from glados_slack.connection.standing import Standing, is_late
from glados_slack.incoming.addressing import addressed
from glados_slack.incoming.earlier import Earlier
from glados_slack.incoming.shared import AskedOnSlack, SlackShared
from glados_slack.words.reading import Reader
from glados_slack.words.said import files_of


@dataclass(slots=True)
class AskedInSlackMessage(AskedOnSlack):
    """A message of a person."""

    event: Event  # the message, as it stands at Slack when its event is late
    install: Install
    changes: HeardChanges
    asked_at: str = ""  # when an edit has made a question of it; empty if it was written as one
    earlier: str | None = None  # for the edit of a question that was saved before: the quotation it began with

    @classmethod
    def of(cls, shared: SlackShared, event: Event, install: Install, changes: HeardChanges) -> Self:
        asker = SlackAsker(event.user, event.channel, event.kind == "im", event.is_external)
        return cls(shared, place_of(event, install), asker, event, install, changes)

    async def read(self) -> Question | None:
        """Words and files below what was said earlier. Files take the room that the words leave."""
        if self.earlier is None and is_late(self.event):
            found = await Standing(self.shared.calls, self.changes).now(self.event, self.place)
            if found is None or addressed(found, self.install.bot_user) is None:
                return None
            self.event = found
        reader = Reader(self.shared.people, self.shared.settings, self.install, self.place)
        data = self.event.data
        words, files = await asyncio.gather(
            reader.words(data), self.shared.files.read(files_of(data), self.install, self.place)
        )
        if not words and not files.read:
            return Question(left_out=files.fitted(0)[1])
        earlier = self.earlier
        if earlier is None:
            earlier = await Earlier(self.shared).read(self.event, self.install, self.place, reader)
        room = self.shared.core.settings.message_max_chars - len(earlier) - len(words)
        shown, left_out = files.fitted(room)
        return Question(earlier + "\n\n".join(filter(None, [words, shown])), left_out, len(words))

    async def turn(self, question: Question) -> Turn:
        """The turn of a message; its place knows when an edit made a question of it."""
        asked_at = {"asked_at": self.asked_at} if self.asked_at else {}
        return await self.turn_at({**self.place, **asked_at}, question.text)

    async def remember(self, turn: Turn, verdict: Verdict) -> None:
        """A message's deletion may have come before it."""
        await AskedOnSlack.remember(self, turn, verdict)
        await self.changes.follow(turn.id)
