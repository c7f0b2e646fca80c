"""Cards: read strictly, found by every way a user may name a model."""

from pathlib import Path

import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import EMBEDDED, load_card, load_cards
from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.model_files.hardware import Machine
from glados_bots.inference.model_files.presence import presence
from glados_bots.inference.model_files.weights import local_file

GOOD = 'prompt_format = "glados"\n[base]\nhub = "org/name"\n'


def card(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "model.toml").write_text(text)
    return folder


def test_the_cards_of_the_first_glados_and_the_embedded_model_are_here() -> None:
    cards = load_cards()
    assert next(iter(cards)) == EMBEDDED
    assert cards["neox_20b_full"].deprecated
    assert cards["glados_starcoder"].gated
    assert "GLaDOS :" in cards["glados_redpajama7b_base"].bad_words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + 'colour = "red"\n', "base.colour"),
        ("colour = 1\n" + GOOD, "keys are title"),
        (GOOD.replace("glados", "french"), "prompt_format"),
        ("[base]\n", "exactly one of hub, folder, gguf and zip"),
        (GOOD + "[sampling]\ntemperature = 99\n", "sampling.temperature"),
        ("[base\n", "cannot read this file"),
        ('[base]\nwheel = "this.x"\ngguf = "x.gguf"\n', "base.wheel"),
        ('[base]\nwheel = "__main__"\ngguf = "x.gguf"\n', "base.wheel"),
        ('[base]\nwheel = "a/b"\ngguf = "x.gguf"\n', "base.wheel"),
        ('[base]\nwheel = "a"\nhub = "org/name"\n', "a wheel needs gguf or zip"),
        ('[base]\nwheel = "a"\nzip = "../x.zip"\n', "a wheel needs gguf or zip"),
        ('[base]\ngguf = "x.gguf"\nzip = "x.zip"\n', "exactly one of hub, folder, gguf and zip"),
        ('[base]\nwheel = "a"\ngguf = "/etc/x.gguf"\n', "a wheel needs gguf or zip"),
        ('[base]\nwheel = "a"\ngguf = "../../x.gguf"\n', "a wheel needs gguf or zip"),
    ],
)
def test_a_wrong_card_is_refused_with_file_key_and_what_is_allowed(tmp_path: Path, text: str, said: str) -> None:
    folder = card(tmp_path / "mine", text)
    with pytest.raises(ConfigError) as caught:
        load_card(folder)
    assert str(folder / "model.toml") in str(caught.value)
    assert said in str(caught.value)


def test_a_wheel_is_looked_for_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud_wheel").mkdir()
    (tmp_path / "loud_wheel" / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    mine = load_card(card(tmp_path / "mine", '[base]\nwheel = "loud_wheel"\ngguf = "x.gguf"\n'))
    assert presence(mine).yes
    assert local_file(mine) == tmp_path / "loud_wheel" / "x.gguf"


def test_models_are_found_by_name_path_and_hub_id(tmp_path: Path) -> None:
    folder = card(tmp_path / "mine", GOOD)
    (tmp_path / "weights").mkdir()
    (tmp_path / "some.gguf").touch()
    assert resolve("models/glados_together_20b")[0].name == "glados_together_20b"
    assert resolve(str(folder))[0].base.hub == "org/name"
    assert resolve(str(tmp_path / "weights"))[0].base.folder == tmp_path / "weights"
    assert resolve(str(tmp_path / "some.gguf"))[0].base.gguf == tmp_path / "some.gguf"
    assert resolve("org/name")[0].base.hub == "org/name"


@pytest.mark.parametrize("name", ["nothing", "./nothing", "/nowhere/x", "models/nothing", "x.gguf", "a b/c d"])
def test_what_does_not_exist_is_refused_with_the_names_that_do(name: str) -> None:
    with pytest.raises(ConfigError, match=EMBEDDED):
        resolve(name)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()
    with pytest.raises(ConfigError, match="never loads pickles"):
        resolve(str(tmp_path / "model.bin"))


def test_without_a_gpu_auto_takes_the_embedded_model_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glados_bots.inference.model_files.auto.choose.this_machine", lambda _: Machine(memory=8e9))
    chosen, reason = resolve("auto")
    assert (chosen.name, "no GPU" in reason) == (EMBEDDED, True)
    assert presence(chosen).yes


def test_a_missing_lora_is_named() -> None:
    card = load_cards()["glados_redpajama7b_base"]
    verdict = presence(card)
    assert not verdict.yes
    assert "adapter_model.safetensors" in verdict.reason
    assert "`glados models import PATH`" in verdict.reason
    assert presence(card, base_only=True).reason.startswith(("here", "missing: not downloaded"))


def test_a_card_of_ones_own_hides_a_built_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card(tmp_path / EMBEDDED, GOOD)
    monkeypatch.setenv("GLADOS_MODELS_DIR", str(tmp_path))
    assert load_cards()[EMBEDDED].base.hub == "org/name"
    assert "glados_starcoder" in load_cards()


def test_loras_of_a_card_are_found_beside_it(tmp_path: Path) -> None:
    folder = card(tmp_path / "mine", GOOD + '[loras]\nsupport = "../support"\n')
    assert load_card(folder).lora_folders == {"support": folder / "../support"}
    assert "support" in presence(load_card(folder)).reason
    with pytest.raises(ConfigError, match="loras"):
        load_card(card(tmp_path / "bad", GOOD + '[loras]\n"a b" = "x"\n'))
