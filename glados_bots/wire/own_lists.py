"""What Ollama and LM Studio tell of their models in lists of their own. Their /v1/models tells names only.

Other servers do not have these addresses. So each is asked once, and never again after a refusal.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from glados_bots.wire.bodies import content_of
from glados_bots.wire.refusals import STRANGE

PATHS = ("api/tags", "api/v0/models")  # beside v1: Ollama's, LM Studio's
PATIENCE_S = 3.0  # people wait for the list of models
KEPT = ("capabilities", "type", "compatibility_type", "architecture", "loaded_context_length")


class OwnLists:
    """The lists beside `/v1` of one endpoint."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        base = str(http.base_url)
        self._left = tuple(base.removesuffix("v1/") + path for path in PATHS) if base.endswith("/v1/") else ()

    async def ask(self) -> dict[str, dict[str, Any]]:
        """The entries by the models' names; empty if there is no such list. Never fails."""
        for url in self._left:
            try:
                async with self._http.stream("GET", url, timeout=PATIENCE_S) as response:
                    content = await content_of(response)
            except httpx.HTTPError:
                return {}
            if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return {}
            if response.is_success and (found := _entries(content)):
                self._left = (url,)
                return found
            self._left = tuple(other for other in self._left if other != url)
        return {}


def by_name(models: Any) -> dict[str, dict[str, Any]]:
    """What a list says of each model, by its name. Empty for anything else than a list."""
    entries = [each for each in models if isinstance(each, dict)] if isinstance(models, list) else []
    named = ((each.get("id") or each.get("name") or each.get("model"), each) for each in entries)
    return {str(name): _kept(each) for name, each in named if name}


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in KEPT if key in entry}


def _entries(content: bytes) -> dict[str, dict[str, Any]]:
    try:
        data = json.loads(content)
        return by_name(data.get("models")) or by_name(data.get("data"))
    except STRANGE:
        return {}
