"""Builds blocks from the parser's events, and keeps track of open blocks."""

import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from glados_bots.markdown import tree
from glados_bots.markdown.pairs import settled, settled_html
from glados_bots.markdown.parsing.inline_builder import MAX_DEPTH, InlineBuilder
from glados_bots.markdown.tree import Block, Run

_NUMBER = re.compile(rb"\d{1,9}")


class Builder(InlineBuilder):
    """Builds one document from a repaired text; `marks` are labels of footnotes that were marked before it."""

    def __init__(self, source: str, marks: Iterable[str] = ()) -> None:
        self.place = 0  # position of the current event, in UTF-8 bytes of the source
        self.end = 0  # the end of the current event, likewise
        self.starts: list[int] = []  # start of each top-level block
        self.placed: list[tree.Placed] = []  # each code block and table
        super().__init__(source, marks)
        self._blocks: list[Block] = []
        self._containers: list[list[Block]] = [self._blocks]
        self._bytes = source.encode()
        self._lists: list[tree.List] = []
        self._counted: list[bool] = []  # for each list: whether it repeats one number
        self._html: tree.Html | None = None
        self._html_lines: list[str] = []
        self._table: tree.Table | None = None
        self._notes: list[tree.Note] = []

    def read(self, events: Iterable[Any], *, are_placed: bool) -> None:
        """Read pulldown-cmark's events. An event is a word, or a dictionary with one entry, which is removed.

        If `are_placed`, each event comes with its range. Otherwise, `place` is larger than any position in the text.
        """
        handlers, starts, ends = self._ON, self._START, self._END
        on_text, marked = self._on_text, self._marked
        self.place = sys.maxsize
        for event in events:
            if are_placed:
                event, place = event  # noqa: PLW2901 - saves a tuple
                self.place, self.end = place["start"], place["end"]
            if event.__class__ is str:
                self._add_break(event) if event != "Rule" else self._open_block(tree.Rule())
                continue
            key, value = event.popitem()
            if key == "Text":
                runs = self._runs
                if runs is None or marked or "://" in value or "@" in value or "www." in value:
                    on_text(value)
                else:
                    runs.append(Run("text", value, self._spans))
            elif key == "Start":
                name, data = (value, None) if value.__class__ is str else value.popitem()
                starts[name](self, data)
            elif key == "End":
                close = ends.get(value) if value.__class__ is str else ends.get(next(iter(value)))
                if close is not None:
                    close(self)
            elif key == "Code" and self._runs is not None and not marked:
                self._runs.append(Run("code", value, self._spans))
            else:
                handlers[key](self, value)

    def document(self) -> tree.Document:
        for runs in self._tagged:
            runs[:] = settled(runs)
        marks = list(self._marks)
        order = {label: index for index, label in enumerate(marks)}
        notes = sorted(self._notes, key=lambda note: order.get(note.label, len(order)))
        return tree.Document(self._blocks, self.starts, notes, marks, self.placed)

    # Leaves

    def _open_block(self, block: Block) -> None:
        self._runs = None
        if len(self._containers) == 1:
            self.starts.append(self.place)
        self._containers[-1].append(block)

    def _open_paragraph(self, *, tight: bool) -> list[Run]:
        runs = self._runs = []
        if len(self._containers) == 1:
            self.starts.append(self.place)
        self._containers[-1].append(tree.Paragraph(runs, tight))
        return runs

    def _start_paragraph(self, _: Any) -> None:
        self._open_paragraph(tight=False)

    def _close_leaf(self) -> None:
        self._runs = None

    def _on_task(self, checked: bool) -> None:
        self._lists[-1].items[-1].checked = checked

    def _start_heading(self, data: dict[str, Any]) -> None:
        runs: list[Run] = []
        self._open_block(tree.Heading(int(data["level"][1]), runs))
        self._runs = runs

    def _open_placed(self, block: tree.Code | tree.Table) -> None:
        before = self._containers[-1][-1] if self._containers[-1] else None
        self.placed.append(tree.Placed(block, self.place, self.end, before))
        self._open_block(block)

    def _start_code(self, data: Any) -> None:
        self._open_placed(tree.Code("" if data == "Indented" else self._clean(data["Fenced"]), ""))
        self.placed[-1].is_indented = data == "Indented"
        self._code = []

    def _end_code(self) -> None:
        block = self._containers[-1][-1]
        if isinstance(block, tree.Code) and self._code is not None:
            block.text = "".join(self._code).removesuffix("\n")
        self._code = None

    def _start_html(self, _: Any) -> None:
        self._html, self._html_lines = tree.Html(""), []
        self._open_block(self._html)

    def _on_html(self, text: str) -> None:
        if self._html is not None:
            self._html_lines.append(self._clean(text))

    def _end_html(self) -> None:
        if self._html is not None:
            self._html.text = settled_html("".join(self._html_lines))
        self._html = None

    # Containers

    def _is_too_deep(self) -> bool:
        return len(self._containers) > MAX_DEPTH

    def _end_container(self) -> None:
        self._runs = None
        self._containers.pop()

    def _start_quote(self, kind: str | None) -> None:
        inner = self._containers[-1]
        if self._is_too_deep():
            self._runs = None
        else:
            inner = []
            self._open_block(tree.Quote(inner, kind or ""))
        self._containers.append(inner)

    def _start_list(self, start: int | None) -> None:
        block = tree.List(start, [])
        if self._is_too_deep():
            self._runs = None
        else:
            self._open_block(block)
        self._lists.append(block)
        self._counted.append(False)

    def _end_list(self) -> None:
        self._runs = None
        self._lists.pop()
        self._counted.pop()

    def _start_item(self, _: Any) -> None:
        self._runs = None
        inner = self._containers[-1] if self._is_too_deep() else []
        found = self._lists[-1]
        found.items.append(tree.Item(inner, number=None if found.start is None else self._number(found)))
        self._containers.append(inner)

    def _number(self, found: tree.List) -> int:
        """The number of a list's next item, as written; but a list "1. 1. 1." counts up."""
        start, index = found.start or 0, len(found.items)
        written = _NUMBER.match(self._bytes, self.place)
        if index == 1 and written and int(written[0]) == start:
            self._counted[-1] = True
        return start + index if self._counted[-1] or written is None else int(written[0])

    def _start_note(self, label: str) -> None:
        self._runs = None
        note = tree.Note(label, [])
        self._notes.append(note)
        self._containers.append(note.blocks)

    # Tables

    def _start_table(self, aligns: tuple[str, ...]) -> None:
        self._table = tree.Table(aligns, [])
        self._open_placed(self._table)

    def _start_row(self, _: Any) -> None:
        if self._table is not None:
            self._table.rows.append([])
            self.placed[-1].rows.append(self.place)

    def _start_cell(self, _: Any) -> None:
        self._runs = []
        if self._table is not None:
            self._table.rows[-1].append(self._runs)

    # Tables of functions, because bound methods would hold each builder and its document in a reference cycle.
    _ON: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
        **InlineBuilder.ON,
        "Html": _on_html,
        "TaskListMarker": _on_task,
    }
    _START: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
        **InlineBuilder.START,
        "Paragraph": _start_paragraph,
        "Heading": _start_heading,
        "CodeBlock": _start_code,
        "HtmlBlock": _start_html,
        "BlockQuote": _start_quote,
        "List": _start_list,
        "Item": _start_item,
        "FootnoteDefinition": _start_note,
        "Table": _start_table,
        "TableHead": _start_row,
        "TableRow": _start_row,
        "TableCell": _start_cell,
    }
    _END: ClassVar[dict[str, Callable[[Any], None]]] = {
        **InlineBuilder.END,
        "Heading": _close_leaf,
        "Table": _close_leaf,
        "CodeBlock": _end_code,
        "HtmlBlock": _end_html,
        "BlockQuote": _end_container,
        "List": _end_list,
        "Item": _end_container,
        "FootnoteDefinition": _end_container,
    }
