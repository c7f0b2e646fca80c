"""What a workspace does not have, as its refusals tell."""

from glados_bots.conversation import Turn
from glados_slack.connection.calls import RefusedError

_LACKS = frozenset("feature_disabled unknown_method missing_scope not_agent_app not_allowed".split())


class Features:
    """Features of workspaces; all are there until one is refused."""

    def __init__(self) -> None:
        self._lacking: set[tuple[str, str]] = set()

    def has(self, turn: Turn, what: str) -> bool:
        return (turn.place["team"], what) not in self._lacking

    def refused(self, turn: Turn, what: str, error: RefusedError) -> None:
        """What only this thread refuses is tried again elsewhere."""
        if error.code in _LACKS:
            self._lacking.add((turn.place["team"], what))
