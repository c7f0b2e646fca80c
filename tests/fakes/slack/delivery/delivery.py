"""How events and interactions reach the app: over Socket Mode or HTTP, again and again until they are acknowledged."""

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.fakes.common.sockets import Outlet
from tests.fakes.slack.world.apps import Installation
from tests.fakes.slack.world.ledger import DeliveryRecord
from tests.fakes.slack.world.models import JsonObject
from tests.fakes.slack.world.state import World

from .http_events import AppAnswer, HttpEvents
from .sockets import Sockets

ACK_S = 3.0
# Slack tries again "nearly immediately", after one minute and after five.
RETRY_DELAYS_S = (1.0, 60.0, 300.0)
_REASONS = {"timeout": "http_timeout", "no_connection": "connection_failed", "closed": "connection_failed"}


@dataclass(frozen=True)
class Answer:
    """What the app made of something: `outcome` as in `DeliveryRecord`, `payload` of the ack."""

    outcome: str
    payload: JsonObject = field(default_factory=dict)

    @property
    def is_ack(self) -> bool:
        """Whether the app took it."""
        return self.outcome == "acked"


@dataclass(frozen=True)
class Held:
    """An event for one installation."""

    event: JsonObject
    installation: Installation


class Delivery(Outlet[Held]):
    """Delivers.

    Attributes:
        ack_s: Seconds within which the app has to acknowledge, on the fake's clock.
        retry_delays_s: Seconds before each further attempt at an event; the last failure loses it.
        lost: Events that were given up.
    """

    def __init__(self, world: World, sockets: Sockets, http: HttpEvents) -> None:
        super().__init__()
        self.ack_s = ACK_S
        self.retry_delays_s: Sequence[float] = RETRY_DELAYS_S
        self.lost: list[JsonObject] = []
        self._world = world
        self._sockets = sockets
        self._http = http
        self._tasks: set[asyncio.Task[Any]] = set()
        world.publish = lambda event, installation: self.publish(Held(event, installation))

    @property
    def pending(self) -> int:
        """Deliveries that are neither acknowledged nor lost."""
        return len(self._tasks)

    async def end(self) -> None:
        """Give up everything, at the end of the fake."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _pass_on(self, event: Held) -> None:
        """Deliver an event in the background; copies have the same event id."""
        callback = self._callback(event.event, event.installation)
        for _ in range(1 + self._copies):
            self._start(self._deliver(callback))

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def ask(self, kind: str, payload: JsonObject) -> Answer:
        """Deliver an interaction once, and wait for what the app answers."""
        answer = await self._attempt(kind, payload, "", 0)
        self._record(kind, str(payload.get("type") or payload.get("command")), {}, 0, answer)
        return answer

    async def _deliver(self, callback: JsonObject) -> None:
        attempt, reason = 0, ""
        name = callback["event"]["type"]
        while True:
            answer = await self._attempt("events_api", callback, reason, attempt)
            self._record("events_api", name, callback, attempt, answer)
            if answer.is_ack:
                return
            if attempt == len(self.retry_delays_s) or answer.payload.get("no_retry"):
                self.lost.append(callback)
                return
            await self._world.clock.sleep(self.retry_delays_s[attempt])
            attempt += 1
            reason = _REASONS.get(answer.outcome, "http_error")

    async def _attempt(self, kind: str, payload: JsonObject, reason: str, attempt: int) -> Answer:
        if self._http.request_url:
            return await self._by_http(kind, payload, reason, attempt)
        envelope: JsonObject = {
            "envelope_id": f"{secrets.token_hex(4)}-{secrets.token_hex(6)}",
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": {"http_timeout": "timeout"}.get(reason, reason)}
        acked = self._sockets.send(envelope)
        if acked is None:
            return Answer("no_connection")
        try:
            return Answer("acked", await self._in_time(acked))
        except TimeoutError:
            return Answer("timeout")
        except ConnectionError:
            return Answer("closed")
        finally:
            self._sockets.forget(envelope["envelope_id"])

    async def _by_http(self, kind: str, payload: JsonObject, reason: str, attempt: int) -> Answer:
        headers = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if attempt else {}
        posting = asyncio.ensure_future(self._http.deliver(kind, payload, headers))
        try:
            answer: AppAnswer = await self._in_time(posting)
        except TimeoutError:
            return Answer("timeout")
        except aiohttp.ClientError:
            return Answer("no_connection")
        if 200 <= answer.status < 300:
            return Answer("acked", answer.payload or ({"text": answer.text} if answer.text else {}))
        stop = answer.headers.get("x-slack-no-retry") == "1"
        return Answer(f"http_{answer.status}", {"no_retry": True} if stop else {})

    async def _in_time(self, work: asyncio.Future[Any]) -> Any:
        """The result, unless the fake's clock is faster."""
        late = asyncio.create_task(self._world.clock.sleep(self.ack_s))
        try:
            await asyncio.wait({work, late}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise TimeoutError
            return work.result()
        finally:
            late.cancel()
            work.cancel()

    def _record(self, kind: str, name: str, callback: JsonObject, attempt: int, answer: Answer) -> None:
        about, event_id = _about(callback.get("event") or {}), callback.get("event_id", "")
        record = DeliveryRecord(self._world.clock.now(), kind, name, event_id, attempt, answer.outcome, about)
        self._world.ledger.deliveries.append(record)
        self._world.ledger.changed()

    def _callback(self, event: JsonObject, installation: Installation) -> JsonObject:
        channel = self._world.channels.get(str(event.get("channel", "")))
        is_org = installation.enterprise_id is not None
        where = installation.team if channel is None or not installation.covers(channel.team) else channel.team
        authorization = {
            "enterprise_id": where.enterprise_id,
            "team_id": None if is_org else installation.team.id,
            "user_id": installation.bot.id,
            "is_bot": True,
            "is_enterprise_install": is_org,
        }
        return {
            "token": self._world.app.verification_token,
            "team_id": where.id,
            "enterprise_id": where.enterprise_id,
            "context_team_id": where.id,
            "context_enterprise_id": where.enterprise_id,
            "api_app_id": self._world.app.id,
            "event": event,
            "type": "event_callback",
            "event_id": self._world.clock.id("Ev"),
            "event_time": int(self._world.clock.now()),
            "authorizations": [authorization],
            "is_ext_shared_channel": channel is not None and channel.is_shared,
            "event_context": secrets.token_urlsafe(24),
        }


def _about(event: JsonObject) -> str:
    """Which message an event is about, by channel and timestamp; empty for other events."""
    message = event.get("message") or {}
    ts = message.get("ts") or event.get("deleted_ts") or event.get("ts")
    return f"{event.get('channel')}:{ts}" if ts else ""
