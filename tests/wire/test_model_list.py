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


TEXT, BOTH = ["text"], ["text", "image"]


@pytest.mark.parametrize(
    ("entry", "sees"),
    [
        ({}, None),
        ({"capabilities": {"vision": True}}, True),
        ({"capabilities": {"vision": False}}, False),
        ({"capabilities": {"completion_chat": True, "vision": True, "function_calling": True}}, True),
        ({"architecture": {"input_modalities": BOTH, "output_modalities": TEXT}}, True),
        ({"architecture": {"input_modalities": TEXT, "output_modalities": TEXT}}, False),
        ({"architecture": {"modality": "text+image->text"}}, True),
        ({"architecture": {"modality": "text->text"}}, False),
        ({"input_modalities": BOTH}, True),
        ({"supported_input_modalities": TEXT}, False),
        ({"capabilities": ["completion", "tools", "vision"]}, True),
        ({"capabilities": ["completion", "thinking"]}, False),
        ({"capabilities": ["completion", "multimodal"]}, True),
        (
            {"capabilities": ["completion", "multimodal"], "architecture": {"input_modalities": ["text", "audio"]}},
            False,
        ),
        ({"architecture": {"input_modalities": TEXT}, "status": {"value": "loaded"}}, False),
        ({"architecture": {"input_modalities": TEXT}, "status": {"value": "unloaded"}}, None),
        ({"architecture": {"input_modalities": BOTH}, "status": {"value": "unloaded"}}, True),
        ({"capabilities": ["streaming"]}, None),
        ({"type": "vlm", "compatibility_type": "gguf"}, True),
        ({"type": "llm", "compatibility_type": "gguf"}, False),
        ({"type": "llm"}, None),
        ({"supports_image_input": True}, True),
        ({"supports_image_in": False}, False),
        ({"capabilities": {"vision": "yes"}}, None),
        ({"capabilities": 5, "architecture": "qwen3", "type": ["vlm"]}, None),
        ({"architecture": {"input_modalities": [None, 3]}}, None),
    ],
)
def test_whether_a_model_sees_is_read_where_it_is_told(entry: dict[str, Any], sees: bool | None) -> None:
    assert [model.sees for model in read(listed({"id": "m", **entry}))] == [sees]


@pytest.mark.parametrize(
    "other",
    [
        {"capabilities": ["embedding"]},
        {"capabilities": ["image"]},
        {"capabilities": {"completion_chat": False, "ocr": True}},
        {"supports_chat": False},
        {"architecture": {"input_modalities": TEXT, "output_modalities": ["embeddings"]}},
        {"type": "embeddings", "compatibility_type": "gguf"},
    ],
)
def test_a_list_that_says_so_hides_what_cannot_chat(other: dict[str, Any]) -> None:
    assert [model.id for model in read(listed({"id": "anything", **other}, {"id": "qwen3:8b"}))] == ["qwen3:8b"]


def test_a_list_that_says_so_keeps_a_model_with_an_odd_name() -> None:
    entry = {"id": "clip-chat", "capabilities": ["completion", "vision"]}
    assert [model.id for model in read(listed(entry, {"id": "b"}))] == ["clip-chat", "b"]


def test_the_second_list_of_llama_cpp_is_read_too() -> None:
    first = {"id": "gemma", "object": "model", "owned_by": "llamacpp", "meta": {"n_ctx": 4096}}
    second = {"name": "gemma", "model": "gemma", "type": "model", "capabilities": ["completion", "multimodal"]}
    sent = json.dumps({"models": [second], "object": "list", "data": [first]}).encode()
    assert read(sent) == [ModelInfo("gemma", 4096, sees=True)]


def test_what_another_list_says_is_taken_by_name() -> None:
    more: dict[str, dict[str, Any]] = {
        "a": {"capabilities": ["completion", "vision"]},
        "b": {"capabilities": ["embedding"]},
        "x": {"type": "vlm"},
    }
    assert read(listed({"id": "a"}, {"id": "b"}, {"id": "c"}), more) == [
        ModelInfo("a", None, sees=True),
        ModelInfo("c", None),
    ]


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
