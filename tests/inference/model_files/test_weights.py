"""Weights: only safetensors, converted once, and nothing that is refused has run."""

import errno
import json
import resource
import shutil
from pathlib import Path

import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Base, Card
from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.model_files.converting import _save
from glados_bots.inference.model_files.weights import check, fetch


class Bomb:
    """What a malicious pickle does when it is read."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("exploded"),))


def test_a_pickle_as_weights_is_refused_and_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle  # noqa: PLC0415 - to make the bomb

    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ConfigError, match=r"pytorch_model\.bin: GLaDOS refuses pickled weights"):
        fetch(Card(name="x", base=Base(folder=tmp_path)), tmp_path, None)
    assert not (tmp_path / "exploded").exists()


def test_a_model_that_wants_code_of_its_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "evil.py"}}))
    with pytest.raises(ConfigError, match="auto_map"):
        check(tmp_path)


def test_without_room_the_conversion_says_how_much_is_needed_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    card, _ = resolve("smollm2_135m")
    with pytest.raises(ConfigError, match=r"no room in .* need up to \d+ MB, 1 MB are free"):
        fetch(card, tmp_path, None)
    assert not [path for path in (tmp_path / "models").iterdir() if path.is_dir()]


def test_a_broken_gguf_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(ConfigError, match="cannot load this file as GGUF"):
        fetch(Card(name="x", base=Base(gguf=broken)), tmp_path, None)
    assert not [path for path in (tmp_path / "models").iterdir() if path.is_dir()]


@pytest.mark.slow
def test_a_disk_that_fills_up_under_the_weights_is_told_as_what_it_is(tmp_path: Path) -> None:
    """No file may grow beyond a kilobyte: what the kernel then says is what it says on a full disk."""
    transformers = pytest.importorskip("transformers")
    model = transformers.GPT2Model(transformers.GPT2Config(vocab_size=100, n_embd=32, n_layer=1, n_head=2))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="large") as told:
            _save(model, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert told.value.errno in {errno.ENOSPC, errno.EFBIG}
