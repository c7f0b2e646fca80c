"""A message that asks, or was edited: what the core's desk wants to know of it."""

import asyncio
from dataclasses import dataclass
from typing import Self

from glados_bots.conversation import Turn, each_once
from glados_bots.intake.desk import Question
from glados_bots.intake.intake import Verdict
from glados_slack.access import SlackAsker
from glados_slack.connection.heard_changes import HeardChanges
from glados_slack.connection.installs import Install
from glados_slack.connection.places import Event, place_of
from glados_slack.connection.standing import Standing, is_late
from glados_slack.incoming.addressing import addressed
from glados_slack.incoming.earlier import Before, Earlier
from glados_slack.incoming.shared import AskedOnSlack, SlackShared
from glados_slack.words.reading import Reader


@dataclass(slots=True)
class AskedInSlackMessage(AskedOnSlack):
    """A message of a person."""

    event: Event  # the message, as it stands at Slack when its event is late
    install: Install
    changes: HeardChanges
    asked_at: str = ""  # when an edit has made a question of it; empty if it was written as one
    before: Before | None = None  # for the edit of a question that was saved before

    @classmethod
    def of(cls, shared: SlackShared, event: Event, install: Install, changes: HeardChanges) -> Self:
        asker = SlackAsker(event.user, event.channel, event.kind == "im", event.is_external)
        return cls(shared, place_of(event, install), asker, event, install, changes)

    async def read(self) -> Question | None:
        """Words below what was said earlier, and the files of both. In a thread, a file without words asks nothing."""
        if self.before is None and is_late(self.event):
            found = await Standing(self.shared.calls, self.changes).now(self.event, self.place)
            if found is None or addressed(found, self.install.bot_user) is None:
                return None
            self.event = found
        reader = Reader(self.shared.people, self.shared.settings, self.install, self.place)
        data = self.event.data
        words, files = await asyncio.gather(reader.words(data), reader.attachments(data))
        is_aside = addressed(self.event, self.install.bot_user) == "thread"
        if not words and (is_aside or not files):
            return Question()
        before = self.before or await Earlier(self.shared).read(self.event, self.install, self.place, reader)
        return Question(before.words + words, each_once([*files, *before.files]), len(words))

    async def turn(self, question: Question) -> Turn:
        """The turn of a message; its place knows when an edit made a question of it."""
        asked_at = {"asked_at": self.asked_at} if self.asked_at else {}
        return await self.turn_at({**self.place, **asked_at}, question)

    async def remember(self, turn: Turn, verdict: Verdict) -> None:
        """A message's deletion may have come before it."""
        await AskedOnSlack.remember(self, turn, verdict)
        await self.changes.follow(turn.id)
