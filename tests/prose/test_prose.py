"""The check of our Markdown and English: what it finds, where, and what it says to do."""

import subprocess
from pathlib import Path

import pytest

from tests.prose.check import ROOT, faults_of, main, table
from tests.prose.modules import module_page, tracked_modules
from tests.prose.pages import CATALOGUE, Page, catalogue_page, passages, tracked_pages
from tests.prose.reading_ease import Counts, count, syllables
from tests.prose.style import FILE, Style, read_style, too_hard

EASY = "The bot reads the question. It writes an answer. You can stop it."
HARD = "Organisational considerations notwithstanding, comprehensive documentation necessitates simplification."
STYLE = Style(
    page=60, overall=60, words_of_a_page=5, words={"is away": "is not reachable"}, not_for_people={"leases?": "nothing"}
)
PO = r"""
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"

msgid "waiting"
msgid_plural "waiting.many"
msgstr[0] "{count} question is waiting."
msgstr[1] "{count} questions hold a lease."

msgid "store.away"
msgstr ""
"My database\n"
"is away right now."
"""


def page(markdown: str, *, for_people: bool = False) -> Page:
    return Page("docs/page.md", markdown, passages(markdown), for_people=for_people)


def faults(markdown: str, *, for_people: bool = False) -> list[str]:
    return faults_of([page(markdown, for_people=for_people)], STYLE)


def ease(markdown: str) -> float:
    return count(passages(markdown)).ease


def test_a_good_page_has_no_faults() -> None:
    assert faults("# Title\n\n" + "x" * 120 + "\n\nRedis is not reachable.\n") == []


def test_a_long_line_is_told_with_its_place_and_the_remedy() -> None:
    (fault,) = faults("short\n" + "x" * 121)
    assert fault == "docs/page.md:2: 121 columns, 120 at most: break it at the end of a word"


@pytest.mark.parametrize(
    ("markdown", "line"),
    [
        ("One.\n\nTwo. Redis *is\naway* now.", 3),
        ("# Redis is away", 1),
        ("- [Redis Is Away](page.md)", 1),
        ("| a | b |\n| - | - |\n| c | is away |", 3),
    ],
)
def test_a_worse_word_is_told_with_the_better_one(markdown: str, line: int) -> None:
    (fault,) = faults(markdown)
    assert fault.lower() == f'docs/page.md:{line}: "is away": write instead: is not reachable'


@pytest.mark.parametrize(
    "markdown", ["`is away`", "```\nis away\n```", "[it](is%20away.md)", "![is away](x.png)", "this awayness"]
)
def test_code_and_addresses_are_no_words(markdown: str) -> None:
    assert faults(markdown) == []


def test_words_of_operators_are_refused_only_in_what_people_read() -> None:
    assert faults("The lease ends.") == []
    assert faults("The lease ends.", for_people=True) == ['docs/page.md:1: "lease": write instead: nothing']


@pytest.mark.parametrize(("word", "number"), [("cat", 1), ("don't", 1), ("people", 2), ("database", 3), ("redis", 2)])
def test_syllables(word: str, number: int) -> None:
    """The last word is not in the dictionary."""
    assert syllables(word) == number


def test_the_formula() -> None:
    assert Counts(words=10, sentences=2, syllables=15).ease == pytest.approx(206.835 - 1.015 * 5 - 84.6 * 1.5)
    assert count(passages("The cat sat. The dog ran away.")) == Counts(words=7, sentences=2, syllables=8)


def test_short_words_and_sentences_are_easy() -> None:
    assert ease(HARD) < 0
    assert ease(EASY) > 80


@pytest.mark.parametrize(
    "more",
    [
        f"\n\n# {HARD}",
        f"\n\n```\n{HARD}\n```",
        f" `{HARD}`",
        " [It](organisational.md) ends.",
        f"\n\n| a |\n| - |\n| {HARD} |",
    ],
)
def test_only_sentences_count(more: str) -> None:
    assert ease(EASY + more) > 80


def test_a_point_within_a_figure_or_a_name_ends_no_sentence() -> None:
    assert count(passages("Version 1.2.3 of docs/page.md takes 0.5 s.")).sentences == 1


def test_a_hard_page_and_a_hard_whole_are_told() -> None:
    counts = {"docs/page.md": count(passages(HARD)), "docs/short.md": Counts(1, 1, 9)}
    place, whole = too_hard(counts, STYLE)
    assert place.startswith("docs/page.md:1: reading ease -")
    assert "60 at least: write shorter sentences and shorter words" in place
    assert whole.startswith("all pages:1: ")
    assert list(too_hard({"docs/page.md": count(passages(EASY))}, STYLE)) == []


def test_every_form_of_a_sentence_of_the_catalogue_is_read_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "en.po").write_text(PO.lstrip())
    catalogue = catalogue_page(tmp_path, Path("en.po"))
    assert [fault.partition(": ")[0] for fault in faults_of([catalogue], STYLE)] == ["en.po:9", "en.po:4"]
    assert count(catalogue.passages) == Counts(words=13, sentences=3, syllables=19)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["/usr/bin/env", "git", "init", "--quiet"], cwd=tmp_path, check=True)
    for name in ["README.md", "docs/page.md", "tests/markdown/golden/answer.md", "LICENSE.md", str(CATALOGUE)]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(PO.lstrip().replace("is away", "waits") if name == str(CATALOGUE) else EASY)
    subprocess.run(["/usr/bin/env", "git", "add", "."], cwd=tmp_path, check=True)
    (tmp_path / "notes.md").write_text("not tracked")
    return tmp_path


def test_pages_are_what_git_tracks_and_the_catalogue(repository: Path) -> None:
    assert [page.name for page in tracked_pages(repository)] == ["README.md", "docs/page.md", str(CATALOGUE)]
    (repository / "docs/page.md").unlink()
    assert len(tracked_pages(repository)) == 2


def test_the_command_tells_faults_and_a_figure(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / CATALOGUE).unlink()
    assert main(repository, with_table=False) == 0
    assert capsys.readouterr().out.startswith("prose: 2 pages, reading ease ")
    (repository / "README.md").write_text("A tale.\nIt lasts till dawn.")
    assert main(repository, with_table=True) == 1
    *_, total, fault = capsys.readouterr().out.splitlines()
    assert total.startswith("all pages ")
    assert fault == 'README.md:2: "till": write instead: until'


def test_the_table_has_the_hardest_page_first() -> None:
    names = [line.split()[0] for line in table({"easy": Counts(9, 3, 9), "hard": Counts(9, 1, 30)}).splitlines()]
    assert names == ["page", "hard", "easy", "all"]


def test_the_style_file_is_read_and_a_wrong_entry_is_named(tmp_path: Path) -> None:
    assert read_style().words["till"] == "until"
    wrong = tmp_path / "style.toml"
    wrong.write_text(FILE.read_text(encoding="utf-8").replace("overall", "overal"))
    with pytest.raises(TypeError, match="overal"):
        read_style(wrong)


def test_make_check_and_the_hook_before_a_commit_call_it() -> None:
    for file in ("Makefile", ".pre-commit-config.yaml"):
        assert "python -m tests.prose.check" in (ROOT / file).read_text(encoding="utf-8")


# --- modules ---------------------------------------------------------------------------------------------------------

MODULE = '''"""Waits while Redis
is away."""

log.warning("turn %s: Redis is away", turn)
away = "is away"  # Redis is away
'''


def test_docstrings_comments_and_log_lines_are_held_to_the_same_words() -> None:
    found = faults_of([module_page("glados_bots/x.py", MODULE)], STYLE)
    assert [fault.partition(': "')[0] for fault in found] == [f"glados_bots/x.py:{line}" for line in (2, 4, 5)]


def test_every_module_of_the_product_is_read() -> None:
    names = {page.name for page in tracked_modules(ROOT)}
    assert {"glados_bots/commands.py", "adapters/glados_web/app.py", "benchmarks/page.py"} <= names
