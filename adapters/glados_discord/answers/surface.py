"""The `Surface` of Discord: messages that grow by edits, with small print and buttons.

Every message is sent without mentions and previews. It has a nonce, by which Discord recognises a repeated message for
some minutes. After that, the adapter searches for the message before it sends again.
"""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import discord

from glados_bots.conversation import Attachment, Turn
from glados_bots.markdown.streaming.stream import Stream
from glados_bots.store.store import Store
from glados_bots.surface import Budget, FileLimits, MessageGoneError, View
from glados_bots.turns.pacing import Pacer
from glados_discord.answers.controls import actions_of, mark_of
from glados_discord.answers.files import FILE_LIMITS, has_files, uploads
from glados_discord.answers.forgotten import ForgottenFiles
from glados_discord.answers.look import actions, content, controls, new_answer
from glados_discord.answers.places import Places, Spot, Target
from glados_discord.answers.refused import acceptable, upload_errors
from glados_discord.answers.still_asked import StillAsked
from glados_discord.answers.typing_notice import TypingNotice
from glados_discord.connection.current_client import CurrentClient
from glados_discord.connection.files import DiscordFiles
from glados_discord.connection.rates import SLOW_PERIOD_S, Rates
from glados_discord.connection.refusals import ARCHIVED, NO_HISTORY, SLOWED, as_core_errors
from glados_discord.facts import DiscordFacts
from glados_discord.settings import DiscordSettings

log = logging.getLogger(__name__)

Clock = Callable[[], float]
NONCE_MEMORY_S = 120.0  # Discord says "the past few minutes"
OLD_S = 3500.0  # after an hour Discord allows few edits of a message (30046)
LOOKED_AT = 25


class DiscordSurface:
    """Shows answers on Discord. A post's id is `CHANNEL:MESSAGE`. `clock` returns seconds since the epoch."""

    longest_call_s = 30.0
    files_out: FileLimits | None = FILE_LIMITS

    def __init__(
        self,
        store: Store,
        pacer: Pacer,
        current: CurrentClient,
        facts: DiscordFacts,
        settings: DiscordSettings,
        *,
        clock: Clock = time.time,
    ) -> None:
        self._clock = clock
        self._store = store
        self._current = current
        self._facts = facts
        self.rates = Rates(pacer, store)
        self._still_asked = StillAsked(current, store, self.rates)
        self.places = Places(current, facts, self.rates, self._still_asked, settings.thread_archive_minutes)
        self._files = DiscordFiles(current, self.rates, settings.cdn_hosts)
        self.forgotten = ForgottenFiles(store, current, self.rates)
        self.typing = TypingNotice(current, store, self.rates)

    def answer(self, turn: Turn) -> Stream[str]:
        del turn
        return new_answer()

    def budget(self, turn: Turn) -> Budget:
        """The budget of the answer's channel. Discord counts edits per channel, and a thread is a channel."""
        return self.rates.edits(self.places.expected(turn), patient=bool(Spot.of(turn).patient))

    async def fetch(self, turn: Turn, attachment: Attachment, most: int) -> bytes:
        """Download a file of the question."""
        del turn
        return await self._files.fetch(attachment, most)

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        """Write a message, the first one as a reply to the question. Makes the thread if the answer needs one."""
        await self._see_question(turn)
        target = await self.places.target(turn)
        message = await self._posted_before(turn, target, nonce) or await self._send(turn, target, view, nonce)
        if not _shows(message, turn, view):  # an earlier process made it, and died or got no answer
            await self.rates.enter(turn.id, self.rates.edits(str(target.channel)))
            await self._rewrite(turn, target.channel, message.id, view, nonce)
        if target.is_shared:
            await self._facts.place(message.id, turn.conversation)
        if view.files:
            await self.forgotten.note(turn, target.channel, message.id)
        self.typing.follow(turn, target.channel, view.state)
        return f"{target.channel}:{message.id}"

    async def find(self, turn: Turn, nonce: str) -> str | None:
        """The message that was sent with this nonce, if the bot can read it.

        If there is none, a thread that was opened for the answer to a deleted question is archived.
        """
        found = await self.strays(turn, [nonce], ())
        if not found and await self._was_deleted(turn, ()):
            await self.places.leave_empty(turn, int(self.places.expected(turn)))
        return found[0] if found else None

    async def strays(self, turn: Turn, nonces: Sequence[str], posts: Collection[str]) -> list[str]:
        """Messages that were sent with these nonces and that the bot can read, except `posts`."""
        channel = int(self.places.expected(turn))
        with suppress(discord.NotFound, discord.Forbidden):
            found = [f"{channel}:{message.id}" for message in await self._marked(turn, channel, nonces)]
            return [post for post in found if post not in posts]
        return []

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        """Make a message look like `view`. A new message replaces one that is too old for edits."""
        channel, number = _parts(post)
        await self._see_question(turn)
        if self._age_s(number) > OLD_S:
            await self.remove(turn, post)
            raise MessageGoneError(f"message {number} is too old to be edited")
        await self._rewrite(turn, channel, number, view)
        if view.files:
            await self.forgotten.note(turn, channel, number)
        self.typing.follow(turn, channel, view.state)

    async def remove(self, turn: Turn, post: str) -> None:
        """Delete one of our messages. Do nothing if the bot may not delete it, or if it is gone.

        After the last message of an answer to a deleted question, the thread that was opened for it is archived.
        """
        channel, number = _parts(post)
        self.typing.end(turn)
        await self.rates.enter(turn.id)
        message = (await self._current.channel(channel)).get_partial_message(number)
        with as_core_errors():
            try:
                await message.delete()
            except discord.HTTPException as error:
                if error.code == ARCHIVED:
                    await self._current.reopen(channel)
                    raise
                if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status == HTTPStatus.TOO_MANY_REQUESTS:
                    raise
                log.info("turn %s: message %d could not be deleted (%d)", turn.id, number, error.code)
        if await self._was_deleted(turn, (post,)):
            await self.places.leave_empty(turn, channel)

    async def _was_deleted(self, turn: Turn, posts: tuple[str, ...]) -> bool:
        """Whether the question was deleted, and `posts` are all messages of its answer."""
        return await self._store.asked_of(turn.id) == "delete" and await self._store.posts(turn.id) == posts

    async def _see_question(self, turn: Turn) -> None:
        spot = Spot.of(turn)
        await self._still_asked.check(turn, spot.guild, spot.channel, spot.question)

    # --- writing ---------------------------------------------------------------------------------------------------

    async def _send(self, turn: Turn, target: Target, view: View, nonce: str) -> discord.Message:
        is_first = not await self._store.posts(turn.id)
        reply_to = target.reply_to if is_first else None
        return await acceptable(turn, view, lambda one: self._create(turn, target.channel, one, nonce, reply_to))

    async def _create(self, turn: Turn, channel: int, view: View, nonce: str, reply_to: int | None) -> discord.Message:
        place = await self._current.channel(channel, Spot.of(turn).guild)
        await self.rates.enter(turn.id, self.rates.creations(str(channel)))
        extras: dict[str, Any] = {
            "view": controls(turn.id, view, nonce, turn.language),
            "reference": _reference(place, reply_to),
        }
        try:
            with as_core_errors(), upload_errors(view):
                return await place.send(
                    content(view, turn.language),
                    files=uploads(view.files),
                    nonce=nonce,
                    suppress_embeds=True,
                    **extras,
                )
        except discord.HTTPException as error:
            if error.code != NO_HISTORY or reply_to is None:
                raise
        return await self._create(turn, channel, view, nonce, None)

    async def _rewrite(self, turn: Turn, channel: int, number: int, view: View, nonce: str = "") -> None:
        """Edit a message. `nonce` keeps it findable, which matters until its id is saved."""
        await acceptable(turn, view, lambda one: self._edit(turn, channel, number, one, nonce))

    async def _edit(self, turn: Turn, channel: int, number: int, view: View, nonce: str) -> None:
        place = await self._current.channel(channel, Spot.of(turn).guild)
        try:
            with as_core_errors(), upload_errors(view):
                await place.get_partial_message(number).edit(
                    content=content(view, turn.language),
                    attachments=uploads(view.files),
                    view=controls(turn.id, view, nonce, turn.language),
                )
        except discord.HTTPException as error:
            if error.code == ARCHIVED:
                await self._current.reopen(channel)
            elif error.code in SLOWED:
                await self.rates.close(self.budget(turn), SLOW_PERIOD_S)
            raise

    async def _posted_before(self, turn: Turn, target: Target, nonce: str) -> discord.Message | None:
        """A message that a dead process sent, but did not save, so long ago that Discord has forgotten its nonce."""
        if self._age_s(int(turn.id)) < NONCE_MEMORY_S:
            return None
        found = await self._marked(turn, target.channel, [nonce])
        return found[0] if found else None

    async def _marked(self, turn: Turn, channel: int, nonces: Sequence[str]) -> list[discord.Message]:
        client, place = await self._current.get(), await self._current.channel(channel)
        await self.rates.enter(turn.id)
        with as_core_errors():
            history = place.history(limit=LOOKED_AT, after=discord.Object(int(turn.id)))
            ours = [message async for message in history if client.user and message.author.id == client.user.id]
        return [message for message in ours if mark_of(message) in nonces]

    def _age_s(self, snowflake: int) -> float:
        return self._clock() - discord.utils.snowflake_time(snowflake).timestamp()


def _parts(post: str) -> tuple[int, int]:
    channel, _, message = post.partition(":")
    return int(channel), int(message)


def _shows(message: discord.Message, turn: Turn, view: View) -> bool:
    """Whether a message looks like `view`. For a known nonce, Discord returns the first message unchanged."""
    words = content(view, turn.language).split()
    is_drawn = message.content.split() == words and actions_of(message) == actions(view)
    return is_drawn and has_files(message, view.files)


def _reference(place: discord.PartialMessageable, reply_to: int | None) -> discord.MessageReference | None:
    if reply_to is None:
        return None
    return discord.MessageReference(message_id=reply_to, channel_id=place.id, fail_if_not_exists=False)
