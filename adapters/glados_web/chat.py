"""The page's parts, wired once a process, and what its routes ask of a request: a session, its chat, a question."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse

from glados_bots.adapter_core import AdapterCore
from glados_bots.intake.addressing import is_nothing
from glados_bots.settings import Settings
from glados_bots.store.connection import connect
from glados_web.answers.markdown import render
from glados_web.answers.off_loop import off_loop
from glados_web.answers.painter import Patience
from glados_web.answers.stream import final_view, until, version
from glados_web.answers.surface import WebSurface
from glados_web.chat_stream import CROWDED, chat_events
from glados_web.chats import Chats
from glados_web.door.door import Door
from glados_web.door.sessions import Session
from glados_web.pages import show
from glados_web.places import Places
from glados_web.settings import WebSettings

log = logging.getLogger(__name__)

MOST_STREAMS = 1000  # pages that look at a chat at once; each holds one connection to Redis
NO_CHAT = "There is no such chat in this browser."
STILL_IN_S = 2.0  # how often a stream asks whether its reader is still signed in


class Chat:
    """The page's parts. `closing` is set when the server is told to stop: streams to browsers end then."""

    def __init__(self, settings: Settings, web: WebSettings) -> None:
        self.settings = settings
        self.closing = asyncio.Event()
        self._streams = connect(settings.resolved_redis_url, max_connections=MOST_STREAMS)
        self.core = AdapterCore(settings, "web", lambda store, _: WebSurface(store, self._streams))
        self.store = self.core.store
        self.surface = self.core.surface
        self.door = Door(settings, web, self.store)
        self.chats = Chats(self.store, self.store.ttl)
        self._places = Places()

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Answer turns while the page is up; drain at the end."""
        del app
        working = asyncio.create_task(self.core.run())
        working.add_done_callback(_stop_if_failed)
        yield
        await self.core.drain()
        await asyncio.gather(working, return_exceptions=True)
        await self._streams.aclose()
        await self.core.aclose()

    # --- who asks --------------------------------------------------------------------------------------------------

    def session(self, request: Request) -> Session | None:
        """The visitor's session, as the door found it."""
        found: Session | None = request.state.session
        return found

    async def owned(self, conversation: str, request: Request) -> str:
        """The conversation, if it is this visitor's; for anybody else it does not exist."""
        session = self.session(request)
        if session is None or not await self.chats.owns(session, conversation):
            raise HTTPException(404, NO_CHAT)
        return conversation

    async def signed_out(self, request: Request) -> None:
        """Return once the visitor of a request is signed out, or cannot be asked about."""
        session = self.session(request)
        while session and await self.door.sessions.is_alive(session):  # noqa: ASYNC110 - the event may be in another process
            await asyncio.sleep(STILL_IN_S)

    async def forget(self, conversation: str) -> None:
        """Forget what was said in a chat, and the views of it that browsers read."""
        for turn in await self.core.records.forget_conversation(conversation):
            await self.surface.forget(conversation, turn)
        await self.surface.tell(conversation)

    async def keep(self, session: Session, conversation: str) -> None:
        """A question was taken in: what it began is kept as long as its answer."""
        await self.chats.keep(session, conversation)
        await self.door.sessions.keep(session)

    # --- what is shown and asked -----------------------------------------------------------------------------------

    async def page(self, session: Session | None, conversation: str) -> HTMLResponse:
        """The whole page: answered turns rendered, those under way to be filled in by the script."""
        running = await self.store.queue(conversation)  # read first: a turn that ends meanwhile is then in both
        history = await self.store.history(conversation)
        answered = {exchange.turn for exchange in history}
        waiting = [await self.store.turn(turn) for turn in running if turn not in answered]
        named = session if session and session.by == "oidc" else None
        return await off_loop(
            show,
            "chat",
            conversation=conversation,
            history=history,
            running=running,
            waiting=[turn for turn in waiting if turn],
            chats=await self.chats.of(session) if session else [],
            is_locked=self.door.is_locked,
            person=named.person if named else "",
            owner=named.owner[:8] if named else "",  # keeps drafts of people in one browser apart
            render=partial(render, patience=Patience()),
            version=lambda exchange: version(final_view(exchange)),
            max_chars=self.settings.message_max_chars,
        )

    async def events(
        self, conversation: str, request: Request, awaited: Sequence[str], *, is_patient: bool
    ) -> AsyncIterator[str]:
        """A chat's stream for one page: as long as nobody signs out, and no other tab needs its place more."""
        browser = request.state.session.hash
        if is_patient and not self._places.are_left(browser):
            async for line in chat_events(self.store, self.surface, conversation, awaited, once=True):
                yield line
            yield CROWDED
            return
        with self._places.one(browser) as lost:
            lines = chat_events(self.store, self.surface, conversation, awaited)
            async for line in until([self.closing.wait(), self.signed_out(request), lost.wait()], lines):
                yield line
            if lost.is_set():
                yield CROWDED

    async def question(self, request: Request) -> tuple[str, str]:
        """Text and key of a posted question. Raises HTTPException that says what is wrong with it.

        The key is the sender's name for this message: the same question sent again, because the answer to the first
        request was lost, is the same turn.
        """
        longest = self.settings.message_max_chars
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > 12 * longest + 1000:  # JSON may spell one character with twelve bytes
                raise HTTPException(413, f"This message is too long: {longest} characters are allowed.")
        try:
            data = json.loads(body.decode("utf-8"))
            text, key = data["text"], data["key"]
        except UnicodeDecodeError as error:
            raise HTTPException(400, "The message is not valid UTF-8.") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise HTTPException(400, 'The body must be JSON of the form {"text": "...", "key": "..."}') from error
        if not isinstance(text, str) or is_nothing(text):
            raise HTTPException(400, "The message is empty.")
        if not isinstance(key, str) or not 1 <= len(key) <= 100:  # noqa: PLR2004 - a UUID has 36
            raise HTTPException(400, "The key must be a text of 1 to 100 characters, new for each message.")
        if len(text) > longest:
            raise HTTPException(413, f"This message has {len(text)} characters; {longest} are allowed.")
        return without_empty_ends(text).encode("utf-8", "replace").decode(), key


def without_empty_ends(text: str) -> str:
    """The text without empty lines before and after it. What begins with an indent keeps it: it may be code."""
    start = text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1
    end = text.find("\n", len(text.rstrip()))
    return text[start:] if end < 0 else text[start:end]


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    """A page that cannot answer must not stay up: the supervisor starts the process anew."""
    if not task.cancelled() and (error := task.exception()):
        log.critical("the worker ended; so does the page", exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)
