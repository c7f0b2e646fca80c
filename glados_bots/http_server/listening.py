"""Addresses and ports to listen on: which only this machine can reach, and whether one is free."""

import ipaddress
import socket

from glados_bots.errors import ConfigError

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
BACKLOG = 2048  # connections that wait to be taken


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own. Names other than `localhost` are not looked up, and are not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_free_port(host: str, port: int, variable: str) -> None:
    """Raise ConfigError, as `listen` does, when something listens on the port already."""
    listen(host, port, variable).close()


def listen(host: str, port: int, variable: str) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises ConfigError that names the setting which changes it."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"{variable}={port}: cannot listen on {host}:{port} ({error.strerror}); "
            f"set {variable} to a free port, or GLADOS_HOST to an address of this machine"
        ) from error
