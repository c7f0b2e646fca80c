"""The `Surface` of Slack: a status line while nothing is said, then a stream, then a message of blocks.

A post is named by its timestamp. Two kinds are not answers yet: `status`, the line under the thread, and `q` with a
timestamp, the notice of a question that waits. When there is something to say they give way to a real message: the core
is told that the old one is gone, and posts again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from glados_bots.conversation import Attachment, Turn
from glados_bots.store.store import Store
from glados_bots.surface import Budget, FileLimits, MessageGoneError, PlaceGoneError, TableLimits, View
from glados_bots.wording.sentence import say
from glados_slack.answers.answer import LIMIT, Chunk, SlackAnswer
from glados_slack.answers.files_out.answer_files import AnswerFiles
from glados_slack.answers.look import ENDED, content, is_final
from glados_slack.answers.loose_ends import LINE, LooseEnds
from glados_slack.answers.messages import Messages
from glados_slack.answers.posting import NOTICE, CreationLog
from glados_slack.answers.refusals import Refusals
from glados_slack.answers.sessions import AgentSessions
from glados_slack.answers.shown_turns import ShownTurn, ShownTurns
from glados_slack.answers.status import StatusLines
from glados_slack.answers.streams import StreamOverError, Streams
from glados_slack.answers.tables import MAX_COLUMNS, MAX_ROWS
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls, LimitedError, NotSentError, RefusedError
from glados_slack.connection.files import FileFetcher

log = logging.getLogger(__name__)

# Slack takes 10,000 characters in a table, but a message has fewer, and a stream needs some of them between the cells.
TABLE_CHARS = LIMIT * 2 // 3
WAITING_RATE = (10, 1.0)  # looks at one status line in so many seconds


class SlackSurface:
    """Shows answers on Slack."""

    longest_call_s = 30.0
    files_out: FileLimits | None = FileLimits(TableLimits(rows=MAX_ROWS - 1, columns=MAX_COLUMNS, chars=TABLE_CHARS))

    def __init__(self, store: Store, calls: Calls, *, streaming: bool = True) -> None:
        self._store = store
        self.calls = calls  # the Web API
        self._streaming = streaming
        self._creations = CreationLog(store, calls)
        self._streams = Streams(calls)
        self._refusals = Refusals(calls)
        self.loose = LooseEnds(store, calls)  # what was begun and has not surely ended
        self._lines = StatusLines(store, calls, self.loose)
        self._sessions = AgentSessions(store, calls, self.loose)
        self._fetcher = FileFetcher(calls)
        self._messages = Messages(calls, self._streams, self._sessions)
        self._showing = ShownTurns()
        self.files = AnswerFiles(store, calls)

    def answer(self, turn: Turn) -> SlackAnswer:
        """A fresh answer; only turns that are being answered have one."""
        self._showing.begin(turn.id)
        return SlackAnswer()

    async def fetch(self, turn: Turn, attachment: Attachment, most: int) -> bytes:
        return await self._fetcher.fetch(turn.place, attachment, most)

    def budget(self, turn: Turn) -> Budget:
        """Slack counts by method and workspace; the first words, which take a status line's place, wait for nobody.

        Nor does the first look of a turn that others began: it may be no update, and waits by itself when it is one.
        """
        method = self._showing.next_call(turn.id)
        return budget(turn.place["team"], method) if method else Budget(f"{turn.id}:waiting", *WAITING_RATE)

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
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
            await self._agree_on_files(turn, post, view, showing)
        await self._lines.clear(turn)
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
        showing = self._showing.get(turn.id)
        async with self._sorted_out(turn):
            if post == LINE:
                await self._edit_line(turn, view, showing)
            elif post.startswith(NOTICE):
                await self._edit_notice(turn, post.removeprefix(NOTICE), view, showing)
            else:
                await self._edit(turn, post, view, showing or ShownTurn())
                await self._agree_on_files(turn, post, view, showing)
        await self._settle(turn, view, showing)

    async def remove(self, turn: Turn, post: str) -> None:
        """Delete one of our messages. Returns when it is gone, and raises what keeps it from going.

        With a message of a deleted question goes what was being made of its answer when nobody noted how that ended.
        """
        await self._lines.clear(turn)
        ts = post.removeprefix(NOTICE)
        async with self._sorted_out(turn):
            if post != LINE:
                await self._delete(turn, ts)
            if await self._store.asked_of(turn.id) == "delete":
                for lost in await self._creations.lost(turn):
                    await self._delete(turn, lost)
                await self._creations.forget(turn)
                await self.files.take_away(turn)
        self._showing.forget(turn.id)
        await self._sessions.end(turn)

    async def tidy(self) -> None:
        """End, and delete, what processes that died have left, until cancelled."""
        await asyncio.gather(self.loose.run(), self.files.left.run())

    async def aclose(self) -> None:
        """End what runs beside answers; sessions get a moment to be ended."""
        await self._sessions.aclose()
        await self._lines.aclose()

    @asynccontextmanager
    async def _sorted_out(self, turn: Turn) -> AsyncIterator[None]:
        """Give refusals their meaning; where nobody can be answered any more, nothing stays behind."""
        try:
            with self._refusals.sorted_out(turn):
                yield
        except PlaceGoneError:
            self._showing.forget(turn.id)
            await self._lines.clear(turn)
            await self._sessions.end(turn)
            raise

    # --- what is not an answer yet ---------------------------------------------------------------------------------

    async def _give_way(self, turn: Turn, post: str, nonce: str) -> None:
        """Make room for the answer: a line or a notice of it stands under its name, of which the core does not know."""
        if post.startswith(NOTICE):
            await self._delete(turn, post.removeprefix(NOTICE))
        await self._creations.again(turn, nonce)

    async def _begin_line(self, turn: Turn, view: View, showing: ShownTurn) -> bool:
        """Let the status line stand for the answer; False where it cannot be had."""
        await self._sessions.begin(turn)
        showing.is_waiting = await self._lines.show(turn, view.notice)
        return showing.is_waiting

    async def _post_notice(self, turn: Turn, view: View, nonce: str) -> str:
        """Say that a question waits; nothing is said any more when its answer has begun meanwhile."""
        post = await self._creations.begin(turn, nonce, is_notice=True)
        may_edit = post and post.startswith(NOTICE) and await self.calls.may(self.budget(turn), turn.id)
        if post and may_edit:
            await self._edit_notice(turn, post.removeprefix(NOTICE), view, None)
        return post or await self._make(turn, view, nonce, None)

    async def _edit_line(self, turn: Turn, view: View, showing: ShownTurn | None) -> None:
        if _says_nothing(view) and await self._lines.show(turn, view.notice):
            if showing:
                showing.is_waiting = True
            return
        raise MessageGoneError("the status line gives way to a message")

    async def _edit_notice(self, turn: Turn, ts: str, view: View, showing: ShownTurn | None) -> None:
        """The notice of a waiting question: changed as long as it waits, and deleted when its turn has come."""
        if showing is None:
            await self._messages.update_notice(turn, ts, view)
            return
        await self._delete(turn, ts)
        raise MessageGoneError("the notice gives way to the answer")

    # --- messages --------------------------------------------------------------------------------------------------

    async def _make(self, turn: Turn, view: View, nonce: str, showing: ShownTurn | None) -> str:
        """A stream where more is to come, else a message."""
        grows = view.chunk and view.state == "writing" and view.is_last and self._streaming
        try:
            if showing and grows and not _follows(turn, view):
                live = await self._streams.start(
                    turn, Chunk.decode(view.chunk), has_stop=await self._sessions.begin(turn)
                )
                if live:
                    showing.is_waiting = False
                    showing.lives[live.ts] = live
                    await self._made(turn, nonce, live.ts)
                    return live.ts
            ts = await self._messages.send(turn, view, nonce, is_notice=showing is None)
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

    async def _edit(self, turn: Turn, ts: str, view: View, showing: ShownTurn) -> None:
        live, is_granted = showing.lives.get(ts), self._showing.next_call(turn.id) == "chat.update"
        # A stream can show neither of these.
        begins_anew = view.state == "waiting" and (view.notice or not view.chunk)
        if live and not (is_final(view) or begins_anew or _follows(turn, view)):
            try:
                await self._streams.append(turn, live, Chunk.decode(view.chunk))
            except StreamOverError as error:
                log.info("turn %s: its stream is over: %s", turn.id, error)
                if error.by_user:
                    await self._store.change(turn.id, "stop")
            else:
                return
        if live:
            await self._messages.stop(turn, ts)
            showing.lives.pop(ts, None)
        elif ts in showing.seen and content(turn, showing.seen[ts]) == content(turn, view):
            return
        elif ts not in showing.seen:
            self._sessions.adopt(turn)
        await self._messages.update(turn, ts, view, is_granted=is_granted)
        showing.seen[ts] = view

    async def _agree_on_files(self, turn: Turn, ts: str, view: View, showing: ShownTurn | None) -> None:
        """Let the thread have the files of the answer that its last message ends; an answer under way has none."""
        if not view.is_last:
            return
        if view.state in ENDED:
            if why := await self.files.agree(turn, view.files):
                beside = say("two-sentences", first=view.notice, second=why) if view.notice else why
                told = replace(view, notice=beside.in_language(turn.language))
                await self._messages.update(turn, ts, told, is_granted=False)
        elif showing is None or not showing.has_no_files:
            await self.files.take_away(turn)
            if showing:
                showing.has_no_files = True

    async def _delete(self, turn: Turn, ts: str) -> None:
        showing = self._showing.get(turn.id)
        is_open = showing is not None and showing.lives.pop(ts, None) is not None
        await self._messages.delete(turn, ts, is_open=is_open)

    async def _settle(self, turn: Turn, view: View, showing: ShownTurn | None) -> None:
        """The answer is complete: nothing of it is remembered, and the session is the person's again."""
        if showing and is_final(view) and view.is_last:
            self._showing.forget(turn.id)
            await self._lines.clear(turn)
            await self._sessions.end(turn)


def _follows(turn: Turn, view: View) -> bool:
    """Whether the message says that a file brings the rest of the answer. Other notices wait for the answer's end."""
    return view.state == "writing" and say("file-follows").in_language(turn.language) in view.notice


def _says_nothing(view: View) -> bool:
    """Whether nothing is shown yet: an answer's first letters may wait for those that say what they are."""
    return not view.chunk and view.state in {"waiting", "writing"}
