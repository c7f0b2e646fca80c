"""Lists of models as servers send them: which can chat, which is the default, how long their windows are."""

import json
from typing import Any

import pytest

from glados_bots.wire.model_list import ModelInfo, in_order, read


def listed(*models: dict[str, Any]) -> bytes:
    return json.dumps({"object": "list", "data": models}).encode()


@pytest.mark.parametrize(
    "told",
    [
        {"max_model_len": 4096},
        {"n_ctx": 4096},
        {"meta": {"n_ctx": 4096, "n_ctx_train": 131072}},
        {"context_length": 4096},
        {"context_window": 4096},
        {"max_context_length": 131072, "loaded_context_length": 4096},
        {"context_length": "long", "max_model_len": 4096},
    ],
)
def test_a_window_is_read_whatever_it_is_called(told: dict[str, Any]) -> None:
    assert read(listed({"id": "m", **told})) == [ModelInfo("m", 4096)]


@pytest.mark.parametrize("told", [{}, {"meta": None}, {"n_ctx": True}, {"n_ctx": -1}, {"meta": {"n_ctx_train": 4096}}])
def test_what_is_no_window_is_none(told: dict[str, Any]) -> None:
    assert read(listed({"id": "m", **told})) == [ModelInfo("m", None)]


@pytest.mark.parametrize(
    "other",
    [
        {"id": "text-embedding-3-small"},
        {"id": "nomic-embed-text:latest"},
        {"id": "BAAI/bge-m3"},
        {"id": "intfloat/e5-large"},
        {"id": "whisper-1"},
        {"id": "tts-1-hd"},
        {"id": "omni-moderation-latest"},
        {"id": "jina-reranker-v2"},
        {"id": "dall-e-3"},
        {"id": "anything", "type": "embedding"},
        {"id": "anything", "type": "image"},
    ],
)
def test_what_cannot_chat_is_never_the_default(other: dict[str, Any]) -> None:
    assert [model.id for model in read(listed(other, {"id": "qwen3:8b"}))] == ["qwen3:8b"]


@pytest.mark.parametrize("name", ["gpt-4o", "Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B-Instruct", "gemma3:4b"])
def test_chat_models_are_kept(name: str) -> None:
    assert [model.id for model in read(listed({"id": "all-minilm-embed"}, {"id": name, "type": "llm"}))] == [name]


def test_where_nothing_seems_to_chat_all_are_kept() -> None:
    assert [model.id for model in read(listed({"id": "my-embed"}))] == ["my-embed"]


def test_the_named_model_comes_first_listed_or_not() -> None:
    models = [ModelInfo("a", None), ModelInfo("b", 512)]
    assert in_order(models, "", 256) == [ModelInfo("a", 256), ModelInfo("b", 512)]
    assert in_order(models, "b", 256) == [ModelInfo("b", 512), ModelInfo("a", 256)]
    assert in_order([], "c", 256) == [ModelInfo("c", 256)]


@pytest.mark.parametrize(
    "sent", [[{"id": "m"}], {"data": [{"id": "m"}, {"name": "x"}]}, {"data": [None, "x", {"id": None}, {"id": "m"}]}]
)
def test_a_bare_list_is_read_and_what_has_no_name_is_skipped(sent: Any) -> None:
    assert read(json.dumps(sent).encode()) == [ModelInfo("m", None)]


@pytest.mark.parametrize("sent", [[{"name": "x"}], {"data": "ab"}])
def test_what_names_no_model_is_no_list(sent: Any) -> None:
    with pytest.raises(ValueError, match="no entry"):
        read(json.dumps(sent).encode())
