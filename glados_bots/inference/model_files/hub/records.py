"""What GLaDOS remembers about each repository, as small JSON files in GLADOS_DATA_DIR/hub.

A file that is missing or cannot be read is an empty record: the hub is asked again, and files are hashed again. Pins
are the exception: a pin that cannot be read is an error, because the next start would take other weights.
"""

import json
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from glados_bots.errors import ConfigError
from glados_bots.settings import Settings, load

Record = dict[str, Any]


def path_of(hub: str, name: str) -> Path:
    """The file of one record of the repository ORG/NAME."""
    return load(Settings).data_dir / "hub" / hub.replace("/", "--") / f"{name}.json"


def read(path: Path) -> Record:
    """The record; empty if there is none or if it cannot be read."""
    try:
        return read_strictly(path)
    except ConfigError:
        return {}


def read_strictly(path: Path) -> Record:
    """The record; empty if there is none. Raises ConfigError if it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot read this file ({error}); correct or delete it") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: not a JSON object; correct or delete it")
    return found


def write(path: Path, record: Record) -> None:
    """Replace the file at once, so that no reader sees half of it. Raises ConfigError if the disk refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", encoding="utf-8", delete=False) as file:
            try:
                json.dump(record, file, indent=1)
                file.flush()
                Path(file.name).replace(path)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot write this file ({error.strerror}); free some space, or set GLADOS_DATA_DIR to your own "
            "folder"
        ) from error
