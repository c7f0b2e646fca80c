"""Discord's rate limits, read from the headers of every answer and shared with all processes through the pacer.

Discord counts requests of one kind and channel in windows that open with the first request. It also counts all
requests of a bot per second. The limits per kind are not documented, so `Rates` learns them. Gates hold both limits:
every counted call passes its gates, whoever made it. The pacer's grants decide which call goes first.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from types import SimpleNamespace

import aiohttp
import discord
import yarl

from glados_bots.errors import StoreUnavailableError
from glados_bots.store.store import Store
from glados_bots.surface import Budget
from glados_bots.turns import gate
from glados_bots.turns.pacing import Pacer

log = logging.getLogger(__name__)

# Fewer than the gate lets through, even if Discord takes a third of a second per answer. So calls wait for this budget,
# in which the end of an answer goes first.
GLOBAL = Budget("global", 35, 1.0)
MOST = 48  # Discord's limit is 50; two are left for other users of the token, such as `glados doctor`
PERIOD_S = 1.02  # a second, and a little more, because we count in whole milliseconds
LONGEST_CALL_S = 5.0  # time in which Discord may still count a call of a dead process
UNCOUNTED = ("/interactions/", "/webhooks/")  # answers to buttons and commands
SLOW_PERIOD_S = 20.0  # for places that allow fewer edits: slow mode, announcements
SLOW_LIMIT = 2
LONGEST_IN_CHANNEL_S = 16.0  # the same, for the limits per channel
CLOUDFLARE_S = 60.0  # a 429 that is not from Discord itself comes from its edge; more calls would lead to a ban
TOO_MANY = 429
_MESSAGES = re.compile(r"/channels/(\d+)/messages(/\d+)?$")
_KINDS = {("POST", False): "create", ("PATCH", True): "edit"}
Params = aiohttp.TraceRequestEndParams | aiohttp.TraceRequestExceptionParams


class Rates:
    """What Discord allows, as far as its headers have told. Give `trace` to discord.py's client."""

    def __init__(self, pacer: Pacer, store: Store) -> None:
        self._pacer = pacer
        # All calls pass this gate. Some have no grant of a budget, such as those of a login.
        self._gate = gate.Gate(
            store.client, store.prefix, "global", most=MOST, period_s=PERIOD_S, longest_flight_s=LONGEST_CALL_S
        )
        self._known = {"edit": (5, 5.0), "create": (5, 5.0)}  # common limits, until the first answer tells them
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_start.append(self._enter)
        self.trace.on_request_end.append(self._learn)  # first: a refusal closes the gate before its place is free
        self.trace.on_request_end.append(self._leave)
        self.trace.on_request_exception.append(self._fail)

    def edits(self, channel: str, *, patient: bool = False) -> Budget:
        """The budget for edits in a channel or thread; `patient` if slow mode or announcements allow fewer."""
        limit, period = self._known["edit"]
        if patient:
            limit, period = min(limit, SLOW_LIMIT), max(period, SLOW_PERIOD_S)
        return Budget(f"edit:{channel}", limit, period, within=GLOBAL)

    def creations(self, channel: str) -> Budget:
        return Budget(f"create:{channel}", *self._known["create"], within=GLOBAL)

    async def enter(self, stream: str, budget: Budget = GLOBAL) -> None:
        """Wait until one request other than an edit may be made. It is not spread, and takes no place from edits."""
        await self._pacer.wait(budget, stream, final=True)

    async def close(self, budget: Budget, seconds: float, *, refused: bool = True) -> None:
        """Stop the requests of this budget in all processes for `seconds`; `refused` if Discord refused one."""
        with suppress(StoreUnavailableError):
            await self._pacer.exhausted(budget, seconds, refused=refused)

    # --- aiohttp awaits these in each request, also when discord.py repeats one by itself ---------------------------

    async def _enter(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        del session
        context.passed = []
        for one in self._gates(params.method, params.url):
            context.passed.append((one, await one.enter()))

    async def _leave(self, session: aiohttp.ClientSession, context: SimpleNamespace, params: Params) -> None:
        del session, params
        for one, call in context.passed:
            await one.leave(call)

    async def _fail(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams
    ) -> None:
        """A broken connection ends a call. A call that nobody waits for may still be on its way."""
        if not isinstance(params.exception, TimeoutError | asyncio.CancelledError):
            await self._leave(session, context, params)

    async def _learn(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        del session, context
        kind, channel = _counted_as(params.method, params.url)
        headers = params.response.headers
        if params.response.status == TOO_MANY:
            await self._refused(headers, kind, channel)
        elif kind and "X-RateLimit-Limit" in headers and "X-RateLimit-Reset-After" in headers:
            limit, left = int(headers["X-RateLimit-Limit"]), int(headers.get("X-RateLimit-Remaining", 1))
            reset_s = float(headers["X-RateLimit-Reset-After"])
            if left == limit - 1:  # the first call of its window: the time left is the length of the window
                self._known[kind] = (limit, max(0.1, round(reset_s, 1)))
            if left == 0:
                await self.close(self._budget(kind, channel), reset_s, refused=False)

    async def _refused(self, headers: Mapping[str, str], kind: str | None, channel: str) -> None:
        seconds = float(headers.get("X-RateLimit-Reset-After") or headers.get("Retry-After") or 1)
        if "Via" not in headers:
            seconds = float(headers.get("Retry-After") or CLOUDFLARE_S)
            log.warning("Discord's edge refuses all calls (429): the bot sends nothing for %.0f s", seconds)
            await self.close(GLOBAL, seconds)
        elif headers.get("X-RateLimit-Scope") == "global" or "X-RateLimit-Global" in headers:
            await self.close(GLOBAL, seconds)
        elif kind:
            await self.close(self._budget(kind, channel), seconds)

    def _gates(self, method: str, url: yarl.URL) -> list[gate.Gate]:
        """The gates that a call must pass. Discord may count a dead process's call late, after others got its grant."""
        if not _is_counted(str(url)):
            return []
        kind, channel = _counted_as(method, url)
        if not kind:
            return [self._gate]
        return [self._pacer.gate(self._budget(kind, channel), self._known[kind][0], LONGEST_IN_CHANNEL_S), self._gate]

    def _budget(self, kind: str, channel: str) -> Budget:
        return self.edits(channel) if kind == "edit" else self.creations(channel)


def _counted_as(method: str, url: yarl.URL) -> tuple[str | None, str]:
    """The kind of a call whose limits are learned, else None; and its channel or thread."""
    found = _MESSAGES.search(url.path)
    return (_KINDS.get((method, bool(found[2]))), found[1]) if found else (None, "")


def _is_counted(url: str) -> bool:
    """Whether a request counts for the limit of all requests. Files and the gateway do not."""
    base = discord.http.Route.BASE
    return url.startswith(f"{base}/") and not url.removeprefix(base).startswith(UNCOUNTED)
