"""Decides who may use the page. With sign-in, every route outside PUBLIC needs a visitor who has signed in.

The check uses the matched route, never the path, so no spelling of an address gets around it.
"""

from fastapi import HTTPException, Request, Response

from glados_bots.admins import LOCAL, SHARED, Admins
from glados_bots.settings import Settings
from glados_bots.store.store import Store
from glados_bots.wording.sentence import say
from glados_web.door.sessions import By, Session, Sessions, new_owner
from glados_web.door.tickets import Tickets
from glados_web.manifest import PATH as MANIFEST
from glados_web.settings import WebSettings

COOKIE = "glados_session"
SECURE_COOKIE = f"__Host-{COOKIE}"  # browsers accept this name over https only, and from this very host only
BROWSER_COOKIE = "glados_browser"
# `/status` tells strangers only whether all is well; see glados_web/status.py.
EVENTS = "/c/{conversation}/events"  # a page requests it by itself, even if nobody is using the page
SHARED_LINK = "/s/{token}"  # public only where GLADOS_WEB_SHARE says so
PUBLIC = frozenset({"/health", "/code.css", "/sign-in", "/sign-in/oidc", "/sign-in/callback", "/status", MANIFEST})


class Door:
    """Recognises visitors by cookies. Without sign-in everybody may use the page, each with chats of their own."""

    def __init__(self, settings: Settings, web: WebSettings, store: Store) -> None:
        self.web = web
        self.is_locked = web.needs_sign_in
        self._public = PUBLIC | ({SHARED_LINK} if web.share == "everybody" else set())
        self.sessions = Sessions(store, web.session_idle, web.session_max)
        self._tickets = Tickets(store)
        self._admins = Admins.parse(settings.admins)

    async def admit(self, request: Request) -> None:
        """Check every request, as a dependency. Raises HTTPException (401) for strangers, except on public ones."""
        path = request.scope["route"].path
        if path in self._public:
            return
        request.state.session = await self.visitor(request, is_attended=path != EVENTS)
        if self.is_locked and request.state.session is None:
            raise HTTPException(401, say("door-signed-out"))

    async def visitor(self, request: Request, *, is_attended: bool = True) -> Session | None:
        """Return the session if it lets its holder in. `is_attended`: a person sent the request, not the page."""
        session = await self.sessions.find(request.cookies.get(self._cookie(request)), is_attended=is_attended)
        return session if not self.is_locked or self.sessions.is_signed_in(session) else None

    async def welcome(self, request: Request, response: Response) -> None:
        """Give a ticket to a browser that has none. We store nothing about visitors who only look."""
        name = self._cookie(request)
        if not await self._tickets.is_ours(request.cookies.get(name)):
            self.set_cookie(request, response, name, await self._tickets.give(), self.sessions.kept_s)

    async def name_of(self, request: Request) -> str:
        """A name for a visitor whom we know, by session or ticket; empty for a stranger."""
        cookie = request.cookies.get(self._cookie(request), "")
        if request.state.session or (not self.is_locked and cookie and await self._tickets.is_ours(cookie)):
            return cookie
        return ""

    async def begin(self, request: Request) -> Session | None:
        """Begin the session of a browser that asks its first question; None if it shows no ticket of ours."""
        ticket = request.cookies.get(self._cookie(request))
        if self.is_locked or ticket is None or not await self._tickets.is_ours(ticket):
            return None
        return await self.sessions.begin_with(ticket, LOCAL, await self.browser(request))

    async def sign_in(self, request: Request, by: By, owner: str = "", person: str = SHARED) -> Session:
        """Begin a session for somebody who has proved that they may sign in. Their old session ends.

        Without an owner, the session has this browser's chats, whoever has signed in with it.
        """
        owner = owner or await self.browser(request)
        return await self.sessions.sign_in(request.cookies.get(self._cookie(request)), owner, person, by)

    async def browser(self, request: Request) -> str:
        """Return the owner of the browser's chats; empty if we do not know that it has signed in before."""
        return await self._tickets.owner(request.cookies.get(self.cookie(request, BROWSER_COOKIE)))

    async def remember(self, session: Session, request: Request, response: Response) -> None:
        """Give the browser a cookie that names its owner. From now on it lasts as long as chats do."""
        owner = session.owner if session.by == "password" else await self.browser(request) or new_owner()
        name = self.cookie(request, BROWSER_COOKIE)
        self.set_cookie(request, response, name, await self._tickets.sign(owner), self.sessions.kept_s)

    def is_admin(self, session: Session | None) -> bool:
        """Whether GLADOS_ADMINS names this visitor. Without sign-in, a visitor without a session is `local`, too."""
        stranger = "" if self.is_locked else LOCAL
        return self._admins.has("web", session.person if session else stranger)

    def give_cookie(self, session: Session, request: Request, response: Response) -> None:
        if session.fresh_cookie:
            self.set_cookie(request, response, self._cookie(request), session.fresh_cookie, self.sessions.kept_s)

    def take_cookie(self, request: Request, response: Response) -> None:
        """Make the browser forget its session."""
        self.set_cookie(request, response, self._cookie(request), "", 0)

    def set_cookie(self, request: Request, response: Response, name: str, value: str, seconds: int) -> None:
        """Set a cookie that no script can read, no other site can send, and nobody on the network can see."""
        response.set_cookie(
            name, value, max_age=seconds, httponly=True, samesite="lax", secure=self.is_secure(request), path="/"
        )

    def is_secure(self, request: Request) -> bool:
        """Whether the browser speaks https, with us or with the proxy in front of us."""
        return self.web.public_url.startswith("https:") or request.url.scheme == "https"

    def cookie(self, request: Request, name: str) -> str:
        """Return a cookie's name for this browser. Over https the name binds the cookie to this very host."""
        return f"__Host-{name}" if self.is_secure(request) else name

    def _cookie(self, request: Request) -> str:
        return self.cookie(request, COOKIE)
