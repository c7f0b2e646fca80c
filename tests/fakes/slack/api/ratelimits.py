"""Rate limits as Slack gives them: tiers per method, app and workspace, and one message a second and channel.

Slack promises at least so many calls a minute and tolerates short bursts without saying how long; the fake is strict.
"""

import math
from collections import deque
from dataclasses import dataclass

from tests.fakes.common.limits import Limit
from tests.fakes.slack.world.clock import Clock


@dataclass(frozen=True)
class Verdict:
    """Whether a call may go on, and else what its answer says."""

    allowed: bool
    retry_after_s: int = 0
    # 'tier', 'channel' or 'block'.
    limited_by: str = ""
    avoidable: bool = False


# Tiers by method (docs.slack.dev, "Rate limits"); what is not here is tier 3.
TIERS: dict[str, str] = {
    "auth.test": "special",
    "assistant.threads.setStatus": "special",
    "apps.connections.open": "app",
    "chat.postMessage": "post",
    "chat.startStream": "tier2",
    "chat.stopStream": "tier2",
    "chat.appendStream": "tier4",
    "chat.postEphemeral": "tier4",
    "chat.getPermalink": "special",
    "conversations.members": "tier4",
    "users.info": "tier4",
    "files.completeUploadExternal": "tier4",
    "files.getUploadURLExternal": "tier4",
    "files.info": "tier4",
    "assistant.threads.setSuggestedPrompts": "tier4",
    "assistant.threads.setTitle": "tier4",
    "views.open": "tier4",
    "views.push": "tier4",
    "views.update": "tier4",
    "views.publish": "tier4",
    "oauth.v2.access": "tier4",
    "conversations.list": "tier2",
}


class RateLimits:
    """Counts calls; `limits` may be changed at any time.

    Attributes:
        limits: By tier, "channel" (messages a channel), "post" (messages a workspace), or a method's own name, which
            goes before its tier.
    """

    def __init__(self, clock: Clock) -> None:
        self.limits = {
            "tier1": Limit(1),
            "tier2": Limit(20),
            "tier3": Limit(50),
            "tier4": Limit(100),
            # Numbers that Slack does not give: "hundreds a minute".
            "special": Limit(600),
            "post": Limit(300),
            "app": Limit(50),
            # One a second, with a short burst.
            "channel": Limit(5, 5.0),
        }
        self._clock = clock
        self._calls: dict[tuple[str, str], deque[float]] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._blocks: dict[tuple[str, str], float] = {}

    def block(self, seconds: float, *, method: str = "*", team_id: str = "*") -> None:
        """Refuse calls for `seconds` on the fake's clock: all, or those of one method or one workspace."""
        self._blocks[method, team_id] = self._clock.now() + seconds

    def loosen(self) -> None:
        """Allow as good as everything, for tests about something else."""
        self.limits = dict.fromkeys(self.limits, Limit(1_000_000))

    def check(self, method: str, team_id: str, channel_id: str = "") -> Verdict:
        """Take a token for one call; `channel_id` for messages, which count per channel too."""
        now = self._clock.now()
        blocked_until = max(
            (until for (name, team), until in self._blocks.items() if name in {"*", method} and team in {"*", team_id}),
            default=0.0,
        )
        if now < blocked_until:
            return self._refuse(method, team_id, blocked_until, "block")
        tier = TIERS.get(method, "tier3")
        scopes = [(method, team_id, self.limits.get(method, self.limits[tier]), "tier")]
        if tier == "post" and channel_id:
            scopes.append((f"{method}/{channel_id}", team_id, self.limits["channel"], "channel"))
        for name, team, limit, kind in scopes:
            calls = self._calls.setdefault((name, team), deque())
            while calls and now - calls[0] >= limit.window_s:
                calls.popleft()
            if len(calls) >= limit.count:
                return self._refuse(name, team, calls[-limit.count] + limit.window_s, kind)
        for name, team, _, _ in scopes:
            self._calls[name, team].append(now)
        return Verdict(True)

    def _refuse(self, name: str, team_id: str, until: float, kind: str) -> Verdict:
        now = self._clock.now()
        avoidable = now < self._told.get((name, team_id), 0.0)
        # The header has whole seconds: a client that waits exactly so long must be let through.
        wait = max(1, math.ceil(until - now))
        self._told[name, team_id] = min(until, now + wait)
        return Verdict(False, wait, kind, avoidable)
