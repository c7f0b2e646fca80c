"""The limits on questions per minute and tokens per day, for each person, channel, server and all together.

The script that accepts a question counts it in Redis (lua/limits.lua). So more processes do not let more questions
through, and an event that is delivered twice counts once. A minute is any 60 seconds. A day ends at 00:00 UTC.
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
AT_ONCE = 4  # questions that may be under way at once, however small the limit of tokens is


@dataclass(frozen=True, slots=True)
class Limit:
    """What one scope may use; 0 means no limit."""

    per_minute: int = 0
    tokens_per_day: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """The operator's limits. The default limits nothing."""

    user: Limit = Limit()
    channel: Limit = Limit()
    everybody: Limit = Limit()
    # Tokens reserved for each unanswered question, so that many questions at once cannot exceed the limit. Of a small
    # limit, at most 1/AT_ONCE is reserved per question.
    held: int = 0
    server: Limit = Limit()  # per server, if the places of a platform name one as `guild`

    def asked(self, turn: Turn, author: str = "") -> str:
        """JSON for lua/limits.lua: the scopes that need room for a question of `author`, else of the turn's author."""
        found = [
            (name, limit.per_minute, limit.tokens_per_day, min(self.held, limit.tokens_per_day // AT_ONCE))
            for name, limit in self._scopes(turn, author)
            if limit.per_minute or limit.tokens_per_day
        ]
        return json.dumps(found)

    def used(self, turn: Turn) -> str:
        """JSON for lua/finish.lua: the scopes whose tokens are counted."""
        return json.dumps([name for name, limit in self._scopes(turn) if limit.tokens_per_day])

    def _scopes(self, turn: Turn, author: str = "") -> Sequence[tuple[str, Limit]]:
        found = self.scopes(author or turn.author, turn.channel or turn.conversation)
        server = turn.place.get("guild")
        return [*found, (f"server:{hidden(server)}", self.server)] if server else found

    def scopes(self, author: str, channel: str) -> Sequence[tuple[str, Limit]]:
        """The names of the counters of a person, a channel and all people, with their limits."""
        return (
            (f"user:{hidden(author)}", self.user),
            (f"channel:{hidden(channel)}", self.channel),
            ("all", self.everybody),
        )


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit that is reached."""

    scope: str  # `user:…`, `channel:…`, `server:…` or `all`
    kind: Kind  # questions per minute, tokens per day, or tokens that are reserved for answers under way
    reset_s: float  # seconds until there is room again
    is_repeat: bool  # the bot said the same since the limit was reached: one notice is enough

    @property
    def sentence(self) -> Sentence:
        """The sentence for the person who asked."""
        scope = self.scope.partition(":")[0]
        values: dict[str, Value] = {} if self.kind == "open" else {"wait": timedelta(seconds=self.reset_s)}
        return say(f"limit-{self.kind}-{scope}", **values)


def hidden(name: str) -> str:
    """A hash in place of a name, for a key that may outlive a `forget`: nobody can tell the person from it."""
    return hashlib.sha256(name.encode()).hexdigest()[:20]
