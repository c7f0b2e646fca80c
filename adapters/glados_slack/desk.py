"""The front desk: every message of Slack comes by here, and is accepted, answered with a sentence, or not our business.

One post may come as several events (`app_mention` and `message`, each again and again): all of them lead to the same
turn, whose id is the channel and the timestamp, and the first to be saved counts. Slack is told that we have an event
when this has returned; StoreUnavailableError means that it must send the event again.

    glados:{slack}:in:CONVERSATION   str   we take part in this thread, so that nobody need mention us there
"""

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.intake import Verdict
from glados_bots.store import ask
from glados_slack.access import Asker, refusal
from glados_slack.budgets import budget
from glados_slack.installs import Install
from glados_slack.marks import Marks
from glados_slack.places import Event, conversation_of, message_id, place_of
from glados_slack.shared import Shared
from glados_slack.text_in import is_for_others, mentions, read

log = logging.getLogger(__name__)

ASKING = frozenset({"", "file_share", "thread_broadcast"})  # subtypes of messages in which people say something
EMPTY = (
    "You called? Write your question in the same message, or in this thread. `/glados help` says what else I can do."
)
TOO_LONG = "This is too long for me: {length} characters with its files, and {allowed} are allowed."
EARLIER = "Earlier in this thread:\n{lines}\n\n"
_EARLIER = re.compile(r"\AEarlier in this thread:\n(?:>.*\n)+\n")
EARLIER_CHARS = 6_000
LONGEST_THREAD = 1_000  # messages of a thread that are asked for: Slack tells the oldest first, and has no other order
LONGEST_S = 1.0  # Slack waits three seconds for the whole event
OUTAGE_S, OUTAGE_NAP_S = 1.8, 0.2  # Redis may be back before Slack must hear from us
YOUNG_S = 5.0  # a thread's first question is taken in by then, or nearly
YOUNG_LOOKS, YOUNG_NAP_S = 8, 0.15


class Desk:
    """Takes messages, their edits and their deletions."""

    def __init__(self, shared: Shared) -> None:
        self._core = shared.core
        self._calls = shared.calls
        self._people = shared.people
        self._files = shared.files
        self._notes = shared.notes
        self._settings = shared.settings
        self._marks = Marks(shared.core.store)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- events ----------------------------------------------------------------------------------------------------

    async def message(self, event: Event, install: Install) -> None:
        """An event of a message, `message` or `app_mention`; those of one thread are taken one after the other."""
        lock = self._locks.setdefault(conversation_of(event.channel, _thread(event)), asyncio.Lock())
        give_up_at = time.monotonic() + OUTAGE_S
        async with lock:
            while True:
                try:
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
        earlier = await self._earlier(event, install, place)
        return earlier + "\n\n".join(filter(None, [words, found.text]))

    async def _earlier(self, event: Event, install: Install, place: Mapping[str, str]) -> str:
        """What others said in a thread before we were called into it, where Slack lets us read that."""
        most = self._settings.thread_context
        conversation = conversation_of(event.channel, event.thread)
        if not most or event.thread == event.ts or event.kind == "im":
            return ""
        known = f"{self._core.store.prefix}in:{conversation}"
        if await ask(self._core.store.client.exists(known)):
            return ""
        method = "conversations.replies"
        if not await self._calls.may(budget(place["team"], method), event.channel):
            return ""
        try:
            async with asyncio.timeout(LONGEST_S):
                found = await self._calls.quietly(
                    place, method, channel=event.channel, ts=event.thread, latest=event.ts, limit=LONGEST_THREAD
                )
        except TimeoutError:
            return ""
        return await self._quoted(found["messages"][-most:] if found else [], event, install, place)

    async def _quoted(
        self, messages: list[dict[str, Any]], event: Event, install: Install, place: Mapping[str, str]
    ) -> str:
        async def name(some_id: str) -> str:
            return await self._people.name(place, some_id)

        lines: list[str] = []
        for one in messages:
            # What mentions us is a question of its own, though its event may come later than this one.
            if one.get("ts") == event.ts or not one.get("text") or install.bot_user in mentions(str(one["text"])):
                continue
            who = await name(str(one["user"])) if one.get("user") else str(one.get("username") or "a bot")
            text = await read(str(one["text"]), install.bot_user, install.bot_name, name)
            lines += [f"> {line}" for line in f"{' '.join(who.split())}: {text}".splitlines()]
        while lines and len("\n".join(lines)) > EARLIER_CHARS:
            lines.pop(0)
        return EARLIER.format(lines="\n".join(lines)) if lines else ""

    # --- changes ---------------------------------------------------------------------------------------------------

    async def _changed(self, event: Event, install: Install) -> None:
        """A message was edited, got a preview, was pinned, or was deleted as the root of a thread."""
        now = Event.of(event.body, {**event.data.get("message", {}), "channel": event.channel})
        now, name = replace(now, kind=event.kind), message_id(event.channel, now.ts)
        if now.subtype == "tombstone":
            await self._marks.delete(name)
            return
        edited_at = str((now.data.get("edited") or {}).get("ts") or "")
        if now.is_from_bot or not now.user or now.subtype not in ASKING or not _is_edit(event, now):
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
        earlier = _EARLIER.match(turn.text) if turn.id == name and not _EARLIER.match(text) else None
        text = (earlier[0] if earlier else "") + text
        if text == turn.text:
            return
        verdict = await self._core.intake.redo(name, event.user, text)
        if verdict and verdict.refusal and not verdict.is_repeat:
            await self._notes.whisper(place, event.user, verdict.refusal)

    async def _is_newest(self, turn: Turn) -> bool:
        """Whether no later question of the conversation was answered: an answer far above is left as it is."""
        history = await self._core.store.history(turn.conversation)
        turns = [exchange.turn for exchange in history]
        return turn.id not in turns or turns[-1] == turn.id


def _is_edit(event: Event, now: Event) -> bool:
    """Whether a change may be one of words: previews and pins are told in the same way.

    Slack leaves out how the message was before at times; then only the text that we have kept can tell, and a message
    that nobody has ever edited is none.
    """
    before = event.data.get("previous_message")
    if before:
        return bool(now.text != before.get("text"))
    return bool(now.data.get("edited"))


def _thread(event: Event) -> str:
    """The thread that a message, or the change of one, belongs to."""
    changed = event.data.get("message") or event.data.get("previous_message") or {}
    return str(changed.get("thread_ts") or changed.get("ts") or event.thread)


def _seconds_between(earlier: str, later: str) -> float:
    """Timestamps are text to Slack; only their distance is of interest here."""
    try:
        return float(later) - float(earlier)
    except ValueError:
        return 0.0
