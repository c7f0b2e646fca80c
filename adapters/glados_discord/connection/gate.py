"""Discord's limit of all calls together. Some calls, as at a login, have no grant of a budget: all pass this gate."""

from glados_bots.store.connection import Client
from glados_bots.turns import gate

MOST = 48  # Discord's limit is 50; two are left to whoever else uses the token, as `glados doctor`
PERIOD_S = 1.02  # a second, and what is lost by counting in whole milliseconds
LONGEST_FLIGHT_S = 5.0


class Gate(gate.Gate):
    """The gate of one bot."""

    def __init__(
        self,
        client: Client,
        prefix: str,
        *,
        most: int = MOST,
        period_s: float = PERIOD_S,
        longest_flight_s: float = LONGEST_FLIGHT_S,
    ) -> None:
        super().__init__(client, prefix, "global", most=most, period_s=period_s, longest_flight_s=longest_flight_s)
