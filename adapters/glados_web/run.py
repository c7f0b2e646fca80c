"""`glados web`: the page's server, run until SIGTERM or SIGINT."""

from types import FrameType

import uvicorn

from glados_bots.errors import GladosError
from glados_bots.http_server.listening import require_free_port
from glados_bots.http_server.protocol import BoundedProtocol, raise_file_limit
from glados_bots.settings import Settings, load, words
from glados_web.app import create_app
from glados_web.settings import WebSettings, require_sign_in


class _Server(uvicorn.Server):
    """Tells the app at once when a signal stops the server. Uvicorn alone would first wait for open streams."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.closing.set()  # type: ignore[union-attr]  # it is the app given below
        super().handle_exit(sig, frame)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError if the port is taken, or strangers could use the page."""
    web = load(WebSettings)
    require_sign_in(settings, web)
    require_free_port(settings.host, settings.web_port, "GLADOS_WEB_PORT")
    raise_file_limit()
    server = _Server(server_config(settings, web))
    server.run()
    if not server.started:
        raise GladosError("the web page could not start; the lines above say why")


def server_config(settings: Settings, web: WebSettings) -> uvicorn.Config:
    """Return the server's configuration. It trusts X-Forwarded-* headers only from `trusted_proxies`."""
    return uvicorn.Config(
        create_app(settings, web),
        host=settings.host,
        port=settings.web_port,
        log_level="warning" if settings.log_level == "info" else settings.log_level,  # the stack says what people need
        access_log=False,
        server_header=False,
        http=BoundedProtocol,
        proxy_headers=bool(web.trusted_proxies),
        forwarded_allow_ips=list(words(web.trusted_proxies)),
        timeout_graceful_shutdown=5,
    )
