"""The recipe of a model: from its card, and from files that a stranger may have written."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from glados_bots.errors import ConfigError
from glados_bots.inference.embeddings.batches import batches
from glados_bots.inference.embeddings.recipe import recipe_of
from glados_bots.inference.model_files.cards import Base, Card, Embedding
from tests.inference.embeddings.reference import SAVED
from tests.inference.embeddings.test_engine import made

pytestmark = pytest.mark.slow

OLD = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
POOLING = {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}


def written(folder: Path, modules: Any, pooling: Any) -> Path:
    """A folder with these descriptions, and no weights."""
    (folder / "1_Pooling").mkdir()
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def card(folder: Path, **embedding: Any) -> Card:
    return Card(name="mine", base=Base(folder=folder), embedding=Embedding(**embedding) if embedding else None)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode": "lasttoken"}, "lasttoken"),
        ({"pooling_mode": ["cls"]}, "cls"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_lasttoken": True, "include_prompt": True}, "lasttoken"),
    ],
)
def test_old_and_new_names_of_pooling_are_read(tmp_path: Path, pooling: Any, expected: str) -> None:
    recipe = recipe_of(card(tmp_path), written(tmp_path, [OLD, POOLING], pooling))
    assert (recipe.pooling, recipe.normalised, recipe.dense) == (expected, False, ())


@pytest.mark.parametrize(
    ("pooling", "said"),
    [
        ({"pooling_mode": "max"}, "pools by max"),
        ({"pooling_mode": ["mean", "cls"]}, "pools by mean, cls"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, "pools by mean, max"),
        ({}, "pools by nothing"),
        ({"pooling_mode": {"a": 1}}, "pools by"),
        ({"pooling_mode": "mean", "include_prompt": False}, "leaves the prefix out"),
        ([], "must hold a JSON object"),
    ],
)
def test_another_pooling_is_refused_by_name(tmp_path: Path, pooling: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        recipe_of(card(tmp_path), written(tmp_path, [OLD, POOLING], pooling))


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        ([OLD], "its modules are Transformer,"),
        ([OLD, POOLING, {**OLD, "idx": 2, "type": "os.system"}], "Pooling, system"),
        ([OLD, POOLING, {**OLD, "idx": 2, "type": "x.WordWeights"}], "WordWeights"),
        ([{**OLD, "path": "0_Transformer"}, POOLING], "put them at the top"),
        ([OLD, {**POOLING, "path": "../1_Pooling"}], "leads out of the folder"),
        ([OLD, {**POOLING, "path": "/etc"}], "leads out of the folder"),
        ([OLD, 5], "cannot read this list"),
        ({"a": 1}, "cannot read this list"),
        (None, "cannot read this list"),
        ([{**OLD, "idx": "first"}], "cannot read this list"),
    ],
)
def test_other_modules_are_refused_by_name(tmp_path: Path, modules: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        recipe_of(card(tmp_path), written(tmp_path, modules, {"pooling_mode": "mean"}))


def test_without_files_the_card_says_how(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"write pooling into \[embedding\]"):
        recipe_of(card(tmp_path), tmp_path)
    recipe = recipe_of(card(tmp_path, dimensions=4, pooling="cls", normalised=False, query_prefix="q: "), tmp_path)
    assert (recipe.pooling, recipe.normalised, recipe.window) == ("cls", False, None)
    assert recipe.prefixes == {None: "", "query": "q: ", "document": ""}


def test_the_card_wins_over_the_files(tmp_path: Path) -> None:
    folder = written(tmp_path, [OLD, POOLING], {"pooling_mode": "mean"})
    recipe = recipe_of(card(folder, dimensions=4, pooling="cls", normalised=True), folder)
    assert (recipe.pooling, recipe.normalised) == ("cls", True)


def test_a_prefix_by_default_stands_before_texts_of_no_type(tmp_path: Path) -> None:
    told = {"prompts": {"query": "Q ", "passage": "P ", "other": "O ", "bad": 5}, "default_prompt_name": "other"}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(told))
    recipe = recipe_of(card(tmp_path, dimensions=4, pooling="cls"), tmp_path)
    assert recipe.prefixes == {None: "O ", "query": "Q ", "document": "P "}


def test_a_model_of_another_task_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sentence_bert_config.json").write_text('{"transformer_task": "fill-mask"}')
    with pytest.raises(ConfigError, match="its task is fill-mask"):
        recipe_of(card(tmp_path, dimensions=4, pooling="cls"), tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"activation_function": "os.system"}, "no layer with os.system"),
        ({"use_residual": True}, "no layer with"),
        (None, "holds other weights"),
        ("", "this file is missing"),
    ],
)
async def test_a_linear_layer_that_is_another_is_refused(tmp_path: Path, change: Any, said: str) -> None:
    folder = tmp_path / "dense"
    shutil.copytree(SAVED / "dense", folder)
    layer = folder / "2_Dense"
    if isinstance(change, dict):
        config = json.loads((layer / "config.json").read_text())
        (layer / "config.json").write_text(json.dumps({**config, **change}))
    elif change is None:
        save_file({"other": load_file(layer / "model.safetensors")["linear.weight"]}, layer / "model.safetensors")
    else:
        (layer / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=said):
        await made(folder, tmp_path).start()


async def test_weights_that_are_missing_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "cls"
    shutil.copytree(SAVED / "cls", folder)
    weights = load_file(folder / "model.safetensors")
    save_file({name: value for name, value in weights.items() if "layer.1" not in name}, folder / "model.safetensors")
    with pytest.raises(ConfigError, match="its weights are not those of its config"):
        await made(folder, tmp_path).start()


async def test_pickled_weights_and_code_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "cls"
    shutil.copytree(SAVED / "cls", folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(ConfigError, match="own code"):
        await made(folder, tmp_path).start()
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").touch()
    with pytest.raises(ConfigError, match="pickled"):
        await made(folder, tmp_path).start()


def test_batches_hold_every_text_once_and_keep_to_their_size() -> None:
    lengths = [5, 100, 7, 1, 40, 40, 3, 200, 1]
    found = list(batches(lengths, 100))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= 100
    assert list(batches([], 100)) == []
