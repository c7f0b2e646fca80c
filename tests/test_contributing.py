"""What the pages for those who change GLaDOS name is there."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["CONTRIBUTING.md", "SECURITY.md"]
FOLDERS = ("adapters/", "benchmarks/", "deploy/", "docs/", "glados_bots/", "tests/")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_path_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    paths = [word for word in re.findall(r"[\w./-]+", text) if word.startswith(FOLDERS)]
    assert links
    assert [path for path in [*links, *paths] if not (ROOT / path.rstrip(".")).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_every_file_of_source_that_a_page_names_is_in_the_tree(page: Path) -> None:
    """Named by itself or by the end of its path, such as `door.py` or `store/limits.py`."""
    named = set(re.findall(r"`([\w/.-]+\.(?:py|lua|js|cpp|h))`", page.read_text(encoding="utf-8")))
    paths = [
        str(path) for folder in FOLDERS for path in (ROOT / folder).rglob("*.*") if "node_modules" not in path.parts
    ]
    assert {name for name in named if not any(path.endswith(f"/{name}") for path in paths)} == set()


def test_a_comment_that_names_a_file_of_another_room_names_the_room() -> None:
    """A bare name stands for the file beside the one that names it."""
    code = [path for folder in ("adapters", "glados_bots") for path in (ROOT / folder).rglob("*.*")]
    kept = [path for path in code if path.suffix in {".py", ".lua"}]
    names = {path.name for path in kept} - {"app.py"}  # that is the name of an example, too
    assert [
        (str(path.relative_to(ROOT)), name)
        for path in kept
        for name in re.findall(r"(?<![\w/.])\w+\.(?:py|lua)\b", path.read_text(encoding="utf-8"))
        if name in names and not any((folder / name).exists() for folder in (path.parent, path.parent / "lua"))
    ] == []


def test_the_floors_that_the_architecture_draws_are_those_of_the_contracts() -> None:
    """A line of the drawing has floors with > between them, rooms of one floor with | between them, then a remark."""
    rooms = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## The rooms")[1]
    lines = [line.split("   ")[0] for line in rooms.split("```")[1].strip().splitlines()]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    adapters, house = (contract["layers"] for contract in project["tool"]["importlinter"]["contracts"][:2])
    assert [floor.strip() for line in lines for floor in line.split(" > ")] == [adapters[0], *house]


def test_every_make_target_that_is_named_is_there() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"quick", "test", "check"} <= named <= targets


def test_nobody_takes_the_address_that_is_not_set_for_one_that_works() -> None:
    """`.invalid` is nobody's, by RFC 2606. Whoever sets an address of theirs takes the paragraph away, too."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert ("not-set.invalid" in text) == ("That address goes nowhere" in text)


def test_every_decision_has_its_number_and_a_title() -> None:
    titles = {page.name[:4]: page.read_text() for page in (ROOT / "docs" / "decisions").glob("*.md")}
    assert titles
    assert [number for number, text in titles.items() if not re.match(rf"# {number}: \w", text)] == []
