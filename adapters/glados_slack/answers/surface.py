"""The `Surface` of Slack: a status line while nothing is said, then a stream, then a message of blocks.

A post is named by its timestamp. Two kinds are not answers yet: `status`, the line under the thread, and `q` with a
timestamp, the notice of a question that waits. When there is something to say they give way to a real message: the core
is told that the old one is gone, and posts anew.
"""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from glados_bots.conversation import Turn
from glados_bots.store.store import Store
from glados_bots.surface import Budget, MessageGoneError, PlaceGoneError, View
from glados_slack.answers.answer import Chunk, SlackAnswer
from glados_slack.answers.look import content, is_final, plainer, plainest
from glados_slack.answers.loose_ends import LINE
from glados_slack.answers.posting import NOTICE, CreationLog, metadata
from glados_slack.answers.refusals import DELETED, GONE, TOO_MUCH, Refusals, why_closed
from glados_slack.answers.status import StatusLines
from glados_slack.answers.streams import LiveStream, StreamOverError, Streams
from glados_slack.connection.budgets import budget, new_messages
from glados_slack.connection.calls import Calls, LimitedError, NotSentError, RefusedError

log = logging.getLogger(__name__)

MOST_REMEMBERED = 2_000
WAITING_RATE = (10, 1.0)  # looks at one status line in so many seconds
REMOVED = {"blocks": [], "text": "(This message was removed.)"}


@dataclass(slots=True)
class ShownTurn:
    """What this process knows of a turn it shows.

    Attributes:
        lives: its streams that still run, by timestamp.
        seen: what its messages look like, by timestamp; empty for those another process made.
        is_waiting: whether the status line stands for it.
    """

    lives: dict[str, LiveStream] = field(default_factory=dict)
    seen: dict[str, View] = field(default_factory=dict)
    is_waiting: bool = False


class SlackSurface:
    """Shows answers on Slack.

    Attributes:
        calls: the Web API.
        lines: status lines and sessions.
    """

    longest_call_s = 30.0

    def __init__(self, store: Store, calls: Calls, *, streaming: bool = True) -> None:
        self._store = store
        self.calls = calls
        self._streaming = streaming
        self._creations = CreationLog(store, calls)
        self._streams = Streams(calls)
        self._refusals = Refusals(calls)
        self.lines = StatusLines(store, calls)
        self._showing: OrderedDict[str, ShownTurn] = OrderedDict()

    def answer(self, turn: Turn) -> SlackAnswer:
        """A fresh answer; only turns that are being answered have one."""
        if turn.id not in self._showing:
            self._showing[turn.id] = ShownTurn()
            while len(self._showing) > MOST_REMEMBERED:
                self._showing.popitem(last=False)
        return SlackAnswer()

    def budget(self, turn: Turn) -> Budget:
        """Slack counts by method and workspace; the first words, which take a status line's place, wait for nobody.

        Nor does the first look of a turn that others began: it may be no update, and waits by itself when it is one.
        """
        method = _method(self._showing.get(turn.id))
        return budget(turn.place["team"], method) if method else Budget(f"{turn.id}:waiting", *WAITING_RATE)

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        """Say something new in the thread."""
        showing = self._showing.get(turn.id)
        async with self._sorted_out(turn):
            if showing is None:
                return await self._post_notice(turn, view, nonce)
            post = await self._creations.begin(turn, nonce)
            if post and post != LINE and not post.startswith(NOTICE):
                await self.edit(turn, post, view)
                return post
            if post:
                await self._give_way(turn, post, nonce)
            if _says_nothing(view) and await self._begin_line(turn, view, showing):
                return await self._made(turn, nonce, LINE)
            post = await self._make(turn, view, nonce, showing)
        await self.lines.clear(turn)
        await self._settle(turn, view, showing)
        return post

    async def find(self, turn: Turn, nonce: str) -> str | None:
        """The message, or notice, that was made under this name; a status line is none."""
        async with self._sorted_out(turn):
            post = await self._creations.known(turn, nonce)
        return None if post == LINE else post

    async def strays(self, turn: Turn, nonces: Sequence[str], posts: Collection[str]) -> list[str]:
        """Messages and notices under these names, and streams that are open, but for `posts`."""
        known = {post.removeprefix(NOTICE) for post in posts}
        async with self._sorted_out(turn):
            found = await self._creations.standing(turn, nonces)
        return [post for post in found if post.removeprefix(NOTICE) not in known]

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        """Make a message look like this."""
        showing = self._showing.get(turn.id)
        async with self._sorted_out(turn):
            if post == LINE:
                await self._edit_line(turn, view, showing)
            elif post.startswith(NOTICE):
                await self._edit_notice(turn, post.removeprefix(NOTICE), view, showing)
            else:
                await self._edit(turn, post, view, showing or ShownTurn(), is_granted=_method(showing) == "chat.update")
        await self._settle(turn, view, showing)

    async def remove(self, turn: Turn, post: str) -> None:
        """Delete one of our messages. Returns when it is gone, and raises what keeps it from going.

        With a message of a deleted question goes what was being made of its answer when nobody noted how that ended.
        """
        await self.lines.clear(turn)
        ts = post.removeprefix(NOTICE)
        async with self._sorted_out(turn):
            if post != LINE:
                await self._delete(turn, ts)
            if await self._store.asked_of(turn.id) == "delete":
                for lost in await self._creations.lost(turn):
                    await self._delete(turn, lost)
                await self._creations.forget(turn)
        self._showing.pop(turn.id, None)
        await self.lines.end(turn)

    @asynccontextmanager
    async def _sorted_out(self, turn: Turn) -> AsyncIterator[None]:
        """Give refusals their meaning; where nobody can be answered any more, nothing stays behind."""
        try:
            with self._refusals.sorted_out(turn):
                yield
        except PlaceGoneError:
            self._showing.pop(turn.id, None)
            await self.lines.clear(turn)
            await self.lines.end(turn)
            raise

    # --- what is not an answer yet ---------------------------------------------------------------------------------

    async def _give_way(self, turn: Turn, post: str, nonce: str) -> None:
        """Make room for the answer: a line or a notice of it stands under its name, of which the core does not know."""
        if post.startswith(NOTICE):
            await self._delete(turn, post.removeprefix(NOTICE))
        await self._creations.again(turn, nonce)

    async def _begin_line(self, turn: Turn, view: View, showing: ShownTurn) -> bool:
        """Let the status line stand for the answer; False where it cannot be had."""
        await self.lines.begin(turn)
        showing.is_waiting = await self.lines.show(turn, view.notice)
        return showing.is_waiting

    async def _post_notice(self, turn: Turn, view: View, nonce: str) -> str:
        """Say that a question waits; nothing is said any more when its answer has begun meanwhile."""
        post = await self._creations.begin(turn, nonce, is_notice=True)
        may_edit = post and post.startswith(NOTICE) and await self.calls.may(self.budget(turn), turn.id)
        if post and may_edit:
            await self._edit_notice(turn, post.removeprefix(NOTICE), view, None)
        return post or await self._make(turn, view, nonce, None)

    async def _edit_line(self, turn: Turn, view: View, showing: ShownTurn | None) -> None:
        if _says_nothing(view) and await self.lines.show(turn, view.notice):
            if showing:
                showing.is_waiting = True
            return
        raise MessageGoneError("the status line gives way to a message")

    async def _edit_notice(self, turn: Turn, ts: str, view: View, showing: ShownTurn | None) -> None:
        """The notice of a waiting question: changed as long as it waits, and deleted when its turn has come."""
        if showing is None:
            await self.calls(turn.place, "chat.update", channel=turn.place["channel"], ts=ts, **content(turn.id, view))
            return
        await self._delete(turn, ts)
        raise MessageGoneError("the notice gives way to the answer")

    # --- messages --------------------------------------------------------------------------------------------------

    async def _make(self, turn: Turn, view: View, nonce: str, showing: ShownTurn | None) -> str:
        """A stream where more is to come, else a message."""
        try:
            if showing and view.chunk and view.state == "writing" and view.is_last and self._streaming:
                live = await self._streams.start(turn, Chunk.decode(view.chunk), has_stop=await self.lines.begin(turn))
                if live:
                    showing.is_waiting = False
                    showing.lives[live.ts] = live
                    await self._made(turn, nonce, live.ts)
                    return live.ts
            ts = await self._send(turn, view, nonce, is_notice=showing is None)
        except (LimitedError, NotSentError, RefusedError, PlaceGoneError):
            await self._creations.failed(turn, nonce)
            raise
        if showing:
            showing.is_waiting = False
            showing.seen[ts] = view
        return await self._made(turn, nonce, ts if showing else NOTICE + ts)

    async def _made(self, turn: Turn, nonce: str, post: str) -> str:
        """Note what was made; of a notice and the begin of its answer, made at the same time, the answer stays."""
        other = await self._creations.done(turn, nonce, post)
        notice = next((one for one in (post, other) if one.startswith(NOTICE)), "")
        if other and notice:
            await self._delete(turn, notice.removeprefix(NOTICE))
        return other if other and notice == post else post

    async def _send(self, turn: Turn, view: View, nonce: str, *, is_notice: bool) -> str:
        place, made = turn.place, None
        limits = new_messages(place["team"], place["channel"])
        for arguments in _degraded(turn, view):
            await self.calls.wait(limits, turn.id)
            try:
                made = await self.calls(
                    place, "chat.postMessage", limits, channel=place["channel"], thread_ts=place["thread"],
                    metadata=metadata(nonce, is_notice=is_notice), **arguments,
                )  # fmt: skip
            except RefusedError as error:
                self._complain(turn, error)
            else:
                break
        if made is None:
            raise RefusedError("chat.postMessage", "invalid_blocks")
        return str(made["ts"])

    async def _edit(self, turn: Turn, ts: str, view: View, showing: ShownTurn, *, is_granted: bool) -> None:
        live = showing.lives.get(ts)
        begins_anew = view.state == "waiting" and (view.notice or not view.chunk)  # a stream cannot show that
        if live and not is_final(view) and not begins_anew:
            try:
                await self._streams.append(turn, live, Chunk.decode(view.chunk))
            except StreamOverError as error:
                log.info("turn %s: its stream is over: %s", turn.id, error)
                if error.by_user:
                    await self._store.change(turn.id, "stop")
            else:
                return
        if live:
            await self._stop(turn, ts)
            showing.lives.pop(ts, None)
        elif ts in showing.seen and content(turn.id, showing.seen[ts]) == content(turn.id, view):
            return
        elif ts not in showing.seen:
            await self.lines.adopt(turn)
        await self._update(turn, ts, view, is_granted=is_granted)
        showing.seen[ts] = view

    async def _update(self, turn: Turn, ts: str, view: View, *, is_granted: bool) -> None:
        """The whole message anew; harmless however often it is done."""
        limits = budget(turn.place["team"], "chat.update")
        for arguments in _degraded(turn, view):
            while True:
                if not is_granted:
                    await self.calls.wait(limits, turn.id)
                is_granted = False
                try:
                    await self.calls(turn.place, "chat.update", channel=turn.place["channel"], ts=ts, **arguments)
                except RefusedError as error:
                    if error.code == "streaming_state_conflict":  # another process began it, and died
                        await self._stop(turn, ts)
                        continue
                    self._complain(turn, error)
                    break
                except LimitedError:
                    if not is_final(view):
                        raise
                else:
                    return
        raise RefusedError("chat.update", "invalid_blocks")

    def _complain(self, turn: Turn, error: RefusedError) -> None:
        """Let a message be tried in a plainer form, if it was about its form; else raise."""
        if error.code not in TOO_MUCH:
            raise error
        log.warning("turn %s: Slack refuses the message as it is (%s); a plainer one is tried", turn.id, error.code)

    async def _stop(self, turn: Turn, ts: str) -> None:
        try:
            is_told = await self._streams.stop(turn, ts, self.lines.ending(turn))
        except RefusedError as error:
            if error.code not in GONE and error.code != "message_not_owned_by_app":
                raise
            is_told = False
        if is_told:
            await self.lines.end(turn, is_told=True)

    async def _delete(self, turn: Turn, ts: str) -> None:
        """Take a message away. A stream must be stopped first, whoever began it: Slack deletes none that is open.

        Raises what keeps the message where it is: that it cannot be deleted does not mean that it is gone.
        """
        showing = self._showing.get(turn.id)
        is_open = showing is not None and showing.lives.pop(ts, None) is not None
        if not is_open and await self._deletes(turn, ts):
            return
        await self._stop(turn, ts)
        if not await self._deletes(turn, ts):  # such as where compliance exports forbid it
            log.warning("turn %s: Slack does not delete a message; its words are taken away", turn.id)
            await self.calls.wait(budget(turn.place["team"], "chat.update"), turn.id)
            await self.calls(turn.place, "chat.update", channel=turn.place["channel"], ts=ts, **REMOVED)

    async def _deletes(self, turn: Turn, ts: str) -> bool:
        """Whether the message is gone now; False when Slack refuses to delete it as it is."""
        await self.calls.wait(budget(turn.place["team"], "chat.delete"), turn.id)
        try:
            await self.calls(turn.place, "chat.delete", channel=turn.place["channel"], ts=ts)
        except RefusedError as error:
            if why_closed(error.code):
                raise
            return error.code == DELETED
        return True

    async def _settle(self, turn: Turn, view: View, showing: ShownTurn | None) -> None:
        """The answer is complete: nothing of it is remembered, and the session is the person's again."""
        if showing and is_final(view) and view.is_last:
            self._showing.pop(turn.id, None)
            await self.lines.clear(turn)
            await self.lines.end(turn)


def _method(showing: ShownTurn | None) -> str:
    """What the next look of a turn calls; empty when nobody knows, or it is none that counts."""
    if showing is None:
        return "chat.update"
    if showing.is_waiting or not (showing.lives or showing.seen):
        return ""
    return "chat.appendStream" if showing.lives else "chat.update"


def _says_nothing(view: View) -> bool:
    """Whether nothing is shown yet: an answer's first letters may wait for those that say what they are."""
    return not view.chunk and view.state in {"waiting", "writing"}


def _degraded(turn: Turn, view: View) -> Iterator[dict[str, object]]:
    """The message as it should be, and then in plainer clothes."""
    yield content(turn.id, view)
    yield plainer(turn.id, view)
    yield plainest(view)
