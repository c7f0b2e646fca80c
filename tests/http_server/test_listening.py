"""Ports: what cannot be had is said in one sentence, with the setting that chooses it."""

import socket

import pytest

from glados_bots.errors import ConfigError
from glados_bots.http_server.listening import listen, require_free_port


def test_a_port_that_is_taken_is_named_once_with_the_system_s_reason_and_the_remedy() -> None:
    with listen("127.0.0.1", 0, "GLADOS_WEB_PORT") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            require_free_port("127.0.0.1", port, "GLADOS_WEB_PORT")
    assert str(refused.value) == (
        f"GLADOS_WEB_PORT={port}: cannot listen on 127.0.0.1:{port} (Address already in use); "
        "set GLADOS_WEB_PORT to a free port, or GLADOS_HOST to an address of this machine"
    )


def test_a_name_that_nobody_knows_is_told_from_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> socket.socket:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known (while attempting to bind on address x)")

    monkeypatch.setattr(socket, "create_server", unknown)
    with pytest.raises(ConfigError, match=r"nowhere:80 \(Name or service not known\); set GLADOS_PORT to"):
        listen("nowhere", 80, "GLADOS_PORT")
