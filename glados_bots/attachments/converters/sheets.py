"""Sheets of Excel and OpenDocument: the values of each sheet as CSV. Formulas are what they came to."""

import csv
import io
from collections.abc import Iterator
from datetime import date, time, timedelta

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters import RefusedError, is_enough
from glados_bots.wording.sentence import NOTHING, Sentence, say

Cell = str | float | bool | date | time | timedelta
ROWS_AT_A_TIME = 100  # between two looks at the limits


def convert(content: bytes) -> Contents:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    except PasswordError as error:
        raise RefusedError(say("file-locked")) from error
    except CalamineError as error:
        raise RefusedError(say("file-damaged")) from error
    file = io.StringIO()
    read = whole = sheets = 0
    for sheet in map(workbook.get_sheet_by_name, workbook.sheet_names):
        sheets += 1
        whole += sheet.height
        read += _write(sheet, file)
        if is_enough(file.tell()):
            break
    return Contents(text=file.getvalue(), partly=_partly(sheets, len(workbook.sheet_names), read, whole))


def _partly(sheets: int, all_sheets: int, rows: int, all_rows: int) -> Sentence:
    """What was read: sheets, or rows of all of them."""
    if sheets < all_sheets:
        return say("file-sheets", read=sheets, whole=all_sheets)
    return say("file-rows", read=rows, whole=all_rows) if rows < all_rows else NOTHING


def _write(sheet: CalamineSheet, file: io.StringIO) -> int:
    """Write the rows that hold something, while there is room and time. Returns how many rows were looked at."""
    if not sheet.height:
        return 0
    file.write("\n" if file.tell() else "")
    file.write(f"Sheet {sheet.name}\n\n")
    writer = csv.writer(file, lineterminator="\n")
    read = 0
    for row in _rows(sheet):
        if any(row):
            writer.writerow(row)
        read += 1
        if read % ROWS_AT_A_TIME == 0 and is_enough(file.tell()):
            break
    return read


def _rows(sheet: CalamineSheet) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        cells = [_text(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def _text(cell: Cell) -> str:
    """A cell as people write it: 3 and not 3.0."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
