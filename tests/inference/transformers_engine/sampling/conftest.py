"""A tiny model in both schedulers, and the same model without any."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import torch
from transformers import AutoModelForCausalLM

from glados_bots.inference.transformers_engine.engine import TransformersEngine
from tests.inference.tiny import card, dense_only, in_float32, started, write_base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base("llama", tmp_path_factory.mktemp("base"))


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["paged", "dense"])
async def engine(request: pytest.FixtureRequest, base: Path) -> AsyncIterator[TransformersEngine]:
    with pytest.MonkeyPatch.context() as patch:
        in_float32(patch)
        if request.param == "dense":
            dense_only(patch)
        engine = await started(card(base), quantize="none", dtype="float32")
    yield engine
    await engine.stop()


@pytest.fixture(scope="module")
def plain(base: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
