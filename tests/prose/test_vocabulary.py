"""docs/vocabulary.md names what is in the code, and `make check` finds the words it does not want."""

import re
from itertools import chain

import pytest

from tests.prose.check import ROOT
from tests.prose.pages import Page, Passage
from tests.prose.style import read_style, worse_words

VOCABULARY = (ROOT / "docs/vocabulary.md").read_text(encoding="utf-8")
CODE = {path: path.read_text() for path in chain(*(ROOT.glob(f"{each}/**/*.*") for each in ("glados_bots", "adapters")))
        if path.suffix in {".py", ".lua", ".js"}}  # fmt: skip
FILES = {path.name for path in CODE} | {"pyproject.toml", "model.toml"}
KEPT, UNWANTED = VOCABULARY.split("## Words we do not use")


def last_cells() -> list[str]:
    cells = [line.strip("| ").rpartition("|")[2] for line in KEPT.splitlines() if line.startswith("| ")]
    return sorted({name for cell in cells for name in re.findall(r"`([^`]+)`", cell)})


@pytest.mark.parametrize("name", last_cells())
def test_what_a_word_is_in_the_code_is_there(name: str) -> None:
    if re.fullmatch(r"[a-z_]+\.(py|lua|js|toml)", name):
        assert name in FILES
    elif name.endswith("/"):
        assert (ROOT / name).is_dir()
    elif name[0].isupper() and not name.isupper() and not name.startswith("GLADOS_"):
        kind, _, member = name.partition(".")
        homes = [text for text in CODE.values() if re.search(rf"^class {kind}\b", text, re.MULTILINE)]
        assert any(re.search(rf"\b{member}\b", text) for text in homes)
    else:
        assert any(name in text for text in CODE.values())


@pytest.mark.parametrize("sample", re.findall(r"`([^`|]+)`(?=[^|]*\|[^|]*\|\n)", UNWANTED))
def test_a_word_that_is_not_wanted_is_found(sample: str) -> None:
    page = Page("page.md", "", [Passage(1, f"Now {sample} here.")])
    assert list(worse_words(page, read_style()))


def test_every_word_stands_there_once() -> None:
    words = [line.split("|")[1].strip() for line in KEPT.splitlines() if line.startswith("| ")]
    words = [word for word in words if word not in {"Word", "---"}]
    assert len(words) > 50
    assert len(set(words)) == len(words)
