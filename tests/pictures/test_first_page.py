"""The README's first page: its pictures are there, small, and said in words; its claims lead to what shows them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
FIRST_PAGE = (ROOT / "README.md").read_text(encoding="utf-8").split("## Choose a model")[0]
SHOWN = re.findall(r"<picture>(.*?)</picture>", FIRST_PAGE, re.DOTALL)
CLAIMS = FIRST_PAGE.split("| What it does | Shown by |\n| --- | --- |\n")[1].split("\n\n")[0].splitlines()
# A label, a path, and the name of a test in that file: where a row leads.
PROOFS = {
    label: (path, test)
    for label, path, test in re.findall(r'^\[(\w+)\]: (\S+)(?:\s+"(\w+)")?$', FIRST_PAGE, re.MULTILINE)
}
MOST_BYTES, MOST_BYTES_OF_ALL = 60_000, 300_000


@pytest.mark.parametrize("name", ["page", "discord", "slack"])
def test_a_picture_is_there_in_light_and_in_dark_and_in_words(name: str) -> None:
    (shown,) = [picture for picture in SHOWN if f'src="docs/pictures/{name}-light.webp"' in picture]
    assert f'media="(prefers-color-scheme: dark)" srcset="docs/pictures/{name}-dark.webp"' in shown
    (words,) = re.findall(r'alt="([^"]+)"', shown)
    assert len(words.split()) > 8


def test_the_pictures_are_small_and_none_is_left_over() -> None:
    sizes = {picture.name: picture.stat().st_size for picture in PICTURES.iterdir()}
    assert set(sizes) == {
        f"{name}-{scheme}.webp" for name in ("page", "discord", "slack") for scheme in ("light", "dark")
    }
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}
    assert sum(sizes.values()) <= MOST_BYTES_OF_ALL


def test_below_the_pictures_it_is_said_how_they_were_made() -> None:
    captions = re.findall(r"</p>\n\n\*([^*]+)\*\n", FIRST_PAGE)
    assert ["screenshot of the page" in captions[0], "drawn from the payloads" in captions[1]] == [True, True]
    assert len(captions) == 2


def test_the_first_page_is_in_order_what_it_is_pictures_commands_claims() -> None:
    places = [FIRST_PAGE.index(mark) for mark in ("# GLaDOS", "<picture>", "make run", "make test", "| What it does")]
    assert places == sorted(places)
    opening = FIRST_PAGE.split("\n\n")[1]
    assert len(re.findall(r"\.(?:\s|$)", opening)) == 2  # sentences


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_leads_to_the_test_or_the_benchmark_that_shows_it(claim: str) -> None:
    (kind, label), *others = re.findall(r"\[(test|benchmark)\]\[(\w+)\]", claim)
    assert others == []
    path, test = PROOFS[label]
    assert path.startswith(f"{kind}s/")
    assert (kind == "test") == bool(test)
    assert re.search(rf"def {test or 'main'}\(", (ROOT / path).read_text(encoding="utf-8"))
