"""Sections, cases and their figures, as tables in markdown. Does not import torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.asking import alike

Figures = dict[str, float | str]
SKIPPED = "left out"
FAILED = "**failed**"


class LeftOutError(RuntimeError):
    """This machine lacks what a case needs. The text says what. This is no failure."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a case found.

    Attributes:
        figures: by the name of their column.
        answers: the answers to fixed questions, compared with those of the section's first row.
        broken: the promise that was not kept, or "".
    """

    figures: Figures
    answers: tuple[str, ...] = ()
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Missed:
    """Why a case has no figures: it failed, or this machine lacks what it needs."""

    reason: str
    failed: bool = True


Row = Measured | Missed
Run = Callable[[], dict[str, Measured] | Measured]


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement, in a process of its own. `run` gives one row or several by name, and must be picklable."""

    name: str
    run: Run


@dataclass(frozen=True, slots=True)
class Section:
    """A table. Ratios compare with the first row.

    Attributes:
        name: as in `--sections`.
        title: heading.
        note: how to read the table.
        cases: the measurements.
        first_is_ours: ratios above 1 then mean that the first row is better. Otherwise they mean that the other is.
        needs: why the whole section is left out here, or "".
    """

    name: str
    title: str
    note: str
    cases: Sequence[Case]
    first_is_ours: bool = False
    needs: str = ""


@dataclass(slots=True)
class Result:
    """The rows of one section so far."""

    section: Section
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """One line per failure or broken promise."""
        found = {name: _problem(row) for name, row in self.rows.items()}
        return [f"{self.section.name}, {name}: {text}" for name, text in found.items() if text]

    def lines(self) -> list[str]:
        """The section in markdown."""
        section = self.section
        if section.needs:
            return [f"### {section.title}", "", f"{SKIPPED}: {section.needs}", ""]
        return [f"### {section.title}", "", section.note, "", *self._table(), *self._missed(), ""]

    def _table(self) -> list[str]:
        found = {name: row for name, row in self.rows.items() if isinstance(row, Measured)}
        columns = list(dict.fromkeys(column for row in found.values() for column in row.figures))
        first = next(iter(self.rows.values()), None)
        with_ratios = len(self.section.cases) > 1
        heads = [head for column in columns for head in _heads(column, ratio=with_ratios)]
        compares = any(row.answers for row in found.values()) and with_ratios
        heads += ["answers like the first row's"] * compares
        if not heads:
            return []
        lines = [f"| | {' | '.join(heads)} |", "|" + " --- |" * (len(heads) + 1)]
        for name, row in found.items():
            cells = [cell for column in columns for cell in self._cells(row, column, first, ratio=with_ratios)]
            cells += [_likeness(row, first)] * compares
            lines.append(f"| {_escaped(name)} | {' | '.join(cells)} |")
        return [*lines, ""]

    def _cells(self, row: Measured, column: str, first: Row | None, *, ratio: bool) -> list[str]:
        value = row.figures.get(column, "-")
        cells = [_shown(value)]
        if ratio and is_compared(column):
            base = first.figures.get(column) if isinstance(first, Measured) else None
            both = isinstance(base, float) and isinstance(value, float) and base > 0 and value > 0
            cells.append(f"{self.ratio(column, float(base or 0), float(value)):.2f}" if both else "-")
        return cells

    def ratio(self, column: str, first: float, other: float) -> float:
        """How many times as good one is as the other; `first_is_ours` says which."""
        other_is_better = other / first if column.startswith("tokens/s") else first / other
        return 1 / other_is_better if self.section.first_is_ours else other_is_better

    def _missed(self) -> list[str]:
        lines = [
            f"- {name}: {FAILED if row.failed else SKIPPED}: {row.reason}"
            for name, row in self.rows.items()
            if isinstance(row, Missed)
        ]
        broken = (row.broken for row in self.rows.values() if isinstance(row, Measured))
        return [*lines, *(f"- **broken**: {text}" for text in broken if text)]


def _problem(row: Row) -> str:
    """What failed or was not kept, or ""."""
    if isinstance(row, Measured):
        return row.broken
    return row.reason if row.failed else ""


def is_compared(column: str) -> bool:
    """Whether the column has ratios: more tokens per second are better, and fewer milliseconds."""
    return column.startswith(("tokens/s", "first token ms"))


def _heads(column: str, *, ratio: bool) -> list[str]:
    return [column, "ratio"] if ratio and is_compared(column) else [column]


def _likeness(row: Measured, first: Row | None) -> str:
    if not isinstance(first, Measured) or len(first.answers) != len(row.answers):
        return "-"
    return f"{alike(first.answers, row.answers)} of {len(row.answers)}" if row.answers else "-"


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return _escaped(value)
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004 - digits


def _escaped(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
