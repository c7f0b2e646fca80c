"""Models that cannot be served, as people meet them: one line, code 2, and no weights are fetched."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaConfig

from tests.fakes.hub import Hub
from tests.inference.tiny import write_base
from tests.servers import free_port, running

pytestmark = pytest.mark.slow
LLAMA = LlamaConfig(num_hidden_layers=2).to_dict()
HUGE = LlamaConfig(
    vocab_size=128256, hidden_size=16384, intermediate_size=53248, num_hidden_layers=72, num_attention_heads=128,
    num_key_value_heads=8,
).to_dict()  # fmt: skip
Run = Callable[..., Coroutine[Any, Any, tuple[int, str]]]


@pytest.fixture
def hub() -> Hub:
    """A repository whose weights nobody may fetch."""
    return Hub({"config.json": json.dumps(LLAMA).encode(), "model.safetensors": b"never"})


@pytest.fixture
async def glados(hub: Hub, tmp_path: Path) -> AsyncIterator[Run]:
    """Runs `glados ...` with that hub, and says its code and its words."""
    async with running(hub.app()) as url:
        own = {
            "HF_ENDPOINT": url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf"), "COLUMNS": "200",
            "GLADOS_DATA_DIR": str(tmp_path / "data"), "GLADOS_SERVE_PORT": str(free_port()),
        }  # fmt: skip

        async def run(*words: str, **env: str) -> tuple[int, str]:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "glados_bots", *words, env={**os.environ, **own, **env},
                cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            output, _ = await process.communicate()
            return process.returncode or 0, output.decode()

        yield run


def refused(ran: tuple[int, str], said: str) -> None:
    code, text = ran
    assert code == 2, text
    line = text.splitlines()[-1]
    assert said in line
    assert len(line) < 400
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config.json": {**LLAMA, "model_type": "unheard_of"}}, "no chat model of the type 'unheard_of'"),
        ({"config.json": {**LLAMA, "auto_map": {"AutoModel": "a.B"}}}, "code of its own (auto_map)"),
        ({"config.json": {**LLAMA, "model_type": "deepseek_v32"}}, "DeepSeek V3.1 of the same makers works"),
        ({"tekken.json": {}}, "its only tokenizer is tekken.json"),
        ({"tokenizer_config.json": {}}, "has no chat template"),
    ],
)
async def test_pull_refuses_before_it_fetches_weights(
    glados: Run, hub: Hub, files: dict[str, Any], said: str, tmp_path: Path
) -> None:
    hub.files |= {name: json.dumps(content).encode() for name, content in files.items()}
    refused(await glados("models", "pull", "ORG/NAME"), said)
    assert not [path for _, path, _ in hub.asked if path.endswith(".safetensors")]
    assert not list((tmp_path / "hf").rglob("*.safetensors"))


async def test_pull_for_vllm_refuses_no_class(glados: Run, hub: Hub) -> None:
    hub.files["config.json"] = json.dumps({**LLAMA, "model_type": "unheard_of"}).encode()
    code, text = await glados("models", "pull", "ORG/NAME", GLADOS_ENGINE="vllm")
    assert code == 0, text


async def test_plan_of_an_unknown_class_says_the_way_out(glados: Run, hub: Hub) -> None:
    hub.files["config.json"] = json.dumps({**LLAMA, "model_type": "unheard_of"}).encode()
    code, text = await glados("models", "plan", "ORG/NAME")
    assert code == 0, text
    assert "no chat model of the type 'unheard_of'" in text
    assert "`--engine vllm`" in text
    assert "bfloat16" not in text


async def test_serve_refuses_a_model_that_is_larger_than_this_machine(glados: Run, hub: Hub, tmp_path: Path) -> None:
    """The machine may have a GPU. It has less than 400 GB."""
    hub.files["config.json"] = json.dumps(HUGE).encode()
    refused(await glados("serve", "--model", "ORG/NAME"), "ORG/NAME: needs 4")
    assert not [path for _, path, _ in hub.asked if path.endswith(".safetensors")]
    assert not list((tmp_path / "hf").rglob("*.safetensors"))


async def test_serve_ends_with_code_2_for_an_unknown_class_or_no_room(glados: Run, tmp_path: Path) -> None:
    folder = write_base("llama", tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{% for message in messages %}{{ message.content }}{% endfor %}")
    refused(await glados("serve", "--model", str(folder), GLADOS_CACHE_GB="1e-5"), "no room for one conversation")
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_type": "unheard_of"}))
    refused(await glados("serve", "--model", str(folder)), "no chat model of the type 'unheard_of'")
