"""Names and paths of LoRAs that a request brings. No weights are read here."""

import asyncio
import json
from pathlib import Path

import pytest
from huggingface_hub import constants

from glados_bots.errors import ConfigError, LoraRefusedError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.loras.places import folder_of
from glados_bots.inference.loras.shelf import LoraShelf
from glados_bots.inference.model_files.hub import contents
from glados_bots.inference.model_files.hub.contents import Listed
from tests.inference.tiny import DATA


class Shelf(LoraShelf):
    """An engine that notes what it has, and loads when the test lets it."""

    def __init__(self, root: Path, most: int = 2) -> None:
        options = EngineOptions(DATA, max_loras=most, max_lora_rank=8, loras_dir=root)
        super().__init__(options, "org/base", "tiny", {"tiny": "tiny"}, {})
        self.inside: list[str] = []
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.error: Exception | None = None

    async def _load(self, name: str, folder: Path) -> str:
        del folder
        await self.may_load.wait()
        if self.error:
            raise self.error
        self.inside.append(f"{name}@{len(self.inside)}")
        return self.inside[-1]

    def _forget(self, mark: str) -> None:
        self.inside.remove(mark)


def write(folder: Path, **fields: object) -> Path:
    """A LoRA's config, with an empty file for its weights."""
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "r": 4, "base_model_name_or_path": "org/base", **fields}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").touch()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "loras" / "one")
    write(tmp_path / "outside")
    write(tmp_path / "loras-too" / "one")
    (tmp_path / "loras" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "loras" / "loop").symlink_to("loop")
    (tmp_path / "loras" / "empty").mkdir()
    return tmp_path / "loras"


def test_a_folder_below_the_root_is_found_by_either_path(root: Path) -> None:
    for path in ("one", "./one", "empty/../one", str(root / "one"), "one/"):
        assert folder_of(path, root, None) == root / "one"


@pytest.mark.parametrize(
    ("path", "said", "code"),
    [
        ("../outside", "leads out", "invalid_lora"),
        ("one/../../outside", "leads out", "invalid_lora"),
        ("/etc", "leads out", "invalid_lora"),
        ("../loras-too/one", "leads out", "invalid_lora"),
        ("link", "leads out", "invalid_lora"),
        ("one\n", "not a path", "invalid_lora"),
        ("one\x00", "not a path", "invalid_lora"),
        ("x" * 1001, "not a path", "invalid_lora"),
        ("x" * 999, "cannot be read|No adapter found", None),
        ("loop", "cannot be read|No adapter found", None),
        (".", "No adapter found", "lora_not_found"),
        ("empty", "No adapter found", "lora_not_found"),
        ("missing", "No adapter found", "lora_not_found"),
        ("~/one", "No adapter found|hub", None),
        ("file:///etc", "No adapter found", "lora_not_found"),
    ],
)
def test_any_other_path_is_refused_by_name(root: Path, path: str, said: str, code: str | None) -> None:
    with pytest.raises((LoraRefusedError, ConfigError), match=said) as refused:
        folder_of(path, root, None)
    assert "\n" not in str(refused.value)
    if code:
        assert isinstance(refused.value, LoraRefusedError)
        assert refused.value.code == code


def test_without_the_folder_of_loras_nothing_is_found(tmp_path: Path) -> None:
    with pytest.raises(LoraRefusedError, match="No adapter found for 'one'"):
        folder_of("one", tmp_path / "missing", None)


COMMIT = "a" * 40


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache, with one LoRA in it, and no network."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repository = tmp_path / "hub" / "models--org--lora"
    folder = write(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    listed = {path.name: Listed(path.stat().st_size) for path in folder.iterdir()}
    contents.record("org/lora", COMMIT, listed)
    return folder


def test_a_lora_of_the_hub_is_found_by_its_id_but_a_folder_wins(root: Path, hub: Path) -> None:
    assert folder_of("org/lora", root, None) == hub
    own = write(root / "org" / "lora")
    assert folder_of("org/lora", root, None) == own


@pytest.mark.parametrize("path", ["org/other", "org/..", "-/-", "org/lora/more", "..%2f/x"])
@pytest.mark.usefixtures("hub")
def test_what_the_hub_does_not_have_is_refused(root: Path, path: str) -> None:
    with pytest.raises((ConfigError, LoraRefusedError)):
        folder_of(path, root, None)


async def test_a_lora_of_another_base_of_a_high_rank_or_pickled_is_refused(root: Path) -> None:
    shelf = Shelf(root)
    write(root / "foreign", base_model_name_or_path="org/other")
    write(root / "wide", rank_pattern={"q_proj": 9})
    pickled = write(root / "pickled")
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    for path, said in (("foreign", "made for org/other, not for org/base"), ("wide", "rank 9"), ("pickled", "pickled")):
        with pytest.raises(LoraRefusedError, match=said):
            await shelf.load("new", path, in_place=False)
    assert (shelf.names, shelf.inside) == (("tiny",), [])


@pytest.mark.parametrize("name", ["a b", "a/b", "a\nb", "a\x00", "x" * 65, "", "../x", "a@1", "a\u2028"])
async def test_a_malformed_name_is_refused(root: Path, name: str) -> None:
    for act in (Shelf(root).load(name, "one", in_place=False), Shelf(root).unload(name)):
        with pytest.raises(LoraRefusedError, match="choose another name") as refused:
            await act
        assert refused.value.args[0].isprintable()


async def test_without_the_setting_nothing_is_ever_loaded(root: Path) -> None:
    for act in (Shelf(root, most=0).load("new", "one", in_place=False), Shelf(root, most=0).unload("new")):
        with pytest.raises(LoraRefusedError, match="GLADOS_MAX_LORAS") as refused:
            await act
        assert refused.value.code == "lora_loading_off"


async def test_a_name_that_is_being_loaded_counts_and_a_failed_load_gives_its_place_back(root: Path) -> None:
    shelf = Shelf(root, most=1)
    shelf.may_load.clear()
    loading = asyncio.create_task(shelf.load("one", "one", in_place=False))
    while "one" not in shelf._loading:
        await asyncio.sleep(0)
    with pytest.raises(LoraRefusedError, match="1 LoRAs are loaded"):
        await shelf.load("two", "one", in_place=False)
    assert shelf.names == ("tiny",)  # and nobody can ask for what is half loaded
    shelf.error = MemoryError()
    shelf.may_load.set()
    with pytest.raises(LoraRefusedError, match="too little memory"):
        await loading
    shelf.error = None
    await shelf.load("two", "one", in_place=False)
    assert shelf.inside == ["two@0"]


async def test_a_load_in_place_that_fails_leaves_the_old_lora(root: Path) -> None:
    shelf = Shelf(root)
    await shelf.load("one", "one", in_place=False)
    shelf.error = ConfigError("the weights are damaged; fetch them again")
    with pytest.raises(LoraRefusedError, match="damaged"):
        await shelf.load("one", "one", in_place=True)
    with shelf.held("one") as mark:
        assert mark == "one@0"


async def test_a_cancelled_load_leaves_nothing(root: Path) -> None:
    shelf = Shelf(root, most=1)
    shelf.may_load.clear()
    loading = asyncio.create_task(shelf.load("one", "one", in_place=False))
    while "one" not in shelf._loading:
        await asyncio.sleep(0)
    loading.cancel()
    await asyncio.gather(loading, return_exceptions=True)
    shelf.may_load.set()
    await shelf.load("two", "one", in_place=False)
    assert shelf.names == ("tiny", "two")


def test_the_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link-to-root").symlink_to(root)
    assert folder_of("one", tmp_path / "link-to-root", None) == root / "one"
