"""How much people may ask: questions in any minute and tokens a day, for each person, channel, server and all together.

Counted in Redis by the very script that accepts a question (lua/limits.lua), so that no number of processes lets more
through, and an event that is delivered twice counts once. A day ends at 00:00 UTC.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from glados_bots.conversation import Turn
from glados_bots.wording.sentence import Sentence, Value, say

Kind = Literal["minute", "day", "open"]
AT_ONCE = 4  # questions that may be under way however small the limit of tokens is


@dataclass(frozen=True, slots=True)
class Limit:
    """What one scope may use; 0 means without limit."""

    per_minute: int = 0
    tokens_per_day: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """The operator's limits. The default limits nothing."""

    user: Limit = Limit()
    channel: Limit = Limit()
    everybody: Limit = Limit()
    # Tokens set aside for each question that is not answered yet, so that many at once find no room for all; of a small
    # limit no more than the AT_ONCE-th part.
    held: int = 0
    server: Limit = Limit()  # of each server, where a platform's places name one as `guild`

    def asked(self, turn: Turn, author: str = "") -> str:
        """JSON for lua/limits.lua: the scopes a question of `author` (else of the turn's own) must find room in."""
        found = [
            (name, limit.per_minute, limit.tokens_per_day, min(self.held, limit.tokens_per_day // AT_ONCE))
            for name, limit in self._scopes(turn, author)
            if limit.per_minute or limit.tokens_per_day
        ]
        return json.dumps(found)

    def used(self, turn: Turn) -> str:
        """JSON for store/lua/finish.lua: the scopes whose tokens are counted."""
        return json.dumps([name for name, limit in self._scopes(turn) if limit.tokens_per_day])

    def _scopes(self, turn: Turn, author: str = "") -> Sequence[tuple[str, Limit]]:
        found = self.scopes(author or turn.author, turn.channel or turn.conversation)
        server = turn.place.get("guild")
        return [*found, (f"server:{hidden(server)}", self.server)] if server else found

    def scopes(self, author: str, channel: str) -> Sequence[tuple[str, Limit]]:
        """Names of the counters of a person, a channel and everybody, with their limits."""
        return (
            (f"user:{hidden(author)}", self.user),
            (f"channel:{hidden(channel)}", self.channel),
            ("all", self.everybody),
        )


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit that is reached."""

    scope: str  # `user:…`, `channel:…`, `server:…` or `all`
    kind: Kind  # questions of a minute, tokens of a day, or those that answers under way may take of what is left
    reset_s: float  # seconds until there is room again
    is_repeat: bool  # the same was said since the limit was reached: one polite notice is enough

    @property
    def sentence(self) -> Sentence:
        """What the person who asked is told."""
        scope = self.scope.partition(":")[0]
        values: dict[str, Value] = {} if self.kind == "open" else {"wait": timedelta(seconds=self.reset_s)}
        return say(f"limit-{self.kind}-{scope}", **values)


def hidden(name: str) -> str:
    """Stands for somebody in a key that may outlive what they want forgotten: it does not say whose it is."""
    return hashlib.sha256(name.encode()).hexdigest()[:20]
