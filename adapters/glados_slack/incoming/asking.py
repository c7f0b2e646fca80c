"""Questions that are no message of a person: `/glados ask` and the shortcut on a message. The bot posts them first."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from glados_bots.conversation import Attachment, Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.intake.addressing import is_nothing
from glados_bots.intake.desk import Question
from glados_bots.intake.intake import Verdict
from glados_bots.wording.sentence import NOTHING, Sentence, say
from glados_slack.access import SlackAsker
from glados_slack.answers.block_kit import Block
from glados_slack.answers.refusals import why_closed
from glados_slack.connection.budgets import budget, new_messages
from glados_slack.connection.calls import RefusedError
from glados_slack.connection.escaping import encode
from glados_slack.incoming.shared import AskedOnSlack, SlackShared

log = logging.getLogger(__name__)

MAX_SHOWN = 2_500  # characters of a question shown again; the model reads all of it
MAX_TEXT = 3_000
OUTAGE_S, OUTAGE_NAP_S = 10.0, 0.25


@dataclass(frozen=True, slots=True)
class About:
    """A message that somebody asks about."""

    words: str = ""  # its text, and the names of its files
    files: tuple[Attachment, ...] = ()


NO_MESSAGE = About()


@dataclass(slots=True)
class AskedBySlackCommand(AskedOnSlack):
    """A question of somebody in a channel, or in a thread of it (`thread` of the place)."""

    question: str
    about: About  # a message they ask about
    posted: Turn | None = None  # the turn, once its question stands there

    async def read(self) -> Question:
        """The question below the message that it is about."""
        if is_nothing(self.question):
            return Question()
        about = f"About this message:\n{_quoted(self.about.words)}\n\n" if self.about.words else ""
        return Question(about + self.question, self.about.files, length=len(about) + len(self.question))

    async def turn(self, question: Question) -> Turn:
        """Post the question, once. Raises RefusedError when the bot may not write there."""
        if self.posted is None:
            ts = await self._post()
            place = {**self.place, "ts": ts, "thread": self.place["thread"] or ts}
            self.posted = await self.turn_at(place, question)
        return self.posted

    async def _post(self) -> str:
        place, name = self.place, await self.shared.people.name(self.place, self.asker.user)
        limits = new_messages(place["team"], place["channel"])
        await self.shared.calls.wait(limits, place["channel"])
        is_beside = bool(self.about.words and place["thread"])  # the message stands right there
        language = await self.shared.language_of(place, self.asker.user)
        heading = say("asked-about-by" if is_beside else "asked-by", name=name).in_language(language)
        is_alone = is_beside or not self.about.words
        shown = self.question if is_alone else f"{self.question}\n\n{self.about.words}"
        made = await self.shared.calls(
            place, "chat.postMessage", limits, channel=place["channel"], thread_ts=place["thread"] or None,
            blocks=[_shown(heading, shown)],
            text=encode(f"{heading} {shown}")[:MAX_TEXT],
        )  # fmt: skip
        return str(made["ts"])


class SlackAsking:
    """Posts questions for people, and takes them in."""

    def __init__(self, shared: SlackShared) -> None:
        self._shared = shared

    async def ask(self, place: Mapping[str, str], user: str, question: str, *, about: About = NO_MESSAGE) -> Sentence:
        """Ask in a channel, or in a thread of it (`thread` of the place), perhaps about a message.

        Returns:
            What the person is told when it could not be asked, else nothing.

        Raises:
            RefusedError: the bot may not write there.
        """
        asker = SlackAsker(user, place["channel"], place["kind"] == "im")
        asked = AskedBySlackCommand(self._shared, place, asker, question, about)
        try:
            verdict = await self._take_in(asked)
        except StoreUnavailableError as error:
            if asked.posted is None:
                raise
            log.warning("turn %s: %s; its question is posted but cannot be saved", asked.posted.id, error)
            await self._shared.notes.say(asked.posted.place, user, say("store-unreachable-asked"))
            return NOTHING
        if verdict.refusal and asked.posted:
            calls, ts = self._shared.calls, asked.posted.place["ts"]
            await calls.wait(budget(place["team"], "chat.delete"), user)
            await calls.quietly(place, "chat.delete", channel=place["channel"], ts=ts)
        return say("no-question") if verdict.status == "empty" else verdict.refusal

    async def _take_in(self, asked: AskedBySlackCommand) -> Verdict:
        """Take the question in, also when Redis comes back a little later, if it stands in the channel already."""
        give_up_at = time.monotonic() + OUTAGE_S
        while True:
            try:
                return await self._shared.core.desk.ask(asked)
            except StoreUnavailableError:
                if asked.posted is None or time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(OUTAGE_NAP_S)


def why_not_posted(error: RefusedError) -> Sentence:
    """Why a question could not be put there, for people."""
    reason = why_closed(error.code)
    return say("cannot-answer-there", reason=reason) if reason else say("slack-refused")


def _shown(heading: str, text: str) -> Block:
    """The question as literal text."""
    words = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + " …"
    return {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": heading, "style": {"bold": True}}]},
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": words}]},
        ],
    }


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
