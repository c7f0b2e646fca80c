"""Checks the Markdown and our English everywhere: `python -m tests.prose.check`, with `--table` for the pages' figures.

Writes one line for each fault (place, fault, remedy) and ends with code 1 if there is any.
"""

import sys
from pathlib import Path

from tests.prose.modules import tracked_modules
from tests.prose.pages import Page, tracked_pages
from tests.prose.reading_ease import Counts, count, total
from tests.prose.style import Style, long_lines, read_style, too_hard, worse_words

ROOT = Path(__file__).parents[2]


def main(root: Path, *, with_table: bool) -> int:
    style, pages = read_style(), tracked_pages(root)
    counts = {page.name: count(page.passages) for page in pages}
    faults = [*faults_of([*pages, *tracked_modules(root)], style), *too_hard(counts, style)]
    said = [table(counts)] if with_table else []
    said += faults or [f"prose: {len(pages)} pages, reading ease {total(counts.values()).ease:.1f}"]
    sys.stdout.write("\n".join(said) + "\n")
    return bool(faults)


def faults_of(pages: list[Page], style: Style) -> list[str]:
    return [fault for page in pages for fault in (*long_lines(page), *worse_words(page, style))]


def table(counts: dict[str, Counts]) -> str:
    """The hardest page first."""
    rows = [*sorted(counts.items(), key=lambda item: item[1].ease), ("all pages", total(counts.values()))]
    head = f"{'page':44}{'words':>7}{'words per sentence':>20}{'reading ease':>14}"
    return "\n".join([head, *(_row(name, each) for name, each in rows)])


def _row(name: str, each: Counts) -> str:
    return f"{name:44}{each.words:7}{each.words / max(each.sentences, 1):20.1f}{each.ease:14.1f}"


if __name__ == "__main__":
    sys.exit(main(ROOT, with_table="--table" in sys.argv[1:]))
