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


def require_free_port(host: str, port: int, variable: str) -> None:
    """Raise ConfigError when something listens on the port already, naming the setting that changes it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"{variable}={port}: cannot listen on {host}:{port} ({error.strerror}); set {variable} to a free port"
            ) from error
