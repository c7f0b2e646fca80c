"""`glados models` as people run it: the real command and the unpatched hub client against a hub on this machine."""

import asyncio
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, RwkvConfig

from glados_bots.inference.model_files.cards import load_card
from tests.cli.calls import GLADOS, in_a_terminal
from tests.fakes.hub import COMMIT, Hub
from tests.servers import running

pytestmark = pytest.mark.slow
RECORDED = Path(__file__).parents[1] / "inference" / "peft010"


class Ran(NamedTuple):
    """What a command said."""

    code: int
    text: str


Run = Callable[..., Coroutine[Any, Any, Ran]]


@pytest.fixture
def hub() -> Hub:
    """A repository with a tiny GPT-NeoX as safetensors."""
    folder = RECORDED / "neox"
    files = {
        name: (folder / name).read_bytes() for name in ("config.json", "generation_config.json", "model.safetensors")
    }
    return Hub(files)


@pytest.fixture
async def own(hub: Hub, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Variables that name the hub, and folders of the test's own."""
    async with running(hub.app()) as url:
        yield {
            "HF_ENDPOINT": url,
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(tmp_path / "hf"),
            "GLADOS_MODELS_DIR": str(tmp_path / "own"),
            "GLADOS_DATA_DIR": str(tmp_path / "data"),
            "COLUMNS": "200",
        }


@pytest.fixture
def glados(own: dict[str, str], tmp_path: Path) -> Run:
    """Runs `glados models ...` with folders of its own."""

    async def run(*words: str, **env: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "glados_bots", "models", *words, env={**os.environ, **own, **env},
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert process.returncode is not None
        return Ran(process.returncode, output.decode())

    return run


async def test_on_a_terminal_a_download_and_its_check_have_bars(hub: Hub, own: dict[str, str]) -> None:
    hub.files["more.safetensors"] = bytes(24_000_000)
    drawn = await asyncio.to_thread(in_a_terminal, *GLADOS, "models", "pull", "ORG/NAME", columns=120, env=own)
    assert re.search(r"fetching ORG/NAME: +\d+%\|.*<", drawn), drawn
    assert "as the hub says" in drawn
    drawn = await asyncio.to_thread(in_a_terminal, *GLADOS, "models", "pull", "ORG/NAME", columns=120, env=own)
    assert re.search(r"sha256 of more.safetensors: +\d+%\|.*<", drawn), drawn
    assert "as the hub says" in drawn


async def test_texts_of_a_card_move_no_cursor_and_colour_nothing(glados: Run, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "mine"
    folder.mkdir(parents=True)
    card = """title = "mine\\u001b[2J"\nlicence = "\\u009b31m[red]free[/red]"\ngood_at = "\\u202egnp\\u0007"
[base]\nhub = "org/name"\n"""
    folder.joinpath("model.toml").write_text(card)
    for ran in (await glados("list"), await glados("show", "mine")):
        assert ran.code == 0, ran.text
        assert "[red]free[/red]" in ran.text
        assert not set("\x1b\x07\x9b\u202e") & set(ran.text)


async def test_a_plan_is_made_before_anything_but_the_config_is_fetched(glados: Run, hub: Hub) -> None:
    ran = await glados("plan", "ORG/NAME")
    assert ran.code == 0, ran.text
    assert "by its config (ORG/NAME)" in ran.text
    for precision in ("bfloat16", "8bit", "4bit"):
        assert precision in ran.text
    assert {path for _, path, _ in hub.asked} == {"config.json"}


async def test_a_plan_says_that_the_model_cannot_be_served(glados: Run, hub: Hub) -> None:
    hub.files["config.json"] = json.dumps(RwkvConfig(hidden_size=16, num_hidden_layers=2).to_dict()).encode()
    ran = await glados("plan", "ORG/NAME")
    assert ran.code == 0, ran.text
    assert "cannot be served by transformers (it keeps what it has read in a cache of its own kind" in ran.text


async def test_pull_takes_up_a_broken_download_and_shows_each_sha256(glados: Run, hub: Hub, tmp_path: Path) -> None:
    hub.files["more.safetensors"] = bytes(24_000_000)
    hub.cuts = [12_000_000, 3_000_000]
    ran = await glados("pull", "ORG/NAME")
    assert ran.code == 0, ran.text
    assert f"{hashlib.sha256(hub.files['model.safetensors']).hexdigest()} " in ran.text
    assert "as the hub says" in ran.text
    assert COMMIT in ran.text
    assert [part for method, path, part in hub.asked if method == "GET" and path == "more.safetensors" and part]
    hub.asked.clear()
    assert (await glados("pull", "ORG/NAME")).code == 0
    assert [path for method, path, _ in hub.asked if method == "GET"] == []  # what is here is not fetched again
    offline = await glados("pull", "ORG/NAME", HF_HUB_OFFLINE="1")
    assert offline.code == 0, offline.text
    removed = await glados("remove", "ORG/NAME", "--yes")
    assert removed.code == 0, removed.text
    assert not list((tmp_path / "hf").rglob("*.safetensors"))
    gone = await glados("pull", "ORG/NAME", HF_HUB_OFFLINE="1")
    assert gone.code == 2
    assert "HF_HUB_OFFLINE" in gone.text


async def test_a_file_that_is_not_what_the_hub_has_is_removed(glados: Run, hub: Hub, tmp_path: Path) -> None:
    hub.lies = True
    ran = await glados("pull", "ORG/NAME")
    assert ran.code == 2
    assert "its sha256 is not the hub's" in ran.text
    assert not [path for path in (tmp_path / "hf").rglob("model.safetensors") if path.exists()]


async def test_errors_name_their_remedy(glados: Run, hub: Hub) -> None:
    hub.gated = "hf_token"
    refused = await glados("pull", "ORG/NAME")
    assert refused.code == 2
    for remedy in ("accept its licence", "settings/tokens", "--token or GLADOS_HF_TOKEN"):
        assert remedy in refused.text
    assert (await glados("pull", "ORG/NAME", "--token", "hf_token")).code == 0
    missing = await glados("pull", "ORG/OTHER")
    assert (missing.code, "the hub has no such model" in missing.text) == (2, True)


async def test_pickles_are_refused_then_converted_without_running_them(glados: Run, hub: Hub, tmp_path: Path) -> None:
    tensors = load_file(RECORDED / "neox" / "model.safetensors")
    hub.files.pop("model.safetensors")
    names = sorted(tensors)
    for number, part in enumerate((names[:10], names[10:]), start=1):
        shard = tmp_path / "shard.bin"
        torch.save({name: tensors[name] for name in part}, shard)
        hub.files[f"pytorch_model-{number:05}-of-00002.bin"] = shard.read_bytes()
    refused = await glados("pull", "ORG/NAME")
    assert (refused.code, "glados models pull ORG/NAME --convert" in refused.text) == (2, True), refused.text
    done = await glados("pull", "ORG/NAME", "--convert")
    assert done.code == 0, done.text
    (folder,) = (tmp_path / "data" / "models").glob("ORG--NAME*")
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    original = AutoModelForCausalLM.from_pretrained(RECORDED / "neox").state_dict()
    assert all(torch.equal(value, original[name]) for name, value in model.state_dict().items())
    torch.save({"x": Bomb()}, tmp_path / "bomb.bin")
    hub.files = {"config.json": hub.files["config.json"], "pytorch_model.bin": (tmp_path / "bomb.bin").read_bytes()}
    for kept in ("hf", "data"):
        shutil.rmtree(tmp_path / kept)
    bad = await glados("pull", "ORG/NAME", "--convert")
    assert (bad.code, "more than tensors" in bad.text) == (2, True), bad.text
    assert not (tmp_path / "exploded").exists()
    assert not folder.exists()


class Bomb:
    """What a malicious pickle does when it is read."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("exploded"),))


async def test_a_card_is_written_pinned_given_a_lora_shown_and_removed(glados: Run, tmp_path: Path) -> None:
    written = await glados("new", "mine", "--base", "ORG/NAME", "--format", "glados")
    assert written.code == 0, written.text
    card = load_card(tmp_path / "own" / "mine")
    assert (card.base.hub, card.prompt_format, card.stop) == ("ORG/NAME", "glados", ("User :\n", "User:"))
    assert (await glados("new", "mine", "--base", "ORG/NAME")).code == 2
    assert (await glados("pull", "mine", "--pin")).code == 0
    assert load_card(tmp_path / "own" / "mine").base.revision == COMMIT
    imported = await glados("import", str(RECORDED / "neox" / "adapter"), "--to", "mine")
    assert imported.code == 0, imported.text
    assert "converted from peft 0.1's MergedLinear, rank 8, 2 layers" in imported.text
    shown = await glados("show", "mine")
    digest = hashlib.sha256((tmp_path / "own" / "mine" / "lora" / "adapter_model.safetensors").read_bytes()).hexdigest()
    assert COMMIT in shown.text
    assert shown.code == 0
    assert "mine" in (await glados()).text
    assert digest
    assert (await glados("remove", "mine", "--yes", "--card")).code == 0
    assert not (tmp_path / "own" / "mine").exists()
    for folder in (str(tmp_path / "own"), ""):
        builtin = await glados("remove", "glados_starcoder", "--yes", "--card", GLADOS_MODELS_DIR=folder)
        assert (builtin.code, "is a built-in card" in builtin.text) == (2, True)


async def test_the_first_glados_checkout_is_imported_at_once(glados: Run, tmp_path: Path) -> None:
    """Its `models` folder holds one folder a model, named like our cards."""
    for name, kind in (("glados_redpajama7b_base", "neox"), ("glados_starcoder", "bigcode")):
        shutil.copytree(RECORDED / kind / "adapter", tmp_path / "GLaDOS_Server" / "models" / name)
    ran = await glados("import", "GLaDOS_Server/models")
    assert ran.code == 0, ran.text
    for name in ("glados_redpajama7b_base", "glados_starcoder"):
        assert (tmp_path / "own" / name / "adapter_model.safetensors").is_file()
        assert load_card(tmp_path / "own" / name).lora_folder == (tmp_path / "own" / name)
    unknown = await glados("import", str(RECORDED / "neox" / "adapter"))
    assert (unknown.code, "no card is named adapter; name one with --to" in unknown.text) == (2, True)
    assert (await glados("import", ".")).code == 2
