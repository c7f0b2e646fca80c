"""What goes out of an answer's markdown, and that nothing else of it changes."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glados_bots.files_out.moving import moved
from glados_bots.files_out.tables import rows_to_show
from glados_bots.markdown import locate, parse
from glados_bots.markdown.tree import Block, Code, Heading, List, Paragraph, Quote, Run, Table
from glados_bots.surface import FileLimits, TableLimits
from tests.files_out.limits import lines, table

SMALL = FileLimits(TableLimits(rows=12, columns=5, chars=1_000), code_lines=2, files=100)
ROOM = 10**6
MARK = "📄"
Leaf = tuple[tuple[str, ...], str, Any]  # the quotes and items around it, its kind, and what it says


def leaves(blocks: list[Block], around: tuple[str, ...] = ()) -> Iterator[Leaf]:
    for block in blocks:
        match block:
            case Paragraph() | Heading():
                if words := said(block.runs):
                    yield around, type(block).__name__, words
            case Code():
                yield around, "Code", block.text
            case Table():
                yield around, "Table", [[said(cell) for cell in row] for row in block.rows]
            case Quote():
                yield from leaves(block.blocks, (*around, "quote"))
            case List():
                for item in block.items:
                    yield from leaves(item.blocks, (*around, "item"))
            case _:
                yield around, type(block).__name__, ""


def said(runs: list[Run]) -> str:
    return "".join(run.text for run in runs).strip()


def expected(answer: str) -> Iterator[Leaf]:
    """The leaves of an answer, with a line for each file."""
    for around, kind, content in leaves(parse(answer).blocks):
        if kind == "Code" and content.count("\n") >= SMALL.code_lines:
            yield around, "Paragraph", MARK
        elif kind == "Table" and len(content) - 1 > SMALL.table.rows:
            yield around, kind, content[: rows_to_show(as_table(content))]
            yield around, "Paragraph", MARK
        else:
            yield around, kind, content


def as_table(rows: list[list[str]]) -> Table:
    return Table(("None",) * len(rows[0]), [[[Run("text", cell)] for cell in row] for row in rows])


def left(answer: str) -> list[Leaf]:
    """The leaves of what is left, with each line about a file as its mark."""
    text, _ = moved(answer, SMALL, ROOM, "")
    return [
        (around, kind, MARK if kind == "Paragraph" and content.startswith(MARK) else content)
        for around, kind, content in leaves(parse(text).blocks)
    ]


CODE = f"```python\n{lines(4)}\n```"
PARTS = [
    "A paragraph.", "Two lines\nof text", "# Heading", "**bold** and `code`", "---", "- one\n- two", "é 字 👩‍💻",
    CODE, f"~~~\n{lines(4)}\n~~~", f"    {lines(4, '    ')}", f"````md\n{CODE}\n````", "```sh\nls\n```",
    table(20), table(3), table(13).replace("| x | x |", "x | x"),
]  # fmt: skip


def within(mark: str, text: str) -> str:
    """A block in a quote or an item."""
    margin = "> " if mark == "> " else " " * len(mark)
    first, *rest = text.split("\n")
    return "\n".join([mark + first, *((margin + line).rstrip(" ") for line in rest)])


NESTED = st.recursive(
    st.sampled_from(PARTS),
    lambda inner: st.tuples(
        st.sampled_from(["> ", "- ", "1. ", "10) "]), st.lists(inner, min_size=1, max_size=3)
    ).map(lambda found: within(found[0], "\n\n".join(found[1]))),
    max_leaves=6,
)  # fmt: skip


@given(st.lists(NESTED, min_size=1, max_size=5))
def test_code_and_tables_go_and_all_else_stays_where_it_was(parts: list[str]) -> None:
    answer = "\n\n".join(parts)
    assert left(answer) == list(expected(answer))


@pytest.mark.parametrize("after", ["text", "---", "===", "# Heading", "- item", "> quote", "| a |", "    code", "<b>"])
@pytest.mark.parametrize("before", ["text", "| a |\n|---|\n| 1 |", "- item", "> quote"])
def test_the_line_about_a_file_joins_nothing_that_touches_it(before: str, after: str) -> None:
    answer = f"{before}\n{CODE}\n{after}"
    assert left(answer) == list(expected(answer))


@given(st.lists(st.sampled_from([*PARTS, "\n", "\n\n", "> ", "- ", "  ", "\t", "```", "|", "\r\n", "\0"]), max_size=9))
def test_the_files_are_the_long_code_of_the_tree_whatever_is_around_it(parts: list[str]) -> None:
    answer = "".join(parts)
    _, files = moved(answer, SMALL, ROOM, "")
    _, placed = locate(answer)
    codes = [one.block.text for one in placed if isinstance(one.block, Code)]
    wanted = [f"{text}\n".encode() for text in codes if text.count("\n") >= SMALL.code_lines]
    assert [file.content for file in files if not file.name.startswith("table")] == wanted


def test_an_answer_without_long_parts_is_not_changed() -> None:
    answer = f"Text\n\n```\na\nb\n```\n\n{table(3)}\n> end "
    assert moved(answer, SMALL, ROOM, "") == (answer, ())


def test_places_lead_to_the_source() -> None:
    answer = f"é\r\n\r\n> 1. x\r\n>    ```md\r\n>    ```a\r\n>    ```\r\n>    ```\r\n\r\n{table(2)}\nend"
    source, (code, grid) = locate(answer)
    assert source[code.start :].startswith("```md\n")
    assert source[: code.end].endswith("```\n>    ```")
    assert [source[place : place + 5] for place in grid.rows] == ["| x |"] * 3
    assert source[grid.start : grid.end].startswith("| x | x |\n|---|---|\n")
    assert source[grid.end :].split() == ["end"]


def test_a_fence_that_nobody_closed_is_code_up_to_the_end() -> None:
    text, (file,) = moved(f"Text\n\n```py\n{lines(5)}", SMALL, ROOM, "")
    assert file.content == f"{lines(5)}\n".encode()
    assert leaves(parse(text).blocks)
    assert text.split() == f"Text {MARK} `code.py`: 5 lines of code".split()
