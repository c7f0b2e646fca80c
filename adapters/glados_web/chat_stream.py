"""Everything that happens in one chat, as one stream of server-sent events: a page needs no second connection.

    turns    {turns: [{turn, question, files} | {turn, version}]}   the chat's turns in order, under way or answered
    view     {turn, from, blocks, notice, state, markdown?, version?, files?}   an answer grows or ends (answers/)
    alive    {}   nothing has changed for KEEP_ALIVE_S: a browser that hears nothing for longer has a dead connection
    crowded  {}   another tab of this browser took this stream's place
    lost     {}   the store is not reachable

A browser that connects late or again gets the list, every answer under way and the ends that it awaits at once.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from typing import Any

from fastapi import Request

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.store.store import Store
from glados_web.answers import stream
from glados_web.answers.stream import LOST, Followed, event, final_view, until, version, without_view
from glados_web.answers.surface import WebSurface
from glados_web.pages import language_of
from glados_web.parts import WebParts

ALIVE = event("alive", {})
CROWDED = event("crowded", {})
MOST_AWAITED = 50  # more turns than may wait in one chat


async def page_events(
    parts: WebParts, conversation: str, request: Request, awaited: Sequence[str], *, is_patient: bool
) -> AsyncIterator[str]:
    """Yield a chat's events for one page, until its visitor signs out or a newer tab takes its slot."""
    browser, language = request.state.session.hash, language_of(request)
    if is_patient and not parts.slots.has_free(browser):
        async for line in chat_events(parts.store, parts.surface, conversation, awaited, language, once=True):
            yield line
        yield CROWDED
        return
    with parts.slots.take(browser) as lost:
        lines = chat_events(parts.store, parts.surface, conversation, awaited, language)
        async for line in until([parts.closing.wait(), parts.signed_out(request), lost.wait()], lines):
            yield line
        if lost.is_set():
            yield CROWDED


async def chat_events(
    store: Store,
    surface: WebSurface,
    conversation: str,
    awaited: Iterable[str] = (),
    language: str = "",
    *,
    once: bool = False,
) -> AsyncGenerator[str]:
    """Yield the events above, with the ends of the turns `awaited`. `once`: stop after the present state."""
    picture = _Picture(store, surface, conversation, awaited, language)
    try:
        async for hint in surface.changes(conversation, stream.KEEP_ALIVE_S):
            for line in await picture.news(hint):
                yield line
            if once:
                return
            if hint is None:
                yield ALIVE
    except StoreUnavailableError:
        yield LOST


class _Picture:
    """A chat as one browser has it."""

    def __init__(
        self, store: Store, surface: WebSurface, conversation: str, awaited: Iterable[str], language: str
    ) -> None:
        self._language = language
        self._store = store
        self._surface = surface
        self._conversation = conversation
        self._followed = {turn: Followed() for turn in list(awaited)[:MOST_AWAITED]}
        self._turns: list[dict[str, Any]] | None = None

    async def news(self, hint: str | None) -> list[str]:
        """Return what is new in the hint's turn; in the whole chat if the browser does not know that turn yet."""
        is_known = any(turn["turn"] == hint for turn in self._turns or ())
        return await self._one(hint) if hint and is_known else await self._all()

    async def _all(self) -> list[str]:
        """Return what is new: ends that the browser misses, the list, and answers under way.

        An end comes before the list, which names its version, too. A new question comes before its answer.
        """
        running = await self._store.queue(self._conversation)
        missed = [turn for turn, followed in self._followed.items() if not followed.is_over and turn not in running]
        ends = [line for turn in missed for line in await self._one(turn)]
        listed = await self._list(running)
        return [*ends, *listed, *[line for turn in running for line in await self._one(turn)]]

    async def _one(self, turn: str) -> list[str]:
        """Return what is new in one answer."""
        view = await self._surface.view(self._conversation, turn)
        view = view or await without_view(self._store, self._conversation, turn, self._language)
        if view["state"] == "removed":
            self._followed.pop(turn, None)
            return []  # the list says so
        news = await self._followed.setdefault(turn, Followed()).news(view)
        return [event("view", {"turn": turn, **news})] if news else []

    async def _list(self, running: tuple[str, ...]) -> list[str]:
        history = await self._store.history(self._conversation)  # after the queue: a turn ending meanwhile is in both
        asked = {turn.id: _asked(turn) for each in running if (turn := await self._store.turn(each))}
        turns = [
            asked.pop(exchange.turn)
            if exchange.turn in asked
            else {"turn": exchange.turn, "version": version(final_view(exchange))}
            for exchange in history
        ]
        turns += asked.values()
        if turns == self._turns:
            return []
        self._turns = turns
        self._forget_others(turns)
        return [event("turns", {"turns": turns})]

    def _forget_others(self, turns: list[dict[str, Any]]) -> None:
        there = {turn["turn"] for turn in turns}
        self._followed = {turn: followed for turn, followed in self._followed.items() if turn in there}


def _asked(turn: Turn) -> dict[str, Any]:
    return {"turn": turn.id, "question": turn.text, "files": [file.name for file in turn.attachments]}
