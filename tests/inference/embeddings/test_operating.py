"""What an operator meets: `glados up --embedding`, `models`, `doctor`, and the files that are fetched."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from glados_bots.cli import app as cli
from glados_bots.cli import up
from glados_bots.cli.doctor import _embedding_model
from glados_bots.errors import ConfigError
from glados_bots.inference import run
from glados_bots.inference.embeddings.engine import TextEmbedder
from glados_bots.inference.model_files.cards import Base, Card, Embedding, embedding_cards
from glados_bots.inference.model_files.hub import contents
from glados_bots.inference.model_files.hub.contents import Listed
from glados_bots.inference.settings import ServeSettings
from glados_bots.wire.abilities import can_chat
from tests.inference.embeddings.reference import SAVED

pytestmark = pytest.mark.slow


def settings(**given: Any) -> ServeSettings:
    return ServeSettings(_env_file=None, **given)


def glados(*words: str) -> Any:
    return CliRunner().invoke(cli.app, list(words), env={"COLUMNS": "140"})


def test_the_option_reaches_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[ServeSettings] = []

    async def stack(given: ServeSettings) -> int:
        found.append(given)
        return 0

    monkeypatch.setattr(run, "run_service", found.append)
    monkeypatch.setattr(up, "run_stack", stack)
    for command in ("serve", "up"):
        assert glados(command, "--embedding", "some").exit_code == 0
    assert [given.embedding_model for given in found] == ["some", "some"]
    assert up._environment(found[1])["GLADOS_EMBEDDING_MODEL"] == "some"


def test_the_service_is_built_with_the_embedder_that_the_settings_name(tmp_path: Path) -> None:
    assert run.build_embedder(settings()) is None
    made = run.build_embedder(settings(embedding_model=str(SAVED / "cls"), data_dir=tmp_path, engine="vllm"))
    assert isinstance(made, TextEmbedder)
    assert (made.model, made._device) == ("cls", "cpu")


def test_the_list_has_a_table_of_embedding_models() -> None:
    shown = glados("models", "list").stdout
    table = shown[shown.index("Embedding model") :]
    assert all(f"│ {name} " in table for name in embedding_cards())
    assert not any(f"│ {name} " in shown[: shown.index("Embedding model")] for name in embedding_cards())


def test_a_plan_says_what_the_weights_need() -> None:
    assert "2.4 GB on a CPU (float32), 1.2 GB on a GPU" in glados("models", "plan", "qwen3_embedding_06b").stdout


def test_try_embeds_a_text_and_names_a_card_that_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLADOS_DATA_DIR", str(tmp_path))
    tried = glados("models", "try", str(SAVED / "cls"))
    assert tried.exit_code == 0
    assert "a vector of 16 numbers: " in tried.stdout
    missing = glados("models", "try", "bge_small_en")
    assert str(missing.exception).startswith("bge_small_en: missing: not downloaded")


@pytest.mark.parametrize("name", ["bge_small_en", str(SAVED / "cls")])
def test_up_and_serve_refuse_it_as_the_chat_model(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLADOS_DATA_DIR", str(tmp_path))
    served = glados("serve", "--model", name)
    assert isinstance(served.exception, ConfigError)
    assert "name it with --embedding" in str(served.exception)


def test_a_vector_of_another_length_than_the_cards_is_refused(tmp_path: Path) -> None:
    card = Card(name="mine", base=Base(folder=SAVED / "cls"), embedding=Embedding(dimensions=15))
    with pytest.raises(ConfigError, match=r"have 16 numbers, and its card says 15; correct dimensions"):
        asyncio.run(run.embed_once(run.embedder_of(settings(data_dir=tmp_path), card), "Hi"))


def test_show_says_what_the_weights_need() -> None:
    shown = glados("models", "show", "bge_small_en").stdout
    assert "its weights need 133 MB on a CPU" in shown
    assert "fits:" not in shown


def test_doctor_checks_the_embedding_model() -> None:
    assert list(_embedding_model(settings())) == []
    (good,) = _embedding_model(settings(embedding_model=str(SAVED / "cls")))
    assert (good.state, good.finding) == ("ok", "cls; files: here")
    (bad,) = _embedding_model(settings(embedding_model="smollm2_135m"))
    assert bad.state == "fail"
    assert "this model chats" in bad.finding


def test_the_linear_layers_after_the_weights_are_fetched_with_them() -> None:
    names = ["config.json", "modules.json", "model.safetensors", "1_Pooling/config.json", "2_Dense/config.json"]
    files = {name: Listed(5) for name in [*names, "2_Dense/model.safetensors", "onnx/model.safetensors"]}
    assert set(contents.needed(files)) == {*names, "2_Dense/model.safetensors"}


def test_the_adapters_never_offer_it_for_chats() -> None:
    told = {"chat": False, "embedding": True, "vision": False}
    assert not can_chat({"id": "vectors", "capabilities": told})
    assert can_chat({"id": "words", "capabilities": {**told, "chat": True}})
