"""Questions that are no message of a person: `/glados ask` and the shortcut on a message. The bot posts them first."""

import asyncio
import logging
import time
from collections.abc import Mapping

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.intake.addressing import is_nothing
from glados_bots.intake.intake import Verdict
from glados_bots.wording import NO_QUESTION, NOT_TAKEN_IN, TOO_LONG
from glados_slack.access import Asker, refusal
from glados_slack.answers.block_kit import Block
from glados_slack.answers.refusals import why_closed
from glados_slack.connection.budgets import budget, new_messages
from glados_slack.connection.calls import RefusedError
from glados_slack.connection.escaping import encode
from glados_slack.incoming.desk import SlackDesk
from glados_slack.incoming.shared import Shared

log = logging.getLogger(__name__)

MAX_SHOWN = 2_500  # characters of a question shown again; the model reads all of it
MAX_TEXT = 3_000
OUTAGE_S, OUTAGE_NAP_S = 10.0, 0.25


class Asking:
    """Posts questions for people, and takes them in."""

    def __init__(self, shared: Shared, desk: SlackDesk) -> None:
        self._core = shared.core
        self._calls = shared.calls
        self._people = shared.people
        self._notes = shared.notes
        self._settings = shared.settings
        self._desk = desk

    async def ask(self, place: Mapping[str, str], user: str, question: str, *, about: str = "") -> str:
        """Ask in a channel, or in a thread of it (`thread` of the place).

        Args:
            place: where; its `ts` is not known yet.
            user: who asks.
            question: their words.
            about: a message they ask about.

        Returns:
            A sentence for the person when it could not be asked, else nothing.

        Raises:
            RefusedError: the bot may not write there.
        """
        if is_nothing(question):
            return NO_QUESTION
        text = f"About this message:\n{_quoted(about)}\n\n{question}" if about else question
        longest = self._core.settings.message_max_chars
        if no := refusal(self._settings, Asker(user, place["channel"], place["kind"] == "im")):
            return no
        if len(text) > longest:
            return TOO_LONG.format(length=len(text), allowed=longest)
        name = await self._people.name(place, user)
        ts = await self._post(place, name, question, about)
        turn = await self._desk.turn({**place, "ts": ts, "thread": place["thread"] or ts}, user, text)
        try:
            refused = (await self._accept(turn)).refusal
        except StoreUnavailableError as error:
            log.warning("turn %s: %s; its question stands there and cannot be taken in", turn.id, error)
            await self._notes.say(turn.place, NOT_TAKEN_IN)
            return ""
        if refused:
            await self._calls.wait(budget(place["team"], "chat.delete"), user)
            await self._calls.quietly(place, "chat.delete", channel=place["channel"], ts=ts)
        return refused

    async def _accept(self, turn: Turn) -> Verdict:
        """Take the question in, also when Redis comes back a little later: it stands in the channel already."""
        give_up_at = time.monotonic() + OUTAGE_S
        while True:
            try:
                return await self._desk.accept(turn)
            except StoreUnavailableError:
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(OUTAGE_NAP_S)

    async def _post(self, place: Mapping[str, str], name: str, question: str, about: str) -> str:
        limits = new_messages(place["team"], place["channel"])
        await self._calls.wait(limits, place["channel"])
        verb = "asks about this message" if about and place["thread"] else "asks"
        shown = question if not about or place["thread"] else f"{question}\n\n{about}"
        made = await self._calls(
            place, "chat.postMessage", limits, channel=place["channel"], thread_ts=place["thread"] or None,
            blocks=[_shown(name, verb, shown)],
            text=encode(f"{name} {verb}: {shown}")[:MAX_TEXT],
        )  # fmt: skip
        return str(made["ts"])


def why_not_posted(error: RefusedError) -> str:
    """Why a question could not be put there, for people."""
    reason = why_closed(error.code)
    return f"I cannot answer there: {reason}" if reason else "Slack did not let me write there; please try again."


def _shown(name: str, verb: str, text: str) -> Block:
    """The question as literal text."""
    words = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + " …"
    heading = [{"type": "text", "text": name, "style": {"bold": True}}, {"type": "text", "text": f" {verb}:"}]
    return {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": heading},
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": words}]},
        ],
    }


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
