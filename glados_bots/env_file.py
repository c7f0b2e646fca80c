"""The `.env` of the working folder: whether all of it can be read, and whether it is the operator's."""

import logging
from collections.abc import Iterable
from pathlib import Path

from dotenv.parser import Original, parse_stream

from glados_bots.errors import ConfigError

log = logging.getLogger(__name__)

NAME = ".env"


def check(path: Path) -> None:
    """Raise ConfigError that names the first line which is no setting; a file that is not there has none.

    python-dotenv only warns of such a line, and goes on without the setting.
    """
    if not path.is_file():
        return
    try:
        with path.open(encoding="utf-8") as text:
            wrong = next((line for line in parse_stream(text) if line.error or (line.key and line.value is None)), None)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.resolve()}: cannot read this file ({error}); make it readable, in UTF-8") from error
    if wrong:
        raise ConfigError(
            f"{path.resolve()}, line {_line(wrong.original)}: this is not NAME=VALUE; "
            "a quote that is opened must be closed, and a note begins with #"
        )


def _line(found: Original) -> int:
    """Empty lines before a setting count to it."""
    text = found.string
    return found.line + text[: len(text) - len(text.lstrip())].count("\n")


def tell(weights: Iterable[str]) -> None:
    """Log which file the settings come from, where there is one.

    Args:
        weights: what the operator loads; a folder of weights comes from others, and so may a `.env` in it, which could
            name any program to be run.

    Raises:
        ConfigError: the file lies in a folder of weights.
    """
    if not Path(NAME).is_file():
        return
    own = Path(NAME).resolve()
    for folder in {Path(NAME).absolute().parent, own.parent}:
        if any(Path(each).expanduser().resolve() == folder.resolve() for each in weights if each):
            raise ConfigError(
                f"{own} lies in a folder of weights, and whoever made that may have written it; "
                "start GLaDOS in another folder, with settings of your own"
            )
    log.info("settings are read from %s", own)
