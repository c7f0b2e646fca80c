"""A chat as a whole page. Later changes come as events: see chat_stream.py."""

from functools import partial

from fastapi import Request
from fastapi.responses import HTMLResponse

from glados_bots.store.channels import LONGEST_PERSONA
from glados_web.answers.files import names_of
from glados_web.answers.markdown import render
from glados_web.answers.off_loop import off_loop
from glados_web.answers.painter import Patience
from glados_web.answers.stream import final_view, version
from glados_web.pages import language_of, rendered
from glados_web.parts import WebParts, session_of
from glados_web.search.routes import LONGEST
from glados_web.uploads import Limits


async def chat_page(parts: WebParts, request: Request, conversation: str) -> HTMLResponse:
    """Render the answered turns. The script fills in those under way."""
    session, language = session_of(request), language_of(request)
    running = await parts.store.queue(conversation)  # read first: a turn that ends meanwhile is then in both
    history = await parts.store.history(conversation)
    answered = {exchange.turn for exchange in history}
    under_way = {turn.id: turn for each in running if (turn := await parts.store.turn(each))}
    votes = await parts.core.records.votes_by(session.owner, [*answered]) if session else {}
    limits = Limits.of(parts.settings)
    useful = None if history or running else await parts.useful()
    named = session if session and session.by == "oidc" else None
    return await off_loop(
        rendered,
        "chat",
        language,
        conversation=conversation,
        history=history,
        under_way=under_way,
        waiting=[turn for turn in under_way.values() if turn.id not in answered],
        votes=votes,
        limits=limits,
        longest_persona=LONGEST_PERSONA,
        useful=useful,
        chats=await parts.chats.of(session) if session else [],
        is_locked=parts.door.is_locked,
        longest_search=LONGEST,
        share=parts.door.web.share,
        is_shared=await parts.links.is_shared(conversation),
        person=named.person if named else "",
        owner=named.owner[:8] if named else "",  # separates drafts of people who share a browser
        render=partial(render, patience=Patience()),
        view=lambda exchange: final_view(exchange, language),
        version=version,
        names_of=names_of,
        max_chars=parts.settings.message_max_chars,
    )
