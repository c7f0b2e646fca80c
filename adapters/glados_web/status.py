"""`/status` shows people what runs, what waits and which model answers. It reloads itself without a script.

Strangers see only whether all is well. Visitors who may use the page see the model, each platform's counts and their
own limits. Admins in GLADOS_ADMINS also see versions, reasons and the latest admin acts.
"""

import platform
import time
from collections.abc import Awaitable
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

from fastapi import FastAPI, Request, Response

from glados_bots import __version__
from glados_bots.errors import StoreUnavailableError
from glados_bots.operations import audit
from glados_bots.operations.overview import Glance
from glados_bots.platforms import installed
from glados_bots.store import usage
from glados_bots.wording.sentence import Sentence, say
from glados_web.pages import show
from glados_web.parts import WebParts

T = TypeVar("T")
RENEW_S = 5
PACKAGES = ("fastapi", "uvicorn", "redis", "torch", "transformers", "peft", "discord.py", "slack_bolt")
TITLES: dict[str, str | Sentence] = {"web": say("status-web-page"), "discord": "Discord", "slack": "Slack"}
# The counts per platform, each with its title. The last one is for admins.
ROWS = (
    ("status-answering", "answering"),
    ("status-waiting-column", "waiting"),
    ("status-workers", "workers"),
    ("status-given-up", "dead"),
)
MOST_ACTS = 10


def add_status(app: FastAPI, parts: WebParts) -> None:
    began = time.monotonic()
    glance = Glance(parts.store.client, parts.core.client, tuple(installed()))

    @app.get("/status")
    async def status(request: Request) -> Response:
        found = await glance.overview()
        session = await _unless_away(parts.door.visitor(request), None)  # then we know nobody
        owner = session.owner if session else ""  # no owner: nothing asked yet
        is_in = session is not None or not parts.door.is_locked
        is_admin = parts.door.is_admin(session)
        response = show(
            request,
            "status",
            200 if found.health == "well" else 503,
            health=found.health,
            title=say(f"status-{found.health}"),
            sentence=say(f"status-{found.health}-means"),
            now=time.strftime("%H:%M:%S", time.gmtime()),
            renew_s=0 if "still" in request.query_params else RENEW_S,
            is_locked=parts.door.is_locked,
            is_in=is_in,
            overview=found,
            titles=TITLES,
            rows=ROWS if is_admin else ROWS[:-1],
            up=timedelta(seconds=time.monotonic() - began),
            version=__version__,
            used=await _unless_away(usage.usage(parts.store, owner), []) if is_in and found.health != "away" else [],
            versions=_versions() if is_admin else [],
            acts=await _unless_away(audit.entries(parts.store.client, MOST_ACTS), []) if is_admin else [],
            reasons=[reason for reason in (found.store, found.model) if reason and is_admin],
            is_admin=is_admin,
        )
        if "still" not in request.query_params:
            response.headers["Refresh"] = f"{RENEW_S}; url=/status"
        return response


async def _unless_away(asked: Awaitable[T], otherwise: T) -> T:
    """Return what the store answers; `otherwise` if it is not reachable, so that the page can still say so."""
    try:
        return await asked
    except StoreUnavailableError:
        return otherwise


def _versions() -> list[tuple[str, str]]:
    found = [("Python", platform.python_version())]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return found
