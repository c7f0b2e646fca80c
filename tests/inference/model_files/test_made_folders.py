"""Folders made of a zip: whole or not at all, and never outside their place."""

import zipfile
from pathlib import Path

import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import made_folders
from glados_bots.inference.model_files.cards import Base, Card
from glados_bots.inference.model_files.weights import fetch


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_zip_is_unpacked_once(tmp_path: Path) -> None:
    source = zipped(tmp_path / "m.zip", {"config.json": b"{}", "1_Pooling/": b"", "1_Pooling/config.json": b"{}"})
    folder = made_folders.from_zip(source, tmp_path / "made")
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    assert found == ["1_Pooling", "1_Pooling/config.json", "config.json"]
    (folder / "mark").touch()
    assert made_folders.from_zip(source, tmp_path / "made") == folder
    assert (folder / "mark").is_file()


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/../../x", "..\\x"])  # noqa: S108 - nothing is written there
def test_a_file_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    source = zipped(tmp_path / "m.zip", {"config.json": b"{}", name: b"evil"})
    with pytest.raises(ConfigError, match="leads out of its folder"):
        made_folders.from_zip(source, tmp_path / "made")
    assert [path.name for path in (tmp_path / "made").iterdir() if not path.name.endswith(".lock")] == []


def test_a_damaged_zip_leaves_nothing(tmp_path: Path) -> None:
    source = zipped(tmp_path / "m.zip", {"weights": b"x" * 1000})
    content = bytearray(source.read_bytes())
    content[200] ^= 255
    source.write_bytes(content)
    with pytest.raises(ConfigError, match="install its package again"):
        made_folders.from_zip(source, tmp_path / "made")
    source.write_bytes(b"no zip")
    with pytest.raises(ConfigError, match="install its package again"):
        made_folders.from_zip(source, tmp_path / "made")
    assert [path.name for path in (tmp_path / "made").iterdir() if not path.name.endswith(".lock")] == []


def test_too_many_files_or_bytes_are_refused_before_any_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = zipped(tmp_path / "m.zip", {f"{place}": b"" for place in range(5)})
    monkeypatch.setattr(made_folders, "MOST_FILES", 4)
    with pytest.raises(ConfigError, match="more than 4 files"):
        made_folders.from_zip(source, tmp_path / "made")
    full = type("Usage", (), {"free": 3})()
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    with pytest.raises(ConfigError, match="no room"):
        made_folders.from_zip(zipped(tmp_path / "n.zip", {"a": b"long"}), tmp_path / "made")


def test_a_missing_zip_is_named(tmp_path: Path) -> None:
    card = Card(name="mine", base=Base(zip=tmp_path / "none.zip"))
    with pytest.raises(ConfigError, match=r"none\.zip: cannot read"):
        fetch(card, tmp_path, None)


def test_weights_of_a_zip_are_checked_like_all_others(tmp_path: Path) -> None:
    source = zipped(tmp_path / "m.zip", {"pytorch_model.bin": b"pickle"})
    with pytest.raises(ConfigError, match="pickled"):
        fetch(Card(name="mine", base=Base(zip=source)), tmp_path, None)
