"""Progress bars by tqdm: with the time left on a terminal; a few plain lines in the log where nobody watches."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from glados_bots.logs import clean

log = logging.getLogger(__name__)

STEPS = 10  # lines of one piece of work in the log, at most; a few more where its total grows meanwhile
BETWEEN_S = 2.0  # seconds between two lines, at least: quick work writes none


def is_watched() -> bool:
    """Whether standard error is a terminal that can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def bar() -> type[tqdm]:
    """The kind of bar that suits standard error."""
    return tqdm if is_watched() else LogBar


@contextmanager
def lines_above() -> Iterator[None]:
    """On a terminal, lines of the log push the bar down while the block runs, instead of breaking it."""
    with logging_redirect_tqdm() if is_watched() else nullcontext():
        yield


class LogBar(tqdm):  # type: ignore[misc] # tqdm ships no types
    """A bar that is at most STEPS lines of the log."""

    monitor_interval = 0  # no thread that redraws

    def __init__(self, *given: Any, **options: Any) -> None:
        self._told = 0  # units done at the last line
        pace = {"mininterval": BETWEEN_S, "miniters": 0, "leave": False, "file": io.StringIO()}
        super().__init__(*given, **(options | pace))

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """What tqdm calls when BETWEEN_S are over, and once more with an empty text at the end."""
        del pos
        if self.total and msg is None and self.n - self._told >= self.total / STEPS:
            self._told = self.n
            log.info("%s", self._line())

    def _line(self) -> str:
        rate = self.format_dict["rate"] or self.n / max(self.format_dict["elapsed"], 1e-9)
        left = self.format_interval(max(0, self.total - self.n) / rate)
        return f"{self.desc.rstrip(': ')}: {self.n / self.total:.0%}, {self._amount()}, {left} left"

    def _amount(self) -> str:
        if self.unit == "B":
            return f"{self.n / 1e6:.0f} of {self.total / 1e6:.0f} MB"
        return f"{self.n:.0f} of {self.total:.0f}{self.unit if self.unit != 'it' else ''}"


@contextmanager
def hub_bars(what: str) -> Iterator[type[tqdm]]:
    """A `tqdm_class` for huggingface_hub, whose own bars know no time left and are silent where nobody watches.

    Of the three bars it makes, one is shown: the bytes of all files that are written to the disk.
    """
    made: list[tqdm] = []

    class HubBar(bar()):  # type: ignore[misc] # as above
        def __init__(self, *given: Any, **options: Any) -> None:
            is_shown = options.get("unit") == "B" and not str(options.get("desc")).startswith("Downloading")
            options |= {"desc": clean(what), "bar_format": None, "disable": not is_shown, "leave": False}
            super().__init__(*given, **options)
            made.append(self)

        def set_description(self, *_: Any, **__: Any) -> None:
            """Its end is said by what comes next."""

        def set_postfix_str(self, *_: Any, **__: Any) -> None:
            """The rate is shown by the bar itself."""

    try:
        with lines_above():
            yield HubBar
    finally:
        for each in made:
            each.close()
