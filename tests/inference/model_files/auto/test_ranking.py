"""The ranked list itself: every entry is one that `auto` may take, and each size of GPU gets what the table says."""

import re
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from glados_bots.inference.model_files.auto import choose as choosing
from glados_bots.inference.model_files.auto import fitting, libraries
from glados_bots.inference.model_files.auto.choose import choose
from glados_bots.inference.model_files.auto.ranking import Entry, ranking
from glados_bots.inference.model_files.cards import load_cards
from glados_bots.inference.model_files.hardware import machine_of
from glados_bots.inference.model_files.support import support_of
from glados_bots.inference.settings import ServeSettings

SIZES = ("8", "12", "16", "24", "48", "80", "80x2")
ENTRIES = [*ranking().gpu, *ranking().cpu]


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights, no cards of one's own, all libraries, and room on the disk."""
    for name in ("HF_HOME", "GLADOS_MODELS_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    low = {package: limits[0] for method in libraries.NEEDED.values() for package, limits in method.items()}
    monkeypatch.setattr(libraries, "version", low.__getitem__)
    monkeypatch.setattr(choosing, "_no_space", lambda *_: "")


def named(card: str, precision: str) -> str:
    return card if precision == "none" else f"{card} in {precision}"


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_an_entry_names_a_card_with_an_open_licence_that_the_engine_serves(entry: Entry) -> None:
    card = load_cards()[entry.card]
    assert card.shape is not None
    assert (card.licence in {"Apache-2.0", "MIT"}, card.gated, card.deprecated) == (True, False, False)
    support = support_of(card)
    assert support is None or support.way
    assert entry.reason
    assert entry.precision in fitting.precisions(card.shape)


def test_no_entry_stands_twice() -> None:
    assert len({str(entry) for entry in ranking().gpu}) == len(ranking().gpu)


def test_the_table_of_sizes_is_whole() -> None:
    assert tuple(ranking().sizes) == SIZES


def test_the_table_in_the_docs_is_that_of_the_list() -> None:
    text = (Path(__file__).parents[4] / "docs" / "models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:(\d) x )?(\d+) GB \| `(\w+)`( in \w+)? \|$", text, re.MULTILINE)
    shown = {f"{size}x{count}" if count else size: f"{card}{precision}" for count, size, card, precision in rows}
    assert shown == ranking().sizes


@pytest.mark.parametrize("gpu", SIZES)
def test_each_size_gets_what_the_table_says(gpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = choose(ServeSettings(_env_file=None), machine_of(gpu))
    assert named(planned.card.name, planned.quantize) == ranking().sizes[gpu]
    monkeypatch.setattr(choosing, "this_machine", lambda _: machine_of(gpu))
    served = choose(ServeSettings(_env_file=None))
    assert (served.card, served.quantize, served.multi_gpu) == (planned.card, planned.quantize, planned.multi_gpu)


@pytest.mark.parametrize("gpu", SIZES)
def test_without_bitsandbytes_no_choice_is_quantised_while_it_loads(gpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(libraries, "version", none)
    monkeypatch.setattr(choosing, "this_machine", lambda _: machine_of(gpu))
    found = choose(ServeSettings(_env_file=None))
    assert found.quantize == "none"
    wanted = ranking().sizes[gpu]
    if " in " in wanted:
        assert found.better == f"better: {wanted} fits too; to get it, run `pip install 'bitsandbytes>=0.46.1,<1'`"
    else:
        assert found.card.name == wanted
