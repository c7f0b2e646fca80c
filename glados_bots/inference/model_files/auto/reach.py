"""Whether a card can be fetched from the hub now: one question with a limit of time, whatever the network does."""

import os
from threading import Thread

from glados_bots.errors import first_line
from glados_bots.inference.model_files.cards import Card

PATIENCE_S = 5.0
REFUSED = {401: "needs a token", 403: "is gated: accept its licence there", 404: "has no such model"}


class Hub:
    """The hub as far as `auto` asks it. Where it did not answer once, it is not asked again.

    Args:
        token: the hub token, for gated cards.
        patience: seconds until a hub that does not answer counts as not reachable.
    """

    def __init__(self, token: str | None = None, patience: float = PATIENCE_S) -> None:
        self._token, self._patience = token, patience
        self._away = ""

    def why_not(self, card: Card) -> str:
        """Why the card's base cannot be fetched now; empty if it can."""
        if is_forbidden():
            return "HF_HUB_OFFLINE forbids to fetch it"
        if self._away:
            return self._away
        said: list[str] = []
        asking = Thread(target=lambda: said.append(self._ask(card)), daemon=True)
        asking.start()
        asking.join(self._patience)  # the look-up of a name has no limit of its own
        if not said:
            self._away = f"the hub {endpoint()} does not answer within {self._patience:.0f} s"
        return said[0] if said else self._away

    def _ask(self, card: Card) -> str:
        import httpx  # noqa: PLC0415 - the command line imports this module, and seldom asks

        url = f"{endpoint()}/{card.base.hub}/resolve/{card.base.revision or 'main'}/config.json"
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            status = httpx.head(url, headers=headers, timeout=self._patience).status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            self._away = f"the hub {endpoint()} is not reachable ({first_line(error)})"
            return self._away
        if status < httpx.codes.BAD_REQUEST:
            return ""
        return f"the hub {REFUSED.get(status, f'answers with status {status}')} ({card.base.hub})"


class Unasked(Hub):
    """For a plan: the network is not used, and the hub counts as reachable."""

    def why_not(self, card: Card) -> str:
        del card
        return "HF_HUB_OFFLINE forbids to fetch it" if is_forbidden() else ""


def endpoint() -> str:
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def is_forbidden() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
