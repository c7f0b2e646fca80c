"""One answer as server-sent events: only the blocks that changed travel."""

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine, Iterable
from typing import Any

from glados_bots.conversation import Exchange
from glados_bots.errors import StoreUnavailableError
from glados_bots.store import Store
from glados_web.markdown import stream
from glados_web.off_loop import off_loop
from glados_web.surface import FINAL, WebSurface

KEEP_ALIVE_S = 10.0
RECONNECT_MS = 1000


def final_view(exchange: Exchange) -> dict[str, str]:
    """A finished turn's view, from the history."""
    notice = "Stopped." if exchange.outcome == "stopped" else ""
    return {"chunk": exchange.answer, "notice": notice, "state": exchange.outcome}


class Blocks:
    """The HTML blocks one browser has of an answer. Rendering costs what is new, not what is there already."""

    def __init__(self) -> None:
        self._text = ""
        self._stream = stream()
        self._count = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return self._count

    def show(self, text: str, *, is_final: bool) -> tuple[int, list[str]]:
        """The number of the first block that changed, and all blocks from there on."""
        if not text.startswith(self._text):  # the answer was begun again
            self._text, self._stream = "", stream()
        update = self._stream.feed(text[len(self._text) :])
        self._text = text
        first = update.first_changed
        if is_final:
            update = self._stream.close()
            first = min(first, update.first_changed)
        self._count = len(update.chunks)
        return first, update.chunks[first:]


async def answer_events(store: Store, surface: WebSurface, conversation: str, turn: str) -> AsyncGenerator[str]:
    """Events `view` with {from, blocks, notice, state, markdown?}; the last has a final state.

    `blocks` replace everything from block number `from` on. A browser that comes late gets everything at once. Every
    KEEP_ALIVE_S the view is told again without blocks: a browser that hears nothing for longer has a dead connection.
    """
    blocks = Blocks()
    last: dict[str, str] | None = None
    yield f"retry: {RECONNECT_MS}\n\n"
    try:
        async for current in surface.watch(conversation, turn, KEEP_ALIVE_S):
            view = current or await _without_view(store, conversation, turn)
            if view == last:
                yield _event({"from": blocks.count, "blocks": [], "notice": view["notice"], "state": view["state"]})
                continue
            last = view
            final = view["state"] in FINAL
            first, changed = await off_loop(blocks.show, view["chunk"], is_final=final)
            data: dict[str, Any] = {"from": first, "blocks": changed, "notice": view["notice"], "state": view["state"]}
            if final:
                data["markdown"] = view["chunk"]
            yield _event(data)
            if final:
                return
    except StoreUnavailableError:
        yield "event: lost\ndata: {}\n\n"


async def until(ends: Iterable[Coroutine[Any, Any, object]], lines: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """The lines until they end or one of `ends` is over: a shutdown never waits for a stream, nor does a sign-out."""
    over = [asyncio.create_task(end) for end in ends]
    line: asyncio.Future[str] | None = None
    try:
        while True:
            line = asyncio.ensure_future(anext(lines))
            await asyncio.wait({line, *over}, return_when=asyncio.FIRST_COMPLETED)
            if any(end.done() for end in over):
                return
            yield line.result()
    except StopAsyncIteration:
        return
    finally:
        pending = [task for task in (*over, line) if task]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await lines.aclose()


async def _without_view(store: Store, conversation: str, turn: str) -> dict[str, str]:
    """Before a worker shows anything, or long after it has finished."""
    if turn in await store.queue(conversation):
        return {"chunk": "", "notice": "", "state": "waiting"}
    for exchange in reversed(await store.history(conversation)):
        if exchange.turn == turn:
            return final_view(exchange)
    return {"chunk": "", "notice": "", "state": "removed"}


def _event(data: dict[str, Any]) -> str:
    return f"event: view\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
