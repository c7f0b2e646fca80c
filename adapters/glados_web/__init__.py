"""The web page: a minimal chat on port 5950. Server-rendered, one small script, no build step."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from glados_bots.errors import ConfigError
from glados_bots.platforms import Check, Platform
from glados_bots.settings import Settings, load
from glados_web.settings import WebSettings, require_sign_in

if TYPE_CHECKING:  # as below
    from glados_bots.store.store import Store


def _run(settings: Settings) -> None:
    from glados_web.run import run  # noqa: PLC0415 - the command line must start quickly

    run(settings)


def _examine() -> Iterator[Check]:
    """Who could use the page as it is set up."""
    settings, web = load(Settings), load(WebSettings)
    try:
        require_sign_in(settings, web)
    except ConfigError as error:
        finding, _, remedy = str(error).partition("; ")
        yield Check("web page", "fail", finding, remedy)
        return
    ways = [name for name, is_on in (("a password", web.password), ("OpenID Connect", web.oidc_issuer)) if is_on]
    yield Check("web page", "ok", f"sign-in by {' or '.join(ways)}" if ways else "no sign-in: this machine only")


async def _ids_of(store: "Store", person: str) -> tuple[str, ...]:
    from glados_web.door.sessions import owners_of  # noqa: PLC0415 - as above

    return await owners_of(store, person)


platform = Platform(
    "web", "Run the web page on GLADOS_WEB_PORT.", configured=lambda: True, run=_run, examine=_examine, ids_of=_ids_of
)
