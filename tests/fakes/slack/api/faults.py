"""Scripted faults of the Web API."""

import fnmatch
from dataclasses import dataclass, field

from tests.fakes.common.faults import BaseFault
from tests.fakes.slack.world.models import JsonObject


@dataclass(kw_only=True)
class Fault(BaseFault):
    """One thing that goes wrong. Status 429 comes with Retry-After, any other with a page in HTML.

    Attributes:
        method: Web API method with `*` for any part, such as "chat.*Stream".
        error: Slack's error code: the answer is `ok: false` with it.
        retry_after_s: For status 429: the header, whole seconds; or a text, for one that is odd.
        team_id: Only calls with a token of this workspace.
        args: Only calls with these arguments.
    """

    method: str = "*"
    error: str = ""
    retry_after_s: int | str = 1
    team_id: str = ""
    args: JsonObject = field(default_factory=dict)

    @property
    def is_fatal(self) -> bool:
        """Whether the call fails; otherwise it is only late."""
        return bool(self.drop or self.status or self.error)

    def hits_call(self, method: str, team_id: str, args: JsonObject) -> bool:
        """Whether this fault is about such a call."""
        return (
            fnmatch.fnmatchcase(method, self.method)
            and self.team_id in {"", team_id}
            and all(args.get(key) == value for key, value in self.args.items())
        )
