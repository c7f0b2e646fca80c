"""`glados health ROLE`: asks a role on this machine whether it lives, as container health checks do."""

import httpx

from glados_bots.errors import ConfigError, GladosError
from glados_bots.settings import Settings

LONGEST_WAIT_S = 5.0


def require_health(settings: Settings, role: str) -> None:
    """Return when the role lives: `serve`, `web`, or another platform; those answer beside their metrics.

    Raises:
        ConfigError: the role listens nowhere.
        GladosError: it does not live; the text says why not.
    """
    port = {"serve": settings.serve_port, "web": settings.web_port}.get(role, settings.metrics_port)
    if port is None:
        raise ConfigError(f"the role {role} answers for its health on GLADOS_METRICS_PORT, which is not set: set it")
    url = f"http://{settings.connect_host}:{port}/health"
    try:
        httpx.get(url, timeout=LONGEST_WAIT_S, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise GladosError(f"{role} is not well: {url} says: {error}") from error
