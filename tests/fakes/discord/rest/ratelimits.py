"""Rate limits as Discord gives them: buckets per route and channel, one global budget, and blocks a test asks for.

Discord does not publish the numbers (clients must read the headers); the defaults are those that are commonly seen.
"""

import hashlib
from dataclasses import dataclass

from tests.fakes.common.limits import Limit
from tests.fakes.discord.world.clock import Clock


@dataclass
class _Window:
    opened_at: float
    used: int = 0


@dataclass
class _Block:
    until: float
    cloudflare: bool = False
    # The client has seen a 429 for it, so every further call is its own fault.
    announced: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether a call may go on, and what its headers say."""

    allowed: bool
    headers: dict[str, str]
    retry_after_s: float = 0.0
    # 'bucket', 'global' or 'cloudflare' for a call that is refused.
    limited_by: str = ""
    avoidable: bool = False


# Route names by method and path; what is not here shares the bucket "other".
BUCKETS: dict[tuple[str, str], str] = {
    ("POST", "/channels/{channel_id}/messages"): "create",
    ("PATCH", "/channels/{channel_id}/messages/{message_id}"): "edit",
    ("DELETE", "/channels/{channel_id}/messages/{message_id}"): "delete",
    ("POST", "/channels/{channel_id}/typing"): "typing",
    ("PUT", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"): "react",
    ("DELETE", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"): "react",
    ("POST", "/channels/{channel_id}/messages/{message_id}/threads"): "thread",
    ("POST", "/channels/{channel_id}/threads"): "thread",
    ("POST", "/webhooks/{application_id}/{token}"): "webhook",
    ("PATCH", "/webhooks/{application_id}/{token}/messages/{message_id}"): "webhook",
}


class RateLimits:
    """Counts calls; `limits` may be changed at any time.

    Attributes:
        limits: Calls a window, by bucket name (see `BUCKETS`).
        total: The budget over all routes; interaction routes are exempt. None switches it off.
    """

    def __init__(self, clock: Clock) -> None:
        self.limits = {
            "create": Limit(5, 5.0),
            "edit": Limit(5, 5.0),
            "delete": Limit(5, 1.0),
            "typing": Limit(5, 5.0),
            "react": Limit(1, 0.25),
            "thread": Limit(50, 300.0),
            "webhook": Limit(5, 2.0),
            "other": Limit(100, 10.0),
        }
        self.total: Limit | None = Limit(50, 1.0)
        self._clock = clock
        self._windows: dict[tuple[str, str], _Window] = {}
        self._blocks: dict[tuple[str, str], _Block] = {}

    def block(self, seconds: float, *, bucket: str = "global", major: str = "", cloudflare: bool = False) -> None:
        """Refuse calls for `seconds`: all of them, or those of one bucket and one major parameter.

        Args:
            seconds: How long, on the fake's clock.
            bucket: A key of `limits`, or "global".
            major: The id of the channel (or application and token) for a bucket's block.
            cloudflare: Answer as the edge does: no `Via` header and no JSON.
        """
        self._blocks[bucket, major] = _Block(self._clock.now() + seconds, cloudflare=cloudflare)

    def check(self, bucket: str, major: str, *, counts_globally: bool) -> Verdict:
        """Take a token for one call."""
        scopes = [(bucket, major)]
        if counts_globally:
            scopes.insert(0, ("global", ""))
        for scope in scopes:
            refused = self._check_block(scope)
            if refused is not None:
                return refused
        if counts_globally and self.total is not None:
            window = self._window(("global", ""), self.total)
            if window.used >= self.total.count:
                return self._refuse("global", window.opened_at + self.total.window_s, avoidable=True)
            window.used += 1
        return self._take(bucket, major)

    def _take(self, bucket: str, major: str) -> Verdict:
        limit = self.limits[bucket]
        window = self._window((bucket, major), limit)
        reset_at = window.opened_at + limit.window_s
        allowed = window.used < limit.count
        window.used += allowed
        headers = {
            "X-RateLimit-Limit": str(limit.count),
            "X-RateLimit-Remaining": str(limit.count - window.used),
            "X-RateLimit-Reset": f"{reset_at:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, reset_at - self._clock.now()):.3f}",
            "X-RateLimit-Bucket": hashlib.blake2b(bucket.encode(), digest_size=16).hexdigest(),
        }
        if allowed:
            return Verdict(True, headers)
        refused = self._refuse("bucket", reset_at, avoidable=True)
        return Verdict(False, headers | refused.headers, refused.retry_after_s, "bucket", avoidable=True)

    def _window(self, key: tuple[str, str], limit: Limit) -> _Window:
        window = self._windows.get(key)
        if window is None or self._clock.now() >= window.opened_at + limit.window_s:
            window = self._windows[key] = _Window(self._clock.now())
        return window

    def _check_block(self, scope: tuple[str, str]) -> Verdict | None:
        block = self._blocks.get(scope)
        if block is None or self._clock.now() >= block.until:
            return None
        announced, block.announced = block.announced, True
        kind = "cloudflare" if block.cloudflare else "global" if scope[0] == "global" else "bucket"
        return self._refuse(kind, block.until, avoidable=announced)

    def _refuse(self, kind: str, until: float, *, avoidable: bool) -> Verdict:
        retry_after = max(0.001, until - self._clock.now())
        headers = {"Retry-After": str(int(retry_after) + 1)}
        if kind != "cloudflare":
            headers["Via"] = "1.1 google"
            headers["X-RateLimit-Scope"] = "global" if kind == "global" else "user"
        if kind == "global":
            headers["X-RateLimit-Global"] = "true"
        return Verdict(False, headers, round(retry_after, 3), kind, avoidable)
