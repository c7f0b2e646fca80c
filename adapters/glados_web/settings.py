"""Settings of the web page: `GLADOS_WEB_*`. They say who may sign in, and for how long."""

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from glados_bots.errors import ConfigError
from glados_bots.http_server.listening import is_loopback
from glados_bots.settings import GladosSettings, Settings, words

SHORTEST_PASSWORD = 12
HASH_PREFIX = "$argon2id$"  # marks a hash that `glados hash-password` prints, not a password


def _check_password(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text.startswith(HASH_PREFIX) and len(text) < SHORTEST_PASSWORD:
        raise ValueError(f"it needs {SHORTEST_PASSWORD} characters at least")
    return secret


def _check_url(text: str) -> str:
    """Accept https, and http on this machine: nobody on the network may read what we send there."""
    parts = urlsplit(text)
    is_ours = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if text and (not (parts.scheme == "https" or is_ours) or not parts.hostname or parts.query or parts.fragment):
        raise ValueError("it must be an https:// address without ? and #; http:// is for this machine only")
    return text


def _check_origin(text: str) -> str:
    if urlsplit(_check_url(text)).path not in {"", "/"}:
        raise ValueError("it must be the address alone, without a path: https://chat.example.org")
    return text.rstrip("/")


def _check_networks(text: str) -> str:
    for word in words(text):
        try:
            ipaddress.ip_network(word)
        except ValueError as error:
            raise ValueError(f"{word!r} is no address and no network such as 10.0.0.0/8 ({error})") from error
    return text


class WebSettings(GladosSettings):
    """Settings of `glados web`, in addition to those of every role. See docs/settings.md for a table."""

    model_config = SettingsConfigDict(
        env_prefix="GLADOS_WEB_", env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    password: Annotated[SecretStr, AfterValidator(_check_password)] | None = Field(
        None, description="Shared password of the page, or its hash from `glados hash-password`"
    )
    public_url: Annotated[str, AfterValidator(_check_origin)] = Field(
        "", description="Address that people open, such as https://chat.example.org. The page refuses others"
    )
    trusted_proxies: Annotated[str, AfterValidator(_check_networks)] = Field(
        "", description="Proxies whose X-Forwarded-For and -Proto the page trusts. Empty means none"
    )
    oidc_issuer: Annotated[str, AfterValidator(_check_url)] = Field(
        "", description="OpenID Connect provider, exactly as it names itself"
    )
    oidc_client_id: str = Field("", max_length=500, description="Client id of the page at the provider")
    oidc_client_secret: SecretStr | None = Field(None, description="Client secret of the page at the provider, if any")
    oidc_emails: str = Field("", description="Who may sign in: e-mail addresses, or @example.org for a whole domain")
    oidc_groups: str = Field("", description="Who may sign in: groups that the provider lists in `groups`")
    oidc_name: str = Field("", max_length=60, description="Name of the provider on the sign-in button")
    session_idle: int = Field(
        12 * 3600, ge=60, le=30 * 24 * 3600, description="Idle seconds after which a person must sign in again"
    )
    session_max: int = Field(
        14 * 24 * 3600, ge=60, le=366 * 24 * 3600, description="Seconds after which a person must always sign in again"
    )

    share: Literal["members", "everybody", "off"] = Field(
        "members", description="Who may open the link of a shared chat: `members`, `everybody`, or nobody (`off`)"
    )

    @property
    def needs_sign_in(self) -> bool:
        return self.password is not None or bool(self.oidc_issuer)

    @property
    def public_host(self) -> str:
        """Host and port of the public address, as browsers send them; empty when none is set."""
        return urlsplit(self.public_url).netloc.lower()


def require_sign_in(settings: Settings, web: WebSettings) -> None:
    """Check that strangers cannot use the page.

    Raises ConfigError if other machines could reach a page without sign-in, or OIDC settings are missing.
    """
    shown_at = web.public_url if web.public_url and not is_loopback(urlsplit(web.public_url).hostname or "") else ""
    if not web.needs_sign_in and (shown_at or not is_loopback(settings.host)):
        where = f"GLADOS_WEB_PUBLIC_URL={shown_at}" if shown_at else f"GLADOS_HOST={settings.host}"
        raise ConfigError(
            f"{where}: others could use a page that has no sign-in; set GLADOS_WEB_PASSWORD, or GLADOS_WEB_OIDC_ISSUER "
            "and what belongs to it, or let the page listen on 127.0.0.1 only; see docs/security.md"
        )
    if not web.oidc_issuer:
        return
    who = web.oidc_emails or web.oidc_groups
    missing = "CLIENT_ID" if not web.oidc_client_id else "" if who else "EMAILS (or GLADOS_WEB_OIDC_GROUPS)"
    if missing:
        raise ConfigError(f"GLADOS_WEB_OIDC_ISSUER is set, so GLADOS_WEB_OIDC_{missing} is needed as well")
    if not web.public_url:
        raise ConfigError(
            "GLADOS_WEB_OIDC_ISSUER is set, so GLADOS_WEB_PUBLIC_URL is needed as well: "
            "the provider sends people back to it, and must know it"
        )
