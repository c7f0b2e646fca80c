"""What is pressed under an answer: Stop, Regenerate, and Slack's thumbs."""

import json
from collections.abc import Mapping

from glados_bots.admins import Admins
from glados_bots.conversation import Turn
from glados_bots.files_out.answer import whole
from glados_bots.store.records import Vote
from glados_bots.wording.sentence import Sentence, say
from glados_slack.access import SlackAsker, refusal
from glados_slack.incoming.shared import SlackShared

NOT_YOURS = say("not-yours-slack")


class Controls:
    """Does what a button says, for those who may."""

    def __init__(self, shared: SlackShared) -> None:
        self._core = shared.core
        self._people = shared.people
        self._notes = shared.notes
        self._settings = shared.settings
        self._admins = Admins.parse(shared.core.settings.admins)

    async def stop(self, place: Mapping[str, str], user: str, turn_id: str) -> None:
        if turn := await self._theirs(place, user, turn_id):
            await self._core.store.change(turn.id, "stop")

    async def redo(self, place: Mapping[str, str], user: str, turn_id: str) -> None:
        if turn := await self._theirs(place, user, turn_id):
            no = refusal(self._settings, SlackAsker(user, place["channel"], place["kind"] == "im"))
            verdict = await self._core.desk.ask_again(turn.id, user, no)
            if verdict.refusal:
                await self._notes.whisper(place, user, verdict.refusal)

    async def as_file(self, place: Mapping[str, str], user: str, turn_id: str) -> None:
        """Give an answer back as a file in its thread, once, for everybody whom the bot answers."""
        if said := await self._as_file(place, user, turn_id):
            await self._notes.whisper(place, user, said)

    async def _as_file(self, place: Mapping[str, str], user: str, turn_id: str) -> Sentence:
        """What the person is told, if anything."""
        turn = await self._core.store.turn(turn_id)
        if turn is None or turn.place.get("channel") != place["channel"]:
            return say("too-old")
        if no := refusal(self._settings, SlackAsker(user, place["channel"], place["kind"] == "im")):
            return no
        if await self._core.store.state(turn.id) != "done":
            return say("answer-not-ended")
        ended = await self._core.store.ended(turn)
        if ended is None:
            return say("too-old")
        files = self._core.surface.files
        said = await files.give(turn, whole(ended.answer))
        if await self._core.store.ended(turn) != ended:  # it began again, or was forgotten, meanwhile
            await files.take_away(turn)
        return said

    async def vote(self, place: Mapping[str, str], user: str, value: str) -> None:
        """Keep a vote; the same one again takes it back."""
        turn_id, vote = _vote(value)
        if await self._core.records.press(turn_id, user, vote) is None:
            await self._notes.whisper(place, user, say("too-old"))

    async def may_manage(self, place: Mapping[str, str], user: str) -> bool:
        """Whether somebody may set what concerns others: admins of the workspace and of the operator.

        In direct messages it concerns themselves, if the bot talks to them at all.
        """
        named = self._admins.has("slack", f"{place['team']}/{user}") or self._admins.has("slack", user)
        asker = SlackAsker(user, place["channel"], is_direct=place["kind"] == "im")
        is_own = asker.is_direct and not refusal(self._settings, asker)
        return is_own or named or await self._people.is_admin(place, user)

    async def _theirs(self, place: Mapping[str, str], user: str, turn_id: str) -> Turn | None:
        """The turn, if this person may change it; else they are told why not."""
        turn = await self._core.store.turn(turn_id)
        if turn is None or turn.place.get("channel") != place["channel"]:
            await self._notes.whisper(place, user, say("too-old"))
            return None
        if turn.author != user and not await self.may_manage(place, user):
            await self._notes.whisper(place, user, NOT_YOURS)
            return None
        return turn


def _vote(value: str) -> tuple[str, Vote]:
    turn, vote = json.loads(value)
    return str(turn), "up" if vote == "up" else "down"
