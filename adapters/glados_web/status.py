"""`/status`: what runs, what waits, which model, for people. It renews itself without a script.

How much is shown depends on who looks: strangers see whether all is well; who may come in sees the model, the lines and
their own limits; an admin of GLADOS_ADMINS sees versions, reasons and the latest admin acts as well.
"""

import platform
import time
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI, Request, Response

from glados_bots import __version__
from glados_bots.errors import StoreUnavailableError
from glados_bots.operations import audit
from glados_bots.operations.overview import Glance, Overview
from glados_bots.platforms import installed
from glados_bots.store import usage
from glados_bots.store.limits import duration
from glados_web.door.sessions import Session
from glados_web.pages import show
from glados_web.parts import WebParts

RENEW_S = 5
PACKAGES = ("fastapi", "uvicorn", "redis", "torch", "transformers", "peft", "discord.py", "slack_bolt")
TITLES = {"web": "Web page", "discord": "Discord", "slack": "Slack"}
MOST_ACTS = 10
SAID = {
    "well": ("Everything runs", "Questions are answered."),
    "waiting": ("The model is away", "Questions are kept, and answered when it is back."),
    "away": ("The store does not answer", "New questions cannot be taken right now. Nothing was lost."),
}


def add_status(app: FastAPI, parts: WebParts) -> None:
    began = time.monotonic()
    glance = Glance(parts.store.client, parts.core.client, tuple(installed()))

    @app.get("/status")
    async def status(request: Request) -> Response:
        found = await glance.overview()
        session = await _session(parts, request)
        is_in = session is not None or not parts.door.is_locked
        is_admin = parts.door.is_admin(session)
        title, sentence = SAID[found.health]
        response = show(
            "status",
            200 if found.health == "well" else 503,
            health=found.health,
            title=title,
            sentence=sentence,
            now=time.strftime("%H:%M:%S", time.gmtime()),
            renew_s=0 if "still" in request.query_params else RENEW_S,
            is_locked=parts.door.is_locked,
            is_in=is_in,
            overview=found,
            titles=TITLES,
            up=duration(time.monotonic() - began),
            version=__version__,
            used=await _used(parts, session) if is_in and found.health != "away" else [],
            versions=_versions() if is_admin else [],
            acts=await _acts(parts) if is_admin else [],
            reasons=_reasons(found) if is_admin else [],
            is_admin=is_admin,
        )
        if "still" not in request.query_params:
            response.headers["Refresh"] = f"{RENEW_S}; url=/status"
        return response


async def _session(parts: WebParts, request: Request) -> Session | None:
    try:
        return await parts.door.visitor(request)
    except StoreUnavailableError:
        return None  # then nobody can be known, and the page says what is wrong all the same


async def _used(parts: WebParts, session: Session | None) -> list[usage.Used]:
    try:
        return await usage.usage(parts.store, session.owner if session else "")  # no owner: nothing asked yet
    except StoreUnavailableError:
        return []


async def _acts(parts: WebParts) -> list[audit.Entry]:
    try:
        return await audit.entries(parts.store.client, MOST_ACTS)
    except StoreUnavailableError:
        return []


def _reasons(found: Overview) -> list[str]:
    return [reason for reason in (found.store, found.model) if reason]


def _versions() -> list[tuple[str, str]]:
    found = [("Python", platform.python_version())]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return found
