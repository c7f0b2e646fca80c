"""What `glados doctor` finds about a model that is served elsewhere."""

import asyncio
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from glados_bots.cli import doctor
from glados_bots.cli.doctor import _model
from glados_bots.inference.model_files import choosing
from glados_bots.inference.model_files.auto import choose, libraries, speed
from glados_bots.inference.model_files.hardware import Machine, machine_of
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


def on(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> None:
    """Let this machine be another one, for the choice and for doctor."""
    for module in (doctor, choose, choosing):
        monkeypatch.setattr(module, "this_machine", lambda *_: machine)


def test_without_a_gpu_the_one_command_for_a_useful_model_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "bandwidth", lambda: 100e9)
    on(monkeypatch, Machine(memory=64e9))
    found = {check.name: check for check in _model(ServeSettings(_env_file=None))}
    assert "no GPU that GLaDOS can use" in found["model"].finding
    assert "`glados up --model qwen3_" in found["useful model"].finding
    assert "tokens per second" in found["useful model"].finding
    assert found["memory"].finding.endswith("this is a machine without a GPU, with 64.0 GB of memory")


def test_the_choice_for_a_gpu_is_shown_with_the_better_one_and_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(libraries, "version", none)
    monkeypatch.setattr(choose, "_no_space", lambda *_: "")
    on(monkeypatch, machine_of("24"))
    found = {check.name: check for check in _model(ServeSettings(_env_file=None))}
    assert "the best that fits a GPU of 24 GB" in found["model"].finding
    assert found["better model"].state == "warn"
    assert "pip install 'bitsandbytes" in found["better model"].remedy
    assert "will be fetched from the hub" in found["download"].finding
    assert found["memory"].state == "ok"


def test_a_gpu_that_torch_cannot_use_is_a_warning_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    remark = "a GPU is here, but torch 2+cpu cannot use it; install the CUDA build"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    on(monkeypatch, Machine(memory=64e9, remarks=(remark,)))
    (found,) = (check for check in doctor._torch() if check.name == "gpu")
    assert (found.state, f"{found.finding}; {found.remedy}") == ("warn", remark)
    assert "gpus" not in {check.name for check in _model(ServeSettings(_env_file=None))}  # said once


def test_a_model_that_transformers_cannot_serve_is_a_fault_where_no_other_engine_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "rwkv"}')
    found = {check.name: check for check in _model(ServeSettings(_env_file=None, model=str(tmp_path)))}
    assert found["engine"].state == "fail"
    assert "transformers cannot serve" in found["engine"].finding
    assert "--engine vllm" in found["engine"].remedy
    others = _model(ServeSettings(_env_file=None, model=str(tmp_path), engine="vllm"))
    assert "engine" not in [check.name for check in others]
