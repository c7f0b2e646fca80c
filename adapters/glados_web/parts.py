"""The page's parts, wired once per process, and what its routes ask of them about a visitor and a chat."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request

from glados_bots.adapter_core import AdapterCore
from glados_bots.errors import InferenceError
from glados_bots.settings import Settings
from glados_bots.store.connection import connect
from glados_bots.wire.model_list import Useful
from glados_bots.wording.sentence import say
from glados_web.answers.surface import WebSurface
from glados_web.chats import Chats
from glados_web.door.door import Door
from glados_web.door.sessions import Session
from glados_web.settings import WebSettings
from glados_web.sharing.links import Links
from glados_web.stream_slots import StreamSlots

log = logging.getLogger(__name__)

MOST_STREAMS = 1000  # pages that follow a chat at once; each holds one connection to Redis
NO_CHAT = say("page-no-chat")
LIST_S = 0.5  # longest wait for the list of models: the page does not depend on it
STILL_IN_S = 2.0  # between a stream's checks that its reader is still signed in


class WebParts:
    """The page's parts. `closing` is set when the server must stop. It ends all streams to browsers."""

    def __init__(self, settings: Settings, web: WebSettings) -> None:
        self.settings = settings
        self.closing = asyncio.Event()
        self._streams = connect(settings.resolved_redis_url, max_connections=MOST_STREAMS)
        self.core = AdapterCore(settings, "web", lambda store, _: WebSurface(store, self._streams))
        self.store = self.core.store
        self.surface = self.core.surface
        self.door = Door(settings, web, self.store)
        self.chats = Chats(self.store, self.store.ttl)
        self.links = Links(self.store)
        self.slots = StreamSlots()

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Answer turns while the page is up; drain at the end."""
        working = asyncio.create_task(self.core.run())
        working.add_done_callback(_stop_if_failed)
        yield
        await self.core.drain()
        await asyncio.gather(working, return_exceptions=True)
        await self._streams.aclose()
        await self.core.aclose()

    async def owned(self, conversation: str, request: Request) -> str:
        """Return the conversation if it is this visitor's. Raises HTTPException (404) for anybody else."""
        session = session_of(request)
        if session is None or not await self.chats.owns(session, conversation):
            raise HTTPException(404, NO_CHAT)
        return conversation

    async def usable(self, conversation: str, request: Request) -> str:
        """Return the conversation if it is this visitor's, or nobody's. Raises HTTPException (404) otherwise."""
        if not await self.chats.is_free(conversation):
            return await self.owned(conversation, request)
        return conversation

    async def visitor(self, request: Request) -> Session:
        """The visitor's session, which begins now if there is none. Raises HTTPException (403) for a stranger."""
        session = session_of(request) or await self.door.begin(request)
        if session is None:
            raise HTTPException(403, say("page-cookies"))
        return session

    async def signed_out(self, request: Request) -> None:
        """Wait until a request's visitor is signed out, or the store is not reachable."""
        session = session_of(request)
        while session and await self.door.sessions.is_alive(session):  # noqa: ASYNC110 - the event may be in another process
            await asyncio.sleep(STILL_IN_S)

    async def useful(self) -> Useful | None:
        """What the machine could serve instead of the small model; None if the model is useful, or not reachable."""
        try:
            async with asyncio.timeout(LIST_S):
                return (await self.core.client.models())[0].useful
        except (InferenceError, TimeoutError):
            return None

    async def forget(self, conversation: str) -> None:
        """Delete what a chat holds, the views that browsers read, and the link that shows it to others."""
        await self.links.end(conversation)
        for turn in await self.core.records.forget_conversation(conversation):
            await self.surface.forget(conversation, turn)
        await self.surface.tell(conversation)

    async def keep(self, session: Session, conversation: str) -> None:
        """Keep the chat, its settings, its link and the session of an accepted question as long as its answer."""
        await self.chats.keep(session, conversation)
        await self.core.book.keep(conversation, self.store.ttl)
        await self.links.keep(conversation)
        await self.door.sessions.keep(session)


def session_of(request: Request) -> Session | None:
    """Return the session that the door found for the visitor."""
    found: Session | None = request.state.session
    return found


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    """Stop the page if its worker failed: it cannot answer. The supervisor starts the process again."""
    if not task.cancelled() and (error := task.exception()):
        log.critical("the worker ended; so does the page", exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)
