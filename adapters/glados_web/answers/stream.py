"""Answers as server-sent events. The server sends only the blocks that changed."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Coroutine, Iterable
from typing import Any

from glados_bots.conversation import Exchange
from glados_bots.errors import StoreUnavailableError
from glados_bots.store.store import Store
from glados_bots.wording.sentence import say
from glados_web.answers.files import names_of
from glados_web.answers.markdown import stream
from glados_web.answers.off_loop import off_loop
from glados_web.answers.surface import FINAL, WebSurface

KEEP_ALIVE_S = 10.0
RECONNECT_MS = 1000


def final_view(exchange: Exchange, language: str = "") -> dict[str, str]:
    notice = say("stopped").in_language(language) if exchange.outcome == "stopped" else ""
    return {"chunk": exchange.answer, "notice": notice, "state": exchange.outcome}


def version(view: dict[str, str]) -> str:
    """The version of a finished answer: a hash of its state and text. Regenerate changes it."""
    return hashlib.sha256(f"{view['state']} {view['chunk']}".encode()).hexdigest()[:16]


class Followed:
    """An answer as one browser has it. Each update renders only what that browser has not seen yet."""

    def __init__(self) -> None:
        self._view: dict[str, str] = {}
        self._text = ""
        self._stream = stream()
        self._count = 0

    @property
    def is_over(self) -> bool:
        """Whether the browser has the end of the answer."""
        return self._view.get("state") in FINAL

    async def news(self, view: dict[str, str]) -> dict[str, Any] | None:
        """Return {from, blocks, notice, state}, at the end with {markdown, version, files}; None if nothing is new.

        `blocks` replace everything from block number `from` on.
        """
        if view == self._view:
            return None
        self._view = view
        first, changed = await off_loop(self._changed, view["chunk"])
        end = await off_loop(_end, view) if self.is_over else {}
        return {"from": first, "blocks": changed, "notice": view["notice"], "state": view["state"], **end}

    def again(self) -> dict[str, Any]:
        """Return the view that was sent last, without its blocks: a keep-alive."""
        return {"from": self._count, "blocks": [], "notice": self._view["notice"], "state": self._view["state"]}

    def _changed(self, text: str) -> tuple[int, list[str]]:
        """Return the number of the first block that changed, and all blocks from that one on."""
        if not text.startswith(self._text):  # the answer started again
            self._text, self._stream = "", stream()
        update = self._stream.feed(text[len(self._text) :])
        self._text = text
        first = update.first_changed
        if self.is_over:
            update = self._stream.close()
            first = min(first, update.first_changed)
        self._count = len(update.chunks)
        return first, update.chunks[first:]


def _end(view: dict[str, str]) -> dict[str, Any]:
    """Return what else a browser needs of an answer that has ended. `files` are names: see answers/files.py."""
    names = names_of(view["chunk"]) if view["state"] in {"done", "stopped"} else []
    return {"markdown": view["chunk"], "version": version(view), "files": names}


async def answer_events(
    store: Store, surface: WebSurface, conversation: str, turn: str, language: str = ""
) -> AsyncGenerator[str]:
    """Send one answer to a program: `view` events as `Followed` makes them. The last one has a final state.

    A client that connects late gets everything at once. Every KEEP_ALIVE_S the view comes again without blocks.
    """
    followed = Followed()
    yield f"retry: {RECONNECT_MS}\n\n"
    try:
        async for _ in surface.changes(conversation, KEEP_ALIVE_S):
            view = await surface.view(conversation, turn) or await without_view(store, conversation, turn, language)
            yield event("view", await followed.news(view) or followed.again())
            if followed.is_over:
                return
    except StoreUnavailableError:
        yield LOST


async def until(ends: Iterable[Coroutine[Any, Any, object]], lines: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """Yield the lines until they end or one of `ends` is done. So no shutdown and no sign-out waits for a stream."""
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


async def without_view(store: Store, conversation: str, turn: str, language: str = "") -> dict[str, str]:
    """Return the view of a turn before a worker writes one, or after the written one has expired."""
    if turn in await store.queue(conversation):
        return {"chunk": "", "notice": "", "state": "waiting"}
    for exchange in reversed(await store.history(conversation)):
        if exchange.turn == turn:
            return final_view(exchange, language)
    return {"chunk": "", "notice": "", "state": "removed"}


def event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


LOST = event("lost", {})
