"""`glados health ROLE`: asks a role on this machine whether it works, as container health checks do."""

import httpx

from glados_bots.errors import ConfigError, GladosError
from glados_bots.platforms import installed
from glados_bots.settings import Settings

LONGEST_WAIT_S = 5.0


def require_health(settings: Settings, role: str) -> None:
    """Return when the role works: `serve`, `web`, or another platform, which answers on the port of its metrics.

    Raises:
        ConfigError: there is no such role, or it listens nowhere.
        GladosError: it does not work; the text says why not.
    """
    if role not in {"serve", *installed()}:
        raise ConfigError(f"{role}: no role has this name; choose from {', '.join(['serve', *sorted(installed())])}")
    port = {"serve": settings.serve_port, "web": settings.web_port}.get(role, settings.metrics_port)
    if port is None:
        raise ConfigError(
            f"{role}: this role reports its health on GLADOS_METRICS_PORT, which is not set; set it to a free port"
        )
    url = f"http://{settings.connect_host}:{port}/health"
    try:
        httpx.get(url, timeout=LONGEST_WAIT_S, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise GladosError(f"{role} does not work: {url} answers: {error}; start the role, or read its log") from error
