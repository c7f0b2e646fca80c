"""Tables: each stands in as few messages as Slack's limits allow, as blocks and as markdown alike."""

import pytest

from glados_slack.answers.answer import LIMIT, Chunk, stream
from glados_slack.answers.surface import SlackSurface
from glados_slack.answers.tables import MAX_CHARS, MAX_COLUMNS, MAX_ROWS


def table(rows: int, columns: int, cell: str) -> str:
    """Markdown of a table with so many rows below its header, which are numbered."""
    lines = [["h"] * columns, ["---"] * columns, *([f"{row}", *[cell] * (columns - 1)] for row in range(rows))]
    return "".join(f"|{'|'.join(line)}|\n" for line in lines)


def chunks(markdown: str) -> list[Chunk]:
    answer = stream()
    answer.feed(markdown)
    return [Chunk.decode(chunk) for chunk in answer.close().chunks]


@pytest.mark.parametrize(
    ("rows", "columns", "cell"),
    [
        (99, 20, "a"),
        (99, 20, "ab"),
        (99, 20, ""),
        (99, 20, "|"),
        (99, 20, "*" * 9),
        (300, 2, "a" * 80),
        (3, 3, "*" * 999),
    ],
)
def test_a_table_is_cut_where_a_message_is_full_in_either_form(rows: int, columns: int, cell: str) -> None:
    found = chunks(table(rows, columns, cell.replace("|", "\\|")))
    drawn = [block["rows"] for chunk in found for block in chunk.blocks if block["type"] == "table"]
    assert [row[0]["text"] for each in drawn for row in each[1:]] == [str(row) for row in range(rows)]
    for each in drawn:
        assert len(each) <= MAX_ROWS
        assert len(each[0]) == columns <= MAX_COLUMNS
        assert sum(len(one["text"]) for row in each for one in row) <= MAX_CHARS
    assert all(len(chunk.markdown) <= LIMIT for chunk in found)
    assert all("\n| --- |" in chunk.markdown for chunk in found)


@pytest.mark.parametrize("columns", [2, 5, 10])
def test_a_table_that_is_no_file_is_one_table(columns: int) -> None:
    assert SlackSurface.files_out is not None
    limits = SlackSurface.files_out.table
    cell = "a" * (limits.chars // (limits.rows + 1) // columns)
    (chunk,) = chunks(table(limits.rows, columns, cell))
    assert [block["type"] for block in chunk.blocks] == ["table"]
