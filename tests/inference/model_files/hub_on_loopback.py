"""The unpatched hub library in this process, told of a hub on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from huggingface_hub import constants

from glados_bots.inference.model_files import download
from glados_bots.inference.model_files.cards import Base, Card
from glados_bots.inference.model_files.hub import transfer
from tests.fakes.hub import Hub
from tests.servers import running

MB = 2**20
CARD = Card(name="tiny", base=Base(hub="ORG/NAME"))


@asynccontextmanager
async def online(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The library asks this hub, and stores files and records in the folder."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(folder / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("GLADOS_DATA_DIR", str(folder / "data"))
    monkeypatch.setattr(transfer, "WAITS_S", (0.01, 0.01))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    async with running(hub.app()) as url:
        monkeypatch.setattr(constants, "ENDPOINT", url)
        template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield


async def fetch(card: Card = CARD, token: str | None = None) -> Path:
    """What `serve` and `pull` call."""
    return await asyncio.to_thread(download.snapshot, card, token)


def blobs(folder: Path) -> list[str]:
    """The names of all blobs and parts in the cache."""
    return sorted(path.name for path in (folder / "hf").glob("hub/models--ORG--NAME/blobs/*"))
