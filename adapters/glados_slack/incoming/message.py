"""A message that asks, or was edited: what the core's desk wants to know of it."""

import asyncio

from glados_bots.conversation import Turn
from glados_bots.intake.desk import Question
from glados_bots.intake.intake import Verdict
from glados_slack.access import Asker
from glados_slack.connection.heard_changes import HeardChanges
from glados_slack.connection.installs import Install
from glados_slack.connection.places import Event, place_of
from glados_slack.connection.standing import Standing, is_late
from glados_slack.incoming.earlier import Earlier
from glados_slack.incoming.questions import addressed
from glados_slack.incoming.shared import Asked, Shared
from glados_slack.words.reading import Reader
from glados_slack.words.said import files_of


class AskedByMessage(Asked):
    """A message of a person.

    Args:
        asked_at: when an edit has made a question of it; empty if it was written as one.
        earlier: for the edit of a question that was taken in before: the quotation it began with.
    """

    def __init__(
        self,
        shared: Shared,
        changes: HeardChanges,
        event: Event,
        install: Install,
        *,
        asked_at: str = "",
        earlier: str | None = None,
    ) -> None:
        asker = Asker(event.user, event.channel, event.kind == "im", event.is_external)
        super().__init__(shared, place_of(event, install), asker)
        self._changes = changes
        self._event = event
        self._install = install
        self._asked_at = asked_at
        self._earlier = earlier

    async def read(self) -> Question | None:
        """Words and files below what was said earlier. Files take the room that the words leave."""
        if self._earlier is None and is_late(self._event):
            found = await Standing(self._shared.calls, self._changes).now(self._event, self.place)
            if found is None or addressed(found, self._install.bot_user) is None:
                return None
            self._event = found
        reader = Reader(self._shared.people, self._shared.settings, self._install, self.place)
        data = self._event.data
        words, files = await asyncio.gather(
            reader.words(data), self._shared.files.read(files_of(data), self._install, self.place)
        )
        if not words and not files.read:
            return Question(left_out=files.fitted(0)[1])
        earlier = self._earlier
        if earlier is None:
            earlier = await Earlier(self._shared).read(self._event, self._install, self.place, reader)
        room = self._shared.core.settings.message_max_chars - len(earlier) - len(words)
        shown, left_out = files.fitted(room)
        return Question(earlier + "\n\n".join(filter(None, [words, shown])), left_out, len(words))

    async def turn(self, question: Question) -> Turn:
        """Its place knows when an edit made a question of it."""
        asked_at = {"asked_at": self._asked_at} if self._asked_at else {}
        return await self.turn_at({**self.place, **asked_at}, question.text)

    async def remember(self, turn: Turn, verdict: Verdict) -> None:
        """Its deletion may have come before it."""
        await super().remember(turn, verdict)
        await self._changes.follow(turn.id)
