"""The web page: a minimal chat on port 5950. Server-rendered, one small script, no build step."""

from glados_bots.platforms import Platform
from glados_bots.settings import Settings


def _run(settings: Settings) -> None:
    from glados_web.app import run  # noqa: PLC0415 - the command line must start quickly

    run(settings)


platform = Platform("web", "Run the web page on GLADOS_WEB_PORT.", configured=lambda: True, run=_run)
