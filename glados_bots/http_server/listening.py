"""Addresses and ports to listen on: which only this machine can reach, and whether one is free."""

import ipaddress
import socket

from glados_bots.errors import ConfigError

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own. Names other than `localhost` are not looked up, and are not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int, variable: str) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        ConfigError: the port cannot be had; `variable` is the setting that chooses it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"{variable}={port}: cannot listen on {host}:{port} ({error.strerror}); "
            f"set {variable} to a free port, or GLADOS_HOST to an address of this machine"
        ) from error


def require_free_port(host: str, port: int, variable: str) -> None:
    """Raise ConfigError when the port cannot be had now; see `listen`."""
    listen(host, port, variable).close()
