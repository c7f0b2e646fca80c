"""A chat as a whole page. What happens in it after that comes as events: see chat_stream.py."""

from functools import partial

from fastapi.responses import HTMLResponse

from glados_web.answers.markdown import render
from glados_web.answers.off_loop import off_loop
from glados_web.answers.painter import Patience
from glados_web.answers.stream import final_view, version
from glados_web.door.sessions import Session
from glados_web.pages import show
from glados_web.parts import WebParts


async def chat_page(parts: WebParts, session: Session | None, conversation: str) -> HTMLResponse:
    """Answered turns rendered, those under way to be filled in by the script."""
    running = await parts.store.queue(conversation)  # read first: a turn that ends meanwhile is then in both
    history = await parts.store.history(conversation)
    answered = {exchange.turn for exchange in history}
    waiting = [await parts.store.turn(turn) for turn in running if turn not in answered]
    named = session if session and session.by == "oidc" else None
    return await off_loop(
        show,
        "chat",
        conversation=conversation,
        history=history,
        running=running,
        waiting=[turn for turn in waiting if turn],
        chats=await parts.chats.of(session) if session else [],
        is_locked=parts.door.is_locked,
        person=named.person if named else "",
        owner=named.owner[:8] if named else "",  # keeps drafts of people in one browser apart
        render=partial(render, patience=Patience()),
        version=lambda exchange: version(final_view(exchange)),
        max_chars=parts.settings.message_max_chars,
    )
