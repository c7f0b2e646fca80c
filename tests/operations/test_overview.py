"""One look is shared by all who ask within a second, and one that failed by nobody."""

import asyncio
from typing import cast

import pytest

from glados_bots.operations import overview
from glados_bots.operations.overview import Glance
from glados_bots.store.connection import Client
from glados_bots.wire.client import InferenceClient
from glados_bots.wire.model_list import ModelInfo

SCRIPTED = ModelInfo("scripted", 1000)


class CountedModel:
    """A service that notes how often it is asked, and answers when the test lets it."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def models(self) -> list[ModelInfo]:
        self.asked += 1
        await self.gate.wait()
        if self.error:
            raise self.error
        return [SCRIPTED]


def glance(client: Client, model: CountedModel) -> Glance:
    return Glance(client, cast("InferenceClient", model), ())


async def test_many_at_once_ask_the_model_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "FRESH_S", 3600.0)
    model = CountedModel()
    shared = glance(client, model)
    asking = [asyncio.create_task(shared.overview()) for _ in range(50)]
    await asyncio.sleep(0)
    asking.pop().cancel()  # who leaves takes nothing from the others
    model.gate.set()
    assert {found.models for found in await asyncio.gather(*asking)} == {(SCRIPTED,)}
    await shared.overview()
    assert model.asked == 1
    monkeypatch.setattr(overview, "FRESH_S", 0.0)
    await shared.overview()
    assert model.asked == 2


async def test_a_look_that_failed_is_not_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "FRESH_S", 3600.0)
    model = CountedModel()
    model.gate.set()
    model.error = RuntimeError("strange")
    shared = glance(client, model)
    with pytest.raises(RuntimeError):
        await shared.overview()
    model.error = None
    assert (await shared.overview()).models == (SCRIPTED,)
