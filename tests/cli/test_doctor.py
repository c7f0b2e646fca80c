"""What `glados doctor` finds about a model that is served elsewhere."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from glados_bots.cli.doctor import _model
from glados_bots.inference.settings import ServeSettings
from glados_bots.platforms import Check
from tests.servers import free_port, running


async def model_check(url: str, **more: Any) -> Check:
    settings = ServeSettings(_env_file=None, inference_url=url, **more)
    (found,) = await asyncio.to_thread(lambda: list(_model(settings)))
    return found


def server(answer: Response) -> FastAPI:
    app = FastAPI()

    @app.get("/v1/models")
    async def models() -> Response:
        return answer

    return app


async def test_a_server_elsewhere_is_asked_what_it_serves() -> None:
    async with running(server(JSONResponse({"data": [{"id": "org/name"}, {"id": "other"}]}))) as url:
        found = await model_check(f"{url}/v1")
    assert (found.state, found.finding) == ("ok", f"{url}/v1 serves org/name, other")


async def test_nobody_at_the_port_is_a_fault_with_its_remedy() -> None:
    found = await model_check(f"http://127.0.0.1:{free_port()}/v1")
    assert found.state == "fail"
    assert "does not answer" in found.finding
    assert "GLADOS_INFERENCE_URL" in found.remedy


async def test_a_password_in_the_address_is_shown_nowhere() -> None:
    async with running(server(Response("user:s3cret", 401))) as url:
        for address in (url, f"http://127.0.0.1:{free_port()}"):
            found = await model_check(f"{address.replace('//', '//user:s3cret@')}/v1")
            assert found.state == "fail"
            assert f"{address}/v1: " in found.finding
            assert "s3cret" not in f"{found.finding}{found.remedy}"


async def test_a_key_that_cannot_be_sent_is_a_fault() -> None:
    found = await model_check("http://127.0.0.1:1/v1", api_key="s3 cret")
    assert found.state == "fail"
    assert "cret" not in found.finding


def test_a_model_that_transformers_cannot_serve_is_a_fault_where_no_other_engine_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "rwkv"}')
    found = {check.name: check for check in _model(ServeSettings(_env_file=None, model=str(tmp_path)))}
    assert found["engine"].state == "fail"
    assert "transformers cannot serve" in found["engine"].finding
    assert "--engine vllm" in found["engine"].remedy
    others = _model(ServeSettings(_env_file=None, model=str(tmp_path), engine="vllm"))
    assert "engine" not in [check.name for check in others]
