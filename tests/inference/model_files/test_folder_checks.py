"""Folders of weights: nothing outside of them is opened on their word, and no file that runs code."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import folder_checks
from glados_bots.inference.model_files.cards import Base, Card
from glados_bots.inference.model_files.download import verify
from glados_bots.inference.model_files.lora_import import import_lora
from glados_bots.inference.model_files.loras import require_lora
from glados_bots.inference.model_files.weights import check

Change = Callable[[Path], Any]


def written(folder: Path) -> Path:
    """A model in two files, as far as names go."""
    folder.mkdir(parents=True)
    for number in (1, 2):
        (folder / f"model-{number}.safetensors").write_bytes(b"x")
    index(folder, {"a": "model-1.safetensors", "b": "model-2.safetensors"})
    (folder / "config.json").write_text("{}")
    return folder


def index(folder: Path, places: Any) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


def configured(name: str, **fields: Any) -> Change:
    return lambda folder: (folder / name).write_text(json.dumps(fields))


def linked(name: str, target: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return change


LEADS_OUT: dict[str, Change] = {
    "template": linked("chat_template.jinja", "../.env"),
    "further template": linked("additional_chat_templates/x.jinja", "../../.env"),
    "absolute": linked("tokenizer.json", "/proc/self/environ"),
    "weights": linked("model-1.safetensors", "../.env"),
    "folder": linked("additional_chat_templates", "/etc"),
    "dangling": linked("tokenizer.model", "../nothing"),
    "over another link": lambda folder: (linked("a", "../.env")(folder), linked("b", "a")(folder)),
}
NAMES_OTHERS: dict[str, tuple[Change, str]] = {
    "pickle": (lambda folder: index(folder, {"a": "pytorch_model.bin"}), "not a .safetensors file"),
    "outside": (lambda folder: index(folder, {"a": "../model-1.safetensors"}), "not a .safetensors file"),
    "absolute": (lambda folder: index(folder, {"a": "/etc/x.safetensors"}), "not a .safetensors file"),
    "below": (lambda folder: index(folder, {"a": "x/y.safetensors"}), "not a .safetensors file"),
    "number": (lambda folder: index(folder, {"a": 7}), "not a .safetensors file"),
    "missing": (lambda folder: index(folder, {"a": "model-3.safetensors"}), "is missing"),
    "list": (lambda folder: index(folder, ["model-1.safetensors"]), "no weight_map"),
    "no json": (lambda folder: (folder / "model.safetensors.index.json").write_text("["), "cannot read this file"),
    "no object": (lambda folder: (folder / "config.json").write_text("[]"), "JSON object"),
    "deep": (lambda folder: (folder / "config.json").write_text("[" * 100_000), "cannot read this file"),
    "weights": (configured("config.json", transformers_weights="adapter_model.bin"), "transformers_weights"),
    "config": (configured("config.json", configuration_files=["config./../x.json"]), "configuration_files"),
    "tokenizer": (
        configured("tokenizer_config.json", fast_tokenizer_files=["tokenizer./../x"]),
        "fast_tokenizer_files",
    ),
    "layers": (configured("config.json", text_config={"num_hidden_layers": 10**9}), "num_hidden_layers is 1e"),
    "experts": (configured("config.json", num_local_experts=10**5), "num_local_experts is 1e"),
    "huge": (lambda folder: os.truncate((folder / "config.json"), 2**30), "larger than 268 MB"),
    "adapter": (configured("adapter_config.json", base_model_name_or_path="/other"), "--lora"),
    "pipe": (lambda folder: os.mkfifo(folder / "chat_template.jinja"), "neither a file nor a folder"),
}


@pytest.mark.parametrize("change", LEADS_OUT.values(), ids=LEADS_OUT)
def test_no_file_of_a_folder_leads_out_of_it(tmp_path: Path, change: Change) -> None:
    (tmp_path / ".env").write_text("GLADOS_API_KEY=secret")
    folder = written(tmp_path / "model")
    check(folder)
    change(folder)
    with pytest.raises(ConfigError, match="leads out of its folder"):
        check(folder)


@pytest.mark.parametrize(("change", "said"), NAMES_OTHERS.values(), ids=NAMES_OTHERS)
def test_a_folder_names_no_file_but_safetensors_of_its_own(tmp_path: Path, change: Change, said: str) -> None:
    folder = written(tmp_path / "model")
    change(folder)
    with pytest.raises(ConfigError, match=said):
        check(folder)


def test_nothing_is_hashed_that_lies_outside(tmp_path: Path) -> None:
    """`glados models show` reads every file of weights."""
    folder = written(tmp_path / "model")
    linked("x.safetensors", "/proc/self/environ")(folder)
    with pytest.raises(ConfigError, match="leads out of its folder"):
        list(verify(Card(name="x", base=Base(folder=folder)), folder))


def test_links_within_a_folder_and_to_a_folder_are_followed(tmp_path: Path) -> None:
    folder = written(tmp_path / "model")
    linked("model-3.safetensors", "model-1.safetensors")(folder)
    (tmp_path / "here").symlink_to(folder)
    check(tmp_path / "here")


def test_links_to_weights_that_were_converted_here_are_followed(tmp_path: Path) -> None:
    made = written(tmp_path / "data" / "models" / "made")
    (tmp_path / "data" / "keys.json").write_text("secret")
    folder = written(tmp_path / "model")
    linked("model-1.safetensors", str(made / "model-1.safetensors"))(folder)
    check(folder, tmp_path / "data")
    linked("tokenizer.json", str(tmp_path / "data" / "keys.json"))(folder)
    with pytest.raises(ConfigError, match="leads out of its folder"):
        check(folder, tmp_path / "data")


def test_a_snapshot_of_the_hubs_cache_may_link_to_its_own_blobs_alone(tmp_path: Path) -> None:
    repository, other = tmp_path / "hub" / "models--org--name", tmp_path / "hub" / "models--org--other"
    folder = written(repository / "snapshots" / "0a1b")
    for place in (repository, other):
        (place / "blobs").mkdir(parents=True)
        (place / "blobs" / "abc").write_text("{}")
    linked("tokenizer.json", "../../blobs/abc")(folder)
    check(folder)
    for target in ("../../refs", "../../../models--org--other/blobs/abc"):
        linked("tokenizer.json", target)(folder)
        with pytest.raises(ConfigError, match="leads out of its folder"):
            check(folder)


def test_a_folder_that_only_looks_like_a_snapshot_has_no_blobs(tmp_path: Path) -> None:
    folder = written(tmp_path / "home" / "snapshots" / "evil")
    (tmp_path / "home" / "blobs").mkdir()
    (tmp_path / "home" / "blobs" / "key").write_text("secret")
    linked("chat_template.jinja", "../../blobs/key")(folder)
    with pytest.raises(ConfigError, match="leads out of its folder"):
        check(folder)


def test_a_lora_leads_nowhere_either(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.safetensors").write_bytes(b"x")
    (tmp_path / "lora").mkdir()
    configured("adapter_config.json", peft_type="LORA")(tmp_path / "lora")
    linked("adapter_model.safetensors", "../elsewhere.safetensors")(tmp_path / "lora")
    with pytest.raises(ConfigError, match="leads out of its folder"):
        require_lora(tmp_path / "lora")
    with pytest.raises(ConfigError, match="leads out of its folder"):
        import_lora(tmp_path / "lora", tmp_path / "imported")


def test_a_folder_of_everything_is_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_checks, "MOST_FILES", 3)
    with pytest.raises(ConfigError, match="more than 3 files"):
        check(written(tmp_path / "model"))
