"""The other way to the app: signed HTTP requests to its public address, instead of Socket Mode."""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack.world.models import JsonObject
from tests.fakes.slack.world.state import World

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class AppAnswer:
    """What the app answered: status, headers (lower case), body, and the body's JSON where it is an object."""

    status: int
    headers: dict[str, str]
    text: str
    payload: JsonObject = field(default_factory=dict)


def signature(secret: str, timestamp: str, body: str) -> str:
    """Slack's v0 signature: HMAC-SHA256 of `v0:timestamp:body` in hexadecimal digits."""
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256)
    return f"v0={digest.hexdigest()}"


class HttpEvents:
    """Posts to the app.

    Attributes:
        request_url: The app's address for events; "" as long as the app uses Socket Mode.
        interactivity_url, commands_url: Addresses for the rest; the same one unless they are set.
        headers: Sent along with everything.
        sent: Every body, as somebody could overhear it.
    """

    def __init__(self, world: World) -> None:
        self.request_url = ""
        self.interactivity_url = ""
        self.commands_url = ""
        self.headers: dict[str, str] = {}
        self.sent: list[str] = []
        self._world = world
        self._session: aiohttp.ClientSession | None = None

    def url_for(self, kind: str) -> str:
        """The address for events_api, interactive or slash_commands."""
        special = {"interactive": self.interactivity_url, "slash_commands": self.commands_url}
        return special.get(kind) or self.request_url

    async def deliver(self, kind: str, payload: JsonObject, headers: dict[str, str] | None = None) -> AppAnswer:
        """Send what Slack would send of one kind.

        Raises:
            aiohttp.ClientError: The app cannot be reached.
        """
        if kind == "events_api":
            body, content_type = json.dumps(payload), "application/json"
        elif kind == "interactive":
            body, content_type = urlencode({"payload": json.dumps(payload)}), FORM
        else:
            body, content_type = urlencode(payload), FORM
        return await self.post(body, url=self.url_for(kind), content_type=content_type, headers=headers)

    async def post(
        self,
        body: str,
        *,
        url: str = "",
        content_type: str = "application/json",
        secret: str | None = None,
        age_s: float = 0.0,
        timestamp: str | None = None,
        signed: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> AppAnswer:
        """Send any body, well signed unless told otherwise: a test's way to forge and to replay.

        Args:
            body: The raw body.
            url: Where to; the request URL if left out.
            content_type: Its header.
            secret: Sign with this instead of the app's signing secret.
            age_s: Pretend that it was sent so long ago.
            timestamp: The header as it is, even if it is not a number.
            signed: The signature as it is.
            headers: More headers, such as those of a retry.

        Raises:
            aiohttp.ClientError: The app cannot be reached.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession()
        sent_at = timestamp if timestamp is not None else str(int(self._world.clock.now() - age_s))
        own = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": sent_at,
            "X-Slack-Signature": signed or signature(secret or self._world.app.signing_secret, sent_at, body),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }
        target = url or self.request_url
        self.sent.append(body)
        async with self._session.post(
            target, data=body.encode(), headers=own | self.headers | (headers or {}), allow_redirects=False
        ) as response:
            text = await response.text()
            answered = {name.lower(): value for name, value in response.headers.items()}
            return AppAnswer(response.status, answered, text, _object(text))

    async def verify(self) -> bool:
        """Ask the app for its challenge, as Slack does when the address is entered."""
        challenge = secrets.token_urlsafe(16)
        asked = {"token": self._world.app.verification_token, "challenge": challenge, "type": "url_verification"}
        answer = await self.post(json.dumps(asked))
        return answer.status == 200 and challenge in (answer.text, answer.payload.get("challenge"))

    async def check_certificate(self) -> AppAnswer:
        """The `ssl_check` that Slack sends to addresses of commands from time to time."""
        body = urlencode({"ssl_check": "1", "token": self._world.app.verification_token})
        return await self.post(body, url=self.url_for("slash_commands"), content_type=FORM)

    async def tell_rate_limited(self, team_id: str) -> AppAnswer:
        """`app_rate_limited`: too many events, some were left out."""
        told: JsonObject = {"token": self._world.app.verification_token, "type": "app_rate_limited", "team_id": team_id}
        told |= {"minute_rate_limited": int(self._world.clock.now()) // 60 * 60, "api_app_id": self._world.app.id}
        return await self.post(json.dumps(told))

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()


def _object(text: str) -> JsonObject:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
