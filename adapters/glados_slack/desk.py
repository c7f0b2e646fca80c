"""The front desk: every message of Slack comes by here, and is accepted, answered with a sentence, or not our business.

One post may come as several events (`app_mention` and `message`, each again and again): all of them lead to the same
turn, whose id is the channel and the timestamp, and the first to be saved counts. Slack is told that we have an event
when this has returned; StoreUnavailableError means that it must send the event again.

    glados:{slack}:in:CONVERSATION   str   we take part in this thread, so that nobody need mention us there
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from weakref import WeakValueDictionary

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.intake import Verdict
from glados_bots.store import ask
from glados_slack.access import Asker, refusal
from glados_slack.earlier import Earlier, quoted_in
from glados_slack.installs import Install
from glados_slack.marks import Marks
from glados_slack.places import Event, conversation_of, is_edit, message_id, place_of, thread_of
from glados_slack.shared import Shared
from glados_slack.standing import Standing, is_late
from glados_slack.text_in import is_for_others, mentions, read

log = logging.getLogger(__name__)

ASKING = frozenset({"", "file_share", "thread_broadcast"})  # subtypes of messages in which people say something
EMPTY = (
    "You called? Write your question in the same message, or in this thread. `/glados help` says what else I can do."
)
TOO_LONG = "This is too long for me: {length} characters with its files, and {allowed} are allowed."
OUTAGE_S, OUTAGE_NAP_S = 1.8, 0.2  # Redis may be back before Slack must hear from us
YOUNG_S = 5.0  # a thread's first question is taken in by then, or nearly
YOUNG_LOOKS, YOUNG_NAP_S = 8, 0.15


class Desk:
    """Takes messages, their edits and their deletions."""

    def __init__(self, shared: Shared) -> None:
        self._core = shared.core
        self._people = shared.people
        self._files = shared.files
        self._notes = shared.notes
        self._settings = shared.settings
        self._marks = Marks(shared.core.store)
        self._memory = shared.memory
        self._earlier = Earlier(shared)
        self._standing = Standing(shared.calls, self._marks)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- events ----------------------------------------------------------------------------------------------------

    async def message(self, event: Event, install: Install) -> None:
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
            case subtype if subtype in ASKING and await self._is_for_us(event, install):
                name = message_id(event.channel, event.ts)
                if await self._core.store.turn(name) is None:
                    await self._ask(event, install)
                else:  # whoever took it in may have died right after
                    await self._take_part(conversation_of(event.channel, event.thread))
                    await self._marks.follow(name)
                    await self._memory.note_asked(place_of(event, install))
            case _:
                pass

    async def stopped(self, channel: str, thread: str, author: str) -> None:
        """Slack's own stop button was pressed in a thread: what this person asked there ends; without one, all of it.

        Slack has ended the stream that was shown already, whoever pressed: see streams.py.
        """
        await self._core.commands.stop(conversation_of(channel, thread), author)

    async def accept(self, turn: Turn, *names: str) -> Verdict:
        """Take a turn in."""
        verdict = await self._core.intake.accept(turn, dedupe=names)
        if verdict.status == "accepted":
            await self._take_part(turn.conversation)
        await self._memory.note_asked(turn.place)
        return verdict

    async def _take_part(self, conversation: str) -> None:
        key = f"{self._core.store.prefix}in:{conversation}"
        await ask(self._core.store.client.set(key, 1, ex=self._core.store.ttl))

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

    async def _is_for_us(self, event: Event, install: Install) -> bool:
        if event.is_from_bot or event.user in {"", "USLACKBOT", install.bot_user}:
            return False
        if event.kind == "im" or event.type == "app_mention" or install.bot_user in mentions(event.text):
            return True
        if event.thread == event.ts or is_for_others(event.text, install.bot_user):
            return False
        return await self._takes_part(event)

    async def _takes_part(self, event: Event) -> bool:
        """Whether the bot is in this thread; the question that begins it may be on its way in another process."""
        key = f"{self._core.store.prefix}in:{conversation_of(event.channel, event.thread)}"
        looks = YOUNG_LOOKS if _seconds_between(event.thread, event.ts) < YOUNG_S else 1
        for look in range(looks):
            if look:
                await asyncio.sleep(YOUNG_NAP_S)
            if await ask(self._core.store.client.exists(key)):
                return True
        return False

    async def _ask(self, event: Event, install: Install) -> Verdict | None:
        """Take a question in; None when it is none that is taken in."""
        place = place_of(event, install)
        if await self._marks.is_deleted(message_id(event.channel, event.ts)) or await self._is_refused(event, place):
            return None
        if is_late(event):
            found = await self._standing.now(event, place)
            if found is None:
                return None
            event = found
        text = await self._read(event, install, place)
        if not text:
            if await self._notes.once(f"help:{message_id(event.channel, event.ts)}"):
                await self._notes.say(place, EMPTY)
            return None
        if await self._is_too_long(event, place, text):
            return None
        turn = await self.turn(place, event.user, text)
        verdict = await self.accept(turn, *event.names)
        await self._marks.follow(turn.id)
        if verdict.refusal and not verdict.is_repeat and await self._notes.once(f"told:{turn.id}"):
            await self._notes.whisper(place, event.user, verdict.refusal)
        return verdict

    async def _is_refused(self, event: Event, place: Mapping[str, str]) -> bool:
        """Whether the operator's lists are against an answer; then the person was told."""
        no = refusal(self._settings, Asker(event.user, event.channel, event.kind == "im", event.is_external))
        if no:
            await self._notes.refuse(place, event.user, no)
        return bool(no)

    async def _is_too_long(self, event: Event, place: Mapping[str, str], text: str) -> bool:
        """Whether a question is longer than allowed; then the person was told."""
        length, allowed = len(text), self._core.settings.message_max_chars
        if length > allowed:
            await self._notes.refuse(place, event.user, TOO_LONG.format(length=length, allowed=allowed))
        return length > allowed

    async def _read(self, event: Event, install: Install, place: Mapping[str, str]) -> str:
        """Words and files, for the model; empty when neither says anything."""

        async def name(some_id: str) -> str:
            return await self._people.name(place, some_id)

        words = await read(event.text, install.bot_user, install.bot_name, name)
        found = await self._files.read(event.files, install.token)
        if not words and not found.texts:
            return ""
        earlier = await self._earlier.read(event, install, place)
        return earlier + "\n\n".join(filter(None, [words, found.text]))

    # --- changes ---------------------------------------------------------------------------------------------------

    async def _changed(self, event: Event, install: Install) -> None:
        """A message was edited, got a preview, was pinned, or was deleted as the root of a thread."""
        now = Event.of(event.body, {**event.data.get("message", {}), "channel": event.channel})
        now, name = replace(now, kind=event.kind), message_id(event.channel, now.ts)
        if now.subtype == "tombstone":
            await self._marks.delete(name)
            return
        edited_at = str((now.data.get("edited") or {}).get("ts") or "")
        if now.is_from_bot or not now.user or now.subtype not in ASKING or not is_edit(event, now):
            return
        if not await self._marks.is_newest_edit(name, edited_at):
            return
        turn = await self._core.store.turn(name)
        if turn is None and await self._is_for_us(now, install):
            verdict = await self._ask(now, install)
            if verdict and verdict.status == "duplicate":  # the question was taken in meanwhile, as it was before
                turn = await self._core.store.turn(name)
        if turn:
            await self._ask_anew(turn, now, install)

    async def _ask_anew(self, turn: Turn, event: Event, install: Install) -> None:
        """Answer an edited question again; one whose text is what it was is left alone."""
        place = place_of(event, install)
        if not await self._is_newest(turn) or await self._is_refused(event, place):
            return
        text = await self._read(event, install, place)
        if not text or await self._is_too_long(event, place, text):
            return
        name = message_id(event.channel, event.ts)
        text = (quoted_in(turn.text) if turn.id == name and not quoted_in(text) else "") + text
        if text == turn.text:
            return
        verdict = await self._core.intake.redo(name, event.user, text)
        if verdict and verdict.refusal and not verdict.is_repeat:
            await self._notes.whisper(place, event.user, verdict.refusal)

    async def _is_newest(self, turn: Turn) -> bool:
        """Whether no later question of the conversation was answered: an answer far above is left as it is.

        An earlier one may have been answered below it, when Slack delivered it late. Ids of a thread tell the times.
        """
        turns = [exchange.turn for exchange in await self._core.store.history(turn.conversation)]
        return turn.id not in turns or turn.id == max(turns)


def _seconds_between(earlier: str, later: str) -> float:
    """Timestamps are text to Slack; only their distance is of interest here."""
    try:
        return float(later) - float(earlier)
    except ValueError:
        return 0.0
