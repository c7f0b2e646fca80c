"""The front desk: every message of Slack comes by here, and is accepted, answered with a sentence, or not our business.

One post may come as several events (`app_mention` and `message`, each again and again): all of them lead to the same
turn, whose id is the channel and the timestamp, and the first to be saved counts. Slack is told that we have an event
when this has returned; StoreUnavailableError means that it must send the event again.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.intake.intake import Verdict
from glados_bots.wording import HOW_TO_ASK_ON_SLACK, TOO_LONG
from glados_slack.access import Asker, refusal
from glados_slack.connection.installs import Install
from glados_slack.connection.marks import Marks
from glados_slack.connection.places import Event, conversation_of, message_id, place_of, thread_of
from glados_slack.connection.standing import Standing, is_late
from glados_slack.incoming.earlier import Earlier, quoted_in
from glados_slack.incoming.joining import Joining
from glados_slack.incoming.questions import ASKING, Edit, Reason, addressed, is_edit, is_question
from glados_slack.incoming.shared import Shared
from glados_slack.words.reading import Reader
from glados_slack.words.said import files_of

log = logging.getLogger(__name__)

OUTAGE_S, OUTAGE_NAP_S = 1.8, 0.2  # Redis may be back before Slack must hear from us


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message asks.

    Attributes:
        text: for the model; empty when neither words nor files say anything.
        unread: for the person: sentences about files that were not read.
        length: characters of its words. What was said earlier, and files, have bounds of their own.
    """

    text: str = ""
    unread: str = ""
    length: int = 0


class SlackDesk:
    """Takes messages, their edits and their deletions."""

    def __init__(self, shared: Shared) -> None:
        self._core = shared.core
        self._people = shared.people
        self._files = shared.files
        self._notes = shared.notes
        self._settings = shared.settings
        self._marks = Marks(shared.core.store)
        self._memory = shared.memory
        self._joining = Joining(shared.core.store)
        self._earlier = Earlier(shared, self._joining)
        self._standing = Standing(shared.calls, self._marks)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- events ----------------------------------------------------------------------------------------------------

    async def take_message(self, event: Event, install: Install) -> None:
        """An event of a message, `message` or `app_mention`; those of one thread are taken one after the other."""
        lock = self._locks.setdefault(conversation_of(event.channel, thread_of(event)), asyncio.Lock())
        give_up_at = time.monotonic() + OUTAGE_S
        async with lock:
            while True:
                try:
                    await self._memory.note_channel(event, install)
                    return await self._take(event, install)
                except StoreUnavailableError:
                    if time.monotonic() > give_up_at:
                        raise
                    await asyncio.sleep(OUTAGE_NAP_S)

    async def _take(self, event: Event, install: Install) -> None:
        match event.subtype:
            case "message_changed":
                await self._changed(event, install)
            case "message_deleted":
                await self._marks.delete(message_id(event.channel, event.data.get("deleted_ts", "")))
            case subtype if subtype in ASKING:
                await self._said(event, install)
            case _:
                pass

    async def _said(self, event: Event, install: Install) -> None:
        """Somebody wrote a message, or put our mention into one: Slack tells of that as if it were new, too."""
        name = message_id(event.channel, event.ts)
        if addressed(event, install.bot_user) is None:
            return
        if await self._core.store.turn(name):  # whoever took it in may have died right after
            await self._joining.join(conversation_of(event.channel, event.thread), event.edited or event.ts)
            await self._marks.follow(name)
            await self._memory.note_asked(place_of(event, install))
            return
        told_at = max(event.told_at, event.edited)
        edit = Edit(told_at) if event.type == "app_mention" and told_at > event.ts else None
        if reason := await self._why(event, install, edit):
            await self._ask(event, install, reason, edit)

    async def stopped(self, channel: str, thread: str, author: str) -> None:
        """Slack's own stop button was pressed in a thread: what this person asked there ends; without one, all of it.

        Slack has ended the stream that was shown already, whoever pressed: see glados_slack/answers/streams.py.
        """
        await self._core.commands.stop(conversation_of(channel, thread), author)

    async def accept(self, turn: Turn, *names: str) -> Verdict:
        """Take a turn in; `asked_at` of its place is when that was, if its message was written before."""
        verdict = await self._core.intake.accept(turn, dedupe=names)
        if verdict.status == "accepted":
            await self._joining.join(turn.conversation, turn.place.get("asked_at") or turn.place["ts"])
        await self._memory.note_asked(turn.place)
        return verdict

    async def turn(self, place: Mapping[str, str], user: str, text: str) -> Turn:
        """A turn of somebody at a place; `ts` of the place is its question."""
        return Turn(
            id=message_id(place["channel"], place["ts"]),
            conversation=conversation_of(place["channel"], place["thread"]),
            author=user,
            text=text,
            author_name="" if place["kind"] == "im" else await self._people.name(place, user),
            channel=place["channel"],
            place=place,
        )

    # --- questions -------------------------------------------------------------------------------------------------

    async def _why(self, event: Event, install: Install, edit: Edit | None) -> Reason | None:
        """Why a message asks us; None when it does not."""
        bot, thread = install.bot_user, conversation_of(event.channel, event.thread)
        reason = addressed(event, bot)
        is_told_in_thread = reason == "thread" and edit is None
        joined = await (self._joining.soon(event) if is_told_in_thread else self._joining.of(thread))
        return reason if is_question(event, bot, joined, edit) else None

    async def _ask(self, event: Event, install: Install, reason: Reason, edit: Edit | None) -> Verdict | None:
        """Take a question in; None when it is none that is taken in."""
        place = place_of(event, install)
        if await self._marks.is_deleted(message_id(event.channel, event.ts)) or await self._is_refused(event, place):
            return None
        if is_late(event):
            found = await self._standing.now(event, place)
            if found is None or addressed(found, install.bot_user) is None:
                return None
            event = found
        asked = await self._read(event, install, place)
        if not asked.text:
            if reason != "thread" and await self._notes.once(f"help:{message_id(event.channel, event.ts)}"):
                await self._notes.say(place, asked.unread or HOW_TO_ASK_ON_SLACK)
            return None
        if await self._is_too_long(event, place, asked):
            return None
        turn = await self.turn(place | ({"asked_at": edit.at} if edit else {}), event.user, asked.text)
        verdict = await self.accept(turn, *event.names)
        await self._marks.follow(turn.id)
        sentence = verdict.refusal or asked.unread
        if sentence and not verdict.is_repeat and await self._notes.once(f"told:{turn.id}"):
            await self._notes.whisper(place, event.user, sentence)
        return verdict

    async def _is_refused(self, event: Event, place: Mapping[str, str]) -> bool:
        """Whether the operator's lists are against an answer; then the person was told."""
        no = refusal(self._settings, Asker(event.user, event.channel, event.kind == "im", event.is_external))
        if no:
            await self._notes.refuse(place, event.user, no)
        return bool(no)

    async def _is_too_long(self, event: Event, place: Mapping[str, str], asked: Asked) -> bool:
        """Whether a question is longer than allowed; then the person was told."""
        length, allowed = asked.length, self._core.settings.message_max_chars
        if length > allowed:
            await self._notes.refuse(place, event.user, TOO_LONG.format(length=length, allowed=allowed))
        return length > allowed

    async def _read(
        self, event: Event, install: Install, place: Mapping[str, str], earlier: str | None = None
    ) -> Asked:
        """Words and files below what was said earlier. Files take the room that the words leave."""
        reader = Reader(self._people, self._settings, install, place)
        words, files = await asyncio.gather(
            reader.words(event.data), self._files.read(files_of(event.data), install, place)
        )
        if not words and not files.read:
            return Asked(unread=files.fitted(0)[1])
        if earlier is None:
            earlier = await self._earlier.read(event, install, place, reader)
        room = self._core.settings.message_max_chars - len(earlier) - len(words)
        shown, unread = files.fitted(room)
        return Asked(earlier + "\n\n".join(filter(None, [words, shown])), unread, len(words))

    # --- changes ---------------------------------------------------------------------------------------------------

    async def _changed(self, event: Event, install: Install) -> None:
        """A message was edited, got a preview, was pinned, or was deleted as the root of a thread."""
        now = event.message("message")
        name = message_id(event.channel, now.ts)
        if now.subtype == "tombstone":
            await self._marks.delete(name)
            return
        before = event.message("previous_message")
        edit = Edit(max(event.told_at, now.edited), before if before.ts else None)
        if not is_edit(now, install.bot_user, edit) or not await self._marks.is_newest_edit(name, now.edited):
            return
        turn = await self._core.store.turn(name)
        if turn is None and (reason := await self._why(now, install, edit)):
            verdict = await self._ask(now, install, reason, edit)
            if verdict and verdict.status == "duplicate":  # the question was taken in meanwhile, as it was before
                turn = await self._core.store.turn(name)
        if turn:
            await self._ask_anew(turn, now, install)

    async def _ask_anew(self, turn: Turn, event: Event, install: Install) -> None:
        """Answer an edited question again; one whose text is what it was is left alone."""
        place = place_of(event, install)
        if not await self._is_newest(turn) or await self._is_refused(event, place):
            return
        name = message_id(event.channel, event.ts)
        asked = await self._read(event, install, place, earlier=quoted_in(turn.text) if turn.id == name else "")
        if not asked.text or asked.text == turn.text or await self._is_too_long(event, place, asked):
            return
        verdict = await self._core.intake.redo(name, event.user, asked.text)
        if verdict and verdict.refusal and not verdict.is_repeat:
            await self._notes.whisper(place, event.user, verdict.refusal)

    async def _is_newest(self, turn: Turn) -> bool:
        """Whether no later question of the conversation was answered: an answer far above is left as it is.

        An earlier one may have been answered below it, when Slack delivered it late. Ids of a thread tell the times.
        """
        turns = [exchange.turn for exchange in await self._core.store.history(turn.conversation)]
        return turn.id not in turns or turn.id == max(turns)
