"""How far long work is. Light to import: what draws is loaded when work begins."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from glados_bots.logs import clean

T = TypeVar("T")


def each(what: str, things: Sequence[T], unit: str) -> Iterator[T]:
    """The things one after the other, with `progress` as they are taken."""
    with progress(what, len(things), unit) as advance:
        for thing in things:
            yield thing
            advance(1)


@contextmanager
def progress(what: str, total: float, unit: str) -> Iterator[Callable[[float], object]]:
    """Show this work while the block runs: see bars.py.

    Args:
        what: the work, as the beginning of a line; a name in it may be others', so control characters are escaped.
        total: how much there is to do, in units.
        unit: `B` for bytes, or a word for one thing, such as ` keys`.

    Yields:
        What is told how many more units are done.
    """
    from glados_bots.processes.bars import bar, lines_above  # noqa: PLC0415 - tqdm takes 50 ms to load

    options = {"unit": unit, "unit_scale": unit == "B", "leave": False, "dynamic_ncols": True}
    with lines_above(), bar()(desc=clean(what), total=total, **options) as shown:
        yield shown.update
