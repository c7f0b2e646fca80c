"""Tables as files: what they hold, and from which size on."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glados_bots.files_out.moving import moved
from glados_bots.files_out.tables import csv_of, is_too_large, rows_to_show
from glados_bots.markdown import parse
from glados_bots.markdown.tree import Run, Table
from glados_bots.surface import FileLimits, TableLimits
from tests.files_out.limits import LIMITS, TABLE, table

ROOM = 10**6


def parsed(markdown: str) -> Table:
    (block,) = parse(markdown).blocks
    assert isinstance(block, Table)
    return block


def of(*rows: list[str]) -> Table:
    return Table(("None",) * len(rows[0]), [[[Run("text", cell)] for cell in row] for row in rows])


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="=+-@＝＋－＠\r\n"), max_size=20).map(
    lambda cell: " ".join(cell.split())
)


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(PLAIN, min_size=width, max_size=width), min_size=2)))
def test_the_file_read_back_is_the_table(rows: list[list[str]]) -> None:
    assert [[cell.strip() for cell in row] for row in read(csv_of(of(*rows)))] == rows


def test_the_file_of_an_answer_holds_all_rows_of_its_table() -> None:
    rows = [[f"**name** {number}", f'`a|b` {number}, "quoted"', "[x](https://e.org)", "1<br>2"] for number in range(50)]
    answer = "|a|b|c|d|\n|-|-|-|-|\n" + "".join("| " + " | ".join(row) + " |\n" for row in rows)
    text, (file,) = moved(answer, LIMITS, ROOM, "")
    assert file.name == "table.csv"
    assert read(file.content) == [
        ["a", "b", "c", "d"],
        *([f"name {n}", f'a|b {n}, "quoted"', "x (https://e.org)", "1\n2"] for n in range(50)),
    ]
    shown = parse(text).blocks[0]
    assert isinstance(shown, Table)
    assert len(shown.rows) == 11


def test_excel_reads_umlauts_and_the_lines_end_as_the_standard_says() -> None:
    assert csv_of(of(["ä"], ["1"])) == "\ufeffä\r\n1\r\n".encode()


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        " =1+1",
        "@SUM(A1)",
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "-A1",
        "＝1+1",
        "\t=1",
        "-1-1",
        "+SUM(1)",
        "=",
        "- x y z",
    ],
)
def test_what_a_spreadsheet_would_compute_becomes_text(cell: str) -> None:
    ((_,), (found,)) = read(csv_of(of(["a"], [cell])))
    assert found == f"'{cell.strip()}"


@pytest.mark.parametrize(
    "cell",
    ["-5", "+3.2 %", "-1,234.50", "- 7", "-5 °C", "-5 km", "-", "+", "a=b", "1-2", "x@y", "'", "", "−5", "-0.5%"],
)
def test_numbers_with_a_sign_and_other_words_stay_exact(cell: str) -> None:
    ((_,), (found,)) = read(csv_of(of(["a"], [cell])))
    assert found == cell


@pytest.mark.parametrize(
    ("fits", "is_beyond"),
    [
        (table(20), table(21)),
        (table(2, columns=10), table(2, columns=11)),
        (table(9, columns=2, cell="x" * 50), table(10, columns=2, cell="x" * 50)),
        (table(2, cell="x" * 31), table(2, cell="x" * 32)),
        (table(2, cell="字" * 15), table(2, cell="字" * 16)),
    ],
)
def test_a_table_at_each_limit_stays_and_the_next_size_becomes_a_file(fits: str, is_beyond: str) -> None:
    limits = TableLimits(20, 10, 1_000, None if "x" * 50 in fits else 66)
    assert not is_too_large(parsed(fits), limits, len(fits))
    assert is_too_large(parsed(is_beyond), limits, len(is_beyond))


def test_a_platform_with_tables_of_its_own_does_not_count_the_width() -> None:
    wide = table(2, cell="x" * 400)
    assert not is_too_large(parsed(wide), TableLimits(99, 20, 10_000), len(wide))


def test_a_header_alone_and_a_table_of_padding_are_no_files() -> None:
    header = "|a" * 500 + "|\n" + "|-" * 500 + "|\n"
    assert not is_too_large(parsed(header), TABLE, len(header))
    padded = header + "|x|\n" * 500
    assert not is_too_large(parsed(padded), TABLE, len(padded))


def test_few_rows_of_a_large_table_stay() -> None:
    assert rows_to_show(parsed(table(30))) == 11
    assert rows_to_show(parsed(table(4))) == 5
    assert rows_to_show(parsed(table(30, cell="x" * 100))) == 6
    assert rows_to_show(parsed(table(30, cell="x" * 5_000))) == 2


def test_a_wide_table_of_few_rows_stays_whole_beside_its_file() -> None:
    answer = table(3, cell="x" * 60)
    text, files = moved(answer, FileLimits(TABLE), ROOM, "")
    assert text.startswith(answer.rstrip())
    assert [len(read(file.content)) for file in files] == [4]
