"""The `.env` of the working folder: checks that all of it can be read, and that it is the operator's own."""

import logging
from collections.abc import Iterable
from pathlib import Path

from dotenv.parser import Original, parse_stream

from glados_bots.errors import ConfigError

log = logging.getLogger(__name__)

NAME = ".env"


def check(path: Path) -> None:
    """Raise ConfigError that names the first line which is not a setting. A missing file is fine.

    python-dotenv would only warn about such a line and continue without the setting.
    """
    if not path.is_file():
        return
    try:
        with path.open(encoding="utf-8") as text:
            wrong = next((line for line in parse_stream(text) if line.error or (line.key and line.value is None)), None)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.resolve()}: cannot read this file ({error}); make it readable, as UTF-8") from error
    if wrong:
        raise ConfigError(
            f"{path.resolve()}, line {_line(wrong.original)}: this is not NAME=VALUE; "
            "close every quote, and begin a comment with #"
        )


def _line(found: Original) -> int:
    """Number of the line with the text: python-dotenv counts empty lines before a setting as part of it."""
    text = found.string
    return found.line + text[: len(text) - len(text.lstrip())].count("\n")


def tell(weights: Iterable[str]) -> None:
    """Log which file the settings come from, if there is one.

    Args:
        weights: the folders or files that the operator loads. Strangers make folders of weights, and a `.env` in such
            a folder could make GLaDOS run any program.

    Raises:
        ConfigError: the `.env` is in a folder of weights.
    """
    if not Path(NAME).is_file():
        return
    own = Path(NAME).resolve()
    for folder in {Path(NAME).absolute().parent, own.parent}:
        if any(Path(each).expanduser().resolve() == folder.resolve() for each in weights if each):
            raise ConfigError(
                f"{own} is in a folder of weights, so the author of the weights may have written it; "
                "start GLaDOS in another folder, with your own settings"
            )
    log.info("reading settings from %s", own)
