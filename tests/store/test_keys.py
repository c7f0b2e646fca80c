"""What a key is called is known where it belongs: the core's keys to the store alone."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORE = ROOT / "glados_bots" / "store"
DESCRIBED = re.compile(r"^    glados:\{web\}:(\w+)", re.MULTILINE)
BUILT = re.compile(r"prefix\}(\w+)")
SHARED = {"pace"}  # the pacer's and the gate's, whose scripts the store keeps


def core_keys() -> set[str]:
    return set(DESCRIBED.findall((STORE / "__init__.py").read_text())) - SHARED


def test_the_store_describes_the_keys_it_builds() -> None:
    built = set(BUILT.findall((STORE / "store.py").read_text() + (STORE / "reads.py").read_text()))
    assert {"t", "c", "ready", "dead"} <= built
    assert built <= core_keys()


def test_no_key_of_the_core_is_built_outside_the_store() -> None:
    files = [*(ROOT / "glados_bots").rglob("*.py"), *(ROOT / "adapters").rglob("*.py")]
    found = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        if STORE not in file.parents
        for name in BUILT.findall(file.read_text())
        if name in core_keys()
    }
    assert not found
