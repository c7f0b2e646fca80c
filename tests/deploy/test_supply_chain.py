"""What the image is made of: every file known by its hash, and a bill of materials that says what is here."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.utils import canonicalize_name

from glados_bots import __version__
from tests.deploy.places import DEPLOY, ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
HASHED = (ROOT / "requirements.hashed.txt").read_text(encoding="utf-8")
ENTRY = re.compile(r"(\S+==\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")


@pytest.fixture(scope="module")
def needs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("image_needs", DEPLOY / "image_needs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_package_of_the_image_stands_in_the_file_with_the_hashes_of_its_files(needs: ModuleType) -> None:
    entries = dict(ENTRY.findall(HASHED))
    assert ENTRY.sub("", HASHED) == "", "nothing else stands there"
    wanted = [*needs.pins(LOCK), needs.SMALL_MODEL]
    assert {canonical(each) for each in entries} == {canonical(each) for each in wanted}, "call: make lock"
    assert len(wanted) > 60


def canonical(pin: str) -> str:
    name, _, version = pin.partition("==")
    return f"{canonicalize_name(name)}=={version}"


def test_tools_of_the_tests_are_not_in_the_image(needs: ModuleType) -> None:
    names = {pin.partition("==")[0] for pin in needs.pins(LOCK)}
    assert {"redis", "transformers", "slack_bolt", "opentelemetry-sdk"} <= names
    assert not {"pytest", "mypy", "ruff", "uv", "playwright"} & names


def test_a_package_the_lock_lacks_is_named(needs: ModuleType) -> None:
    with pytest.raises(KeyError, match="redis"):
        needs.pins(LOCK.replace("\nredis==", "\nrodis=="))


def test_the_bill_of_materials_has_every_pin_of_the_lock_that_is_installed(tmp_path: Path) -> None:
    command = ["make", "--dry-run", "--old-file=setup-dev", "sbom", f"BIN={Path(sys.executable).parent}"]
    recipe = subprocess.run(["/usr/bin/env", *command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # `make sbom` also validates what it wrote: 15 s of grammar for some hundred addresses, and the tool's own matter.
    script = re.sub(r"\bdist\b", str(tmp_path), recipe).replace(" environment ", " environment --no-validate ")
    subprocess.run(["/bin/sh", "-eu", "-c", script], cwd=ROOT, check=True)
    file = tmp_path / "glados.cdx.json"
    bill = json.loads(file.read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "glados-bots"
    assert bill["metadata"]["component"]["version"] == __version__
    listed = {f"{canonicalize_name(each['name'])}=={each['version'].partition('+')[0]}" for each in bill["components"]}
    assert {canonical(pin) for pin in LOCK.split()} <= listed
    assert all(each["purl"].startswith("pkg:pypi/") for each in bill["components"] if each["name"] != "glados-bots")
    assert sum("licenses" in each for each in bill["components"]) > 0.9 * len(bill["components"])
