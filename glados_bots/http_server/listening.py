"""Addresses and ports to listen on: whether only this machine can reach an address, and whether a port is free."""

import ipaddress
import socket

from glados_bots.errors import ConfigError

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address or name. Of names, only `localhost` counts; none is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int, variable: str) -> socket.socket:
    """A listening socket. With port 0 the system chooses a free port.

    Raises:
        ConfigError: nothing can listen on this port; the text names `variable`, the setting of the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (while ")[0]  # Python appends the address, which our text names
        raise ConfigError(
            f"{variable}={port}: cannot listen on {host}:{port} ({reason}); "
            f"set {variable} to a free port, or GLADOS_HOST to an address of this machine"
        ) from error


def require_free_port(host: str, port: int, variable: str) -> None:
    """Raise ConfigError if nothing can listen on the port now; see `listen`."""
    listen(host, port, variable).close()
