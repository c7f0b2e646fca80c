"""The front desk: every message of Slack comes by here, and is accepted, answered with a sentence, or not our business.

One post may come as several events (`app_mention` and `message`, each again and again): all of them lead to the same
turn, whose id is the channel and the timestamp, and the first to be saved counts. Slack is told that we have an event
when this has returned; StoreUnavailableError means that it must send the event again.
"""

import asyncio
import logging
import time
from weakref import WeakValueDictionary

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.intake.intake import Verdict
from glados_bots.wording.sentence import say
from glados_slack.app_config import COMMAND
from glados_slack.connection.heard_changes import HeardChanges
from glados_slack.connection.installs import Install
from glados_slack.connection.places import Event, conversation_of, message_id, place_of, seconds, thread_of
from glados_slack.incoming.addressing import ASKING, Edit, Reason, addressed, is_edit, is_question
from glados_slack.incoming.earlier import Before
from glados_slack.incoming.questions import AskedInSlackMessage
from glados_slack.incoming.shared import SlackShared

log = logging.getLogger(__name__)

OUTAGE_S, OUTAGE_NAP_S = 1.8, 0.2  # Redis may be back before Slack must hear from us
YOUNG_S = 5.0  # a thread's first question is saved by then, or nearly
LOOKS, LOOK_NAP_S = 8, 0.15


class SlackDesk:
    """Takes messages, their edits and their deletions."""

    def __init__(self, shared: SlackShared) -> None:
        self._shared = shared
        self._core = shared.core
        self._notes = shared.notes
        self._facts = shared.facts
        self._changes = HeardChanges(shared.core.store)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- events ----------------------------------------------------------------------------------------------------

    async def take_message(self, event: Event, install: Install) -> None:
        """An event of a message, `message` or `app_mention`; those of one thread are taken one after the other."""
        lock = self._locks.setdefault(conversation_of(event.channel, thread_of(event)), asyncio.Lock())
        give_up_at = time.monotonic() + OUTAGE_S
        async with lock:
            while True:
                try:
                    await self._facts.note_channel(event, install)
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
                await self._changes.delete(message_id(event.channel, event.data.get("deleted_ts", "")))
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
            await self._core.marks.join(conversation_of(event.channel, event.thread), event.edited or event.ts)
            await self._changes.follow(name)
            await self._facts.note_asked(place_of(event, install))
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

    # --- questions -------------------------------------------------------------------------------------------------

    async def _why(self, event: Event, install: Install, edit: Edit | None) -> Reason | None:
        """Why a message asks us; None when it does not."""
        bot, thread = install.bot_user, conversation_of(event.channel, event.thread)
        reason = addressed(event, bot)
        is_told_in_thread = reason == "thread" and edit is None
        joined = await (self._joined_soon(event) if is_told_in_thread else self._core.marks.joined(thread))
        return reason if is_question(event, bot, joined, edit) else None

    async def _joined_soon(self, event: Event) -> str:
        """When the bot joined a thread, though the question that begins it may be on its way in another process."""
        looks = LOOKS if seconds(event.ts) - seconds(event.thread) < YOUNG_S else 1
        for look in range(looks):
            if look:
                await asyncio.sleep(LOOK_NAP_S)
            if joined := await self._core.marks.joined(conversation_of(event.channel, event.thread)):
                return joined
        return ""

    async def _ask(self, event: Event, install: Install, reason: Reason, edit: Edit | None) -> Verdict | None:
        """Take a question in, and tell its person what they should know; None when it was deleted."""
        name = message_id(event.channel, event.ts)
        if await self._changes.is_deleted(name):
            return None
        asked = AskedInSlackMessage.of(self._shared, event, install, self._changes)
        asked.asked_at = edit.at if edit else ""
        verdict = await self._core.desk.ask(asked, dedupe=event.names)
        if verdict.status in {"barred", "too_long"}:
            await self._notes.refuse(asked.place, event.user, verdict.refusal)
        elif verdict.status == "empty":
            if reason != "thread" and await self._core.marks.once(f"help:{name}"):
                await self._notes.say(asked.place, event.user, say("how-to-ask-slack", help=f"`{COMMAND} help`"))
        elif verdict.refusal and not verdict.is_repeat and await self._core.marks.once(f"told:{name}"):
            await self._notes.whisper(asked.place, event.user, verdict.refusal)
        return verdict

    # --- changes ---------------------------------------------------------------------------------------------------

    async def _changed(self, event: Event, install: Install) -> None:
        """A message was edited, got a preview, was pinned, or was deleted as the root of a thread."""
        now = event.message("message")
        name = message_id(event.channel, now.ts)
        if now.subtype == "tombstone":
            await self._changes.delete(name)
            return
        before = event.message("previous_message")
        edit = Edit(max(event.told_at, now.edited), before if before.ts else None)
        if not is_edit(now, install.bot_user, edit) or not await self._changes.is_newest_edit(name, now.edited):
            return
        turn = await self._core.store.turn(name)
        if turn is None and (reason := await self._why(now, install, edit)):
            verdict = await self._ask(now, install, reason, edit)
            if verdict and verdict.status == "duplicate":  # the question was saved meanwhile, as it was before
                turn = await self._core.store.turn(name)
        if turn:
            await self._ask_anew(turn, now, install)

    async def _ask_anew(self, turn: Turn, event: Event, install: Install) -> None:
        """Answer an edited question again, unless its text and files are what they were."""
        if not await self._is_newest(turn):
            return
        name = message_id(event.channel, event.ts)
        asked = AskedInSlackMessage.of(self._shared, event, install, self._changes)
        asked.before = Before.of(turn) if turn.id == name else Before()
        verdict = await self._core.desk.ask_anew(asked, turn, name, event.user)
        if verdict.status in {"barred", "too_long"}:
            await self._notes.refuse(asked.place, event.user, verdict.refusal)
        elif verdict.refusal and not verdict.is_repeat:
            await self._notes.whisper(asked.place, event.user, verdict.refusal)

    async def _is_newest(self, turn: Turn) -> bool:
        """Whether no later question of the conversation was answered: an answer far above is left as it is.

        An earlier one may have been answered below it, when Slack delivered it late. Ids of a thread tell the times.
        """
        turns = [exchange.turn for exchange in await self._core.store.history(turn.conversation)]
        return turn.id not in turns or turn.id == max(turns)
