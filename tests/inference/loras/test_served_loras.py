"""The service with several LoRAs, asked over HTTP; and reasoning folded away in what it sends."""

import asyncio
from pathlib import Path

import httpx
import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.api.app import create_app
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.run import adapters
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from tests.inference.tiny import DATA, card, in_float32, write_base, write_lora
from tests.servers import running
from tests.waiting import until_ready

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
QUESTION = {"messages": [{"role": "user", "content": "Hello there"}], "max_tokens": 12, "temperature": 0}


async def test_each_lora_is_a_model_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_float32(monkeypatch)
    base = write_base("llama", tmp_path / "base")
    given = ",".join(f"{name}={write_lora('llama', base, tmp_path / name, seed)}" for seed, name in enumerate("ab"))
    app = create_app(TransformersEngine(card(base), EngineOptions(DATA, loras=adapters(given), quantize="none")))
    names = ["tiny", "a", "b"]
    async with running(app) as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
        await until_ready(http)
        assert [model["id"] for model in (await http.get("/v1/models")).json()["data"]] == names
        alone = [await ask(http, name) for name in names]
        together = await asyncio.gather(*(ask(http, name) for name in names * 3))
        assert together == alone * 3
        assert len(set(alone)) == 3
        unknown = await http.post("/v1/chat/completions", json={**QUESTION, "model": "c"})
        assert (unknown.status_code, "served: tiny, a, b" in unknown.text) == (404, True)


async def ask(http: httpx.AsyncClient, model: str) -> str:
    """One whole answer."""
    response = await http.post("/v1/chat/completions", json={**QUESTION, "model": model})
    return str(response.json()["choices"][0]["message"]["content"])


def test_the_setting_is_a_table_of_names_and_folders() -> None:
    assert adapters("a=x, b=/y/z") == {"a": Path("x"), "b": Path("/y/z")}
    assert adapters("") == {}


@pytest.mark.parametrize("wrong", ["a", "=x", "a=", "a=x,a=y", "a b=x"])
def test_a_wrong_table_is_refused_with_the_part_that_is_wrong(wrong: str) -> None:
    with pytest.raises(ConfigError, match="is not NAME=FOLDER"):
        adapters(wrong)
