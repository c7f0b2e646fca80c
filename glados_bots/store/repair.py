"""The append-only files of the embedded Valkey: find damage, and cut the files where it begins.

Valkey itself cuts an incomplete end. It refuses to load a file that is damaged before its end, because a cut there
loses all that follows. The operator makes that decision (`glados store repair`).
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from glados_bots.errors import ConfigError
from glados_bots.store import embedded

MANIFEST = "appendonly.aof.manifest"
# What Valkey prints when it cannot load a file. Some damage makes it crash.
COMPLAINT = re.compile("Bad file format reading the append only file|Internal error in RDB reading|BUG REPORT START")
STAMP = re.compile(rb"^#TS:(\d+)\r$", re.MULTILINE)  # Valkey writes it if `aof-timestamp-enabled` is on
TAIL = 2**20  # bytes to search for a stamp; Valkey writes one for each second in which something happened


@dataclass(frozen=True, slots=True)
class Damage:
    """The first place in the files that cannot be read."""

    file: Path  # the damaged file
    offset: int | None  # number of intact bytes before the damage; None for a snapshot, which cannot be cut
    size: int  # size of the file in bytes
    since: datetime | None  # earliest time at which the damaged part was written; None if unknown

    def __str__(self) -> str:
        """A sentence that names the damage, without the remedy."""
        where = "" if self.offset is None else f" after {self.offset:,} of {self.size:,} bytes"
        lost = f"; what was written since {self.since:%Y-%m-%d %H:%M:%S} UTC cannot be read" if self.since else ""
        return f"{self.file} is damaged{where}{lost}"


def find(data_dir: Path) -> Damage | None:
    """The first damage in the embedded Valkey's files, or None. An incomplete end counts as damage. Reads all files.

    Raises:
        ConfigError: the files cannot be read at all.
    """
    for kind, file in _files(data_dir):
        found = _look(file, is_snapshot=kind == "b")
        if found:
            return found
    return None


def why_not(data_dir: Path) -> str | None:
    """A sentence that says why the database cannot load its files, with the remedy; None if nothing is damaged."""
    damage = find(data_dir)
    return f"{damage}; nothing was changed; `glados store repair` makes a copy and cuts it there" if damage else None


def cut(data_dir: Path, damage: Damage) -> Path:
    """Copy all files to a new folder, then cut the damaged file before the damage and leave out the files after it.

    Returns:
        The folder that holds the copy.

    Raises:
        ConfigError: the damaged file is a snapshot, or the copy cannot be written.
    """
    if damage.offset is None:
        raise ConfigError(
            f"{damage}, and a damaged snapshot cannot be repaired; move {damage.file.parent} away, "
            "start GLaDOS, and restore your backup with `glados restore FILE`"
        )
    folder = damage.file.parent
    aside = folder.with_name(f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    try:
        shutil.copytree(folder, aside)
    except OSError as error:
        raise ConfigError(f"{aside}: cannot copy the damaged files here ({error}); free some disk space") from error
    names = [file.name for _, file in _files(data_dir)]
    _leave_out(folder / MANIFEST, names[names.index(damage.file.name) + 1 :])  # before the cut: a kill leaves no gap
    with damage.file.open("r+b") as file:
        file.truncate(damage.offset)
    return aside


def _files(data_dir: Path) -> list[tuple[str, Path]]:
    """(kind, path) of each file in use, in order. Kind is `b` for the base snapshot, `i` for later writes."""
    folder = embedded.folder(data_dir) / "appendonlydir"
    manifest = folder / MANIFEST
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines() if manifest.exists() else []
        found = [line.split() for line in lines]  # file NAME seq NUMBER type KIND
        return [(words[5], folder / words[1]) for words in found if words[5] in {"b", "i"}]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise ConfigError(
            f"{manifest}: cannot read this list of the database's files ({error}); restore a backup"
        ) from error


def _look(file: Path, *, is_snapshot: bool) -> Damage | None:
    """Check one file with Valkey's own checker, which is the server's executable under another name."""
    name = "valkey-check-rdb" if is_snapshot else "valkey-check-aof"
    checked = subprocess.run([name, str(file)], executable=embedded.binary(), capture_output=True, check=False)
    whole = re.search(rb"ok_up_to=(\d+)", checked.stdout)
    if checked.returncode == 0:
        return None
    offset = int(whole[1]) if whole and not is_snapshot else None
    return Damage(file, offset, file.stat().st_size, _stamp(file, offset or 0))


def _stamp(file: Path, offset: int) -> datetime | None:
    """The last timestamp in the file before an offset; None if there is none."""
    with file.open("rb") as text:
        text.seek(max(0, offset - TAIL))
        found = STAMP.findall(text.read(min(offset, TAIL)))
    return datetime.fromtimestamp(int(found[-1]), UTC) if found else None


def _leave_out(manifest: Path, names: list[str]) -> None:
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if line.split()[1] not in names), encoding="utf-8")
