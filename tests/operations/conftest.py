"""A store with a data folder of its own, where tests look for what must be gone."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from glados_bots.store import embedded
from glados_bots.store.connection import connect
from glados_bots.store.store import Store
from tests.conftest import running_store


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def own_redis(data_dir: Path) -> Iterator[str]:
    """A server with its own data folder, as `glados up` has it."""
    data_dir.mkdir()
    with running_store(embedded.command(data_dir)) as url:
        yield url


@pytest.fixture
async def page(own_redis: str) -> AsyncIterator[Store]:
    client = connect(own_redis)
    yield Store(client, "web", ttl=3600, max_exchanges=50, lease_s=60)
    await client.aclose()
