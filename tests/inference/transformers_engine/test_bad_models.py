"""Folders of models that cannot be right: each is refused in one line, and nothing is served."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from glados_bots.errors import ConfigError
from tests.inference.tiny import card, started, write_base

pytestmark = pytest.mark.slow
WEIGHTS = "model.safetensors"


def with_config(**fields: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    return change


def without(word: str) -> Callable[[Path], None]:
    """Weights with this word in their names are left out."""

    def change(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        save_file({name: tensor for name, tensor in tensors.items() if word not in name}, folder / WEIGHTS)

    return change


def cut_short(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1000])


def no_header(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"<html>404</html>" * 100)


def missing_shard(folder: Path) -> None:
    places = {"weight_map": {"a": WEIGHTS, "b": "model-00002-of-00002.safetensors"}}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(places))


def only_tekken(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()
    (folder / "tekken.json").write_text("{}")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (with_config(model_type="unheard_of"), "has no chat model of the type 'unheard_of'"),
        (with_config(auto_map={"AutoModelForCausalLM": "own.Model"}), "needs its own code"),
        (with_config(num_hidden_layers=3), "not those of its config .* are missing"),
        (with_config(num_hidden_layers=1), "not those of its config .* have no place, such as model.layers.1"),
        (with_config(intermediate_size=256), "not those of its config .*6 have other sizes"),
        (without("layers.1.mlp"), "not those of its config .*3 are missing"),
        (cut_short, "cut short or damaged"),
        (no_header, "cut short or damaged"),
        (missing_shard, "which is missing; fetch it again"),
        (only_tekken, "its only tokenizer is tekken.json"),
    ],
    ids=range(10),
)
async def test_a_bad_folder_is_refused_in_one_line(harm: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    write_base("llama", tmp_path)
    harm(tmp_path)
    with pytest.raises(ConfigError, match=said) as refused:
        await started(card(tmp_path), quantize="none")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


async def test_a_model_without_a_template_is_refused(tmp_path: Path) -> None:
    write_base("llama", tmp_path)
    path = tmp_path / "tokenizer_config.json"
    described = json.loads(path.read_text())
    described.pop("chat_template", None)
    path.write_text(json.dumps(described))
    (tmp_path / "chat_template.jinja").unlink(missing_ok=True)
    with pytest.raises(ConfigError, match="tiny: this model has no chat template"):
        await started(card(tmp_path, prompt_format="chat_template"), quantize="none")


async def test_a_cache_without_room_for_one_conversation_is_refused(tmp_path: Path) -> None:
    """A token of the tiny Llama takes 256 bytes, and its window is 512 tokens."""
    model = card(write_base("llama", tmp_path))
    with pytest.raises(ConfigError, match=r"tiny: no room for one conversation .*0 MB, holds 39 tokens"):
        await started(model, quantize="none", cache_gb=1e-5)


async def test_the_window_shrinks_to_the_memory_for_the_cache_or_to_what_is_wished(tmp_path: Path) -> None:
    model = card(write_base("llama", tmp_path, max_position_embeddings=16384), home=tmp_path)
    for options, window in (
        ({}, 16384),
        ({"cache_gb": 256 * 5000 / 1e9}, 5000),
        ({"context_length": 3000}, 3000),
        ({"context_length": 3000, "cache_gb": 256 * 5000 / 1e9}, 3000),
    ):
        engine = await started(model, quantize="none", **options)
        try:
            assert engine.context_length == window
            assert engine.stats().kv_pages_total * 32 >= window
        finally:
            await engine.stop()
