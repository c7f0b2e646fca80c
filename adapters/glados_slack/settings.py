"""Settings of the Slack adapter: `GLADOS_SLACK_*`, read like all others; docs/slack.md says where to find each."""

import re
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from glados_bots.settings import GladosSettings, HttpUrl, Port, words

if TYPE_CHECKING:  # the library comes with the extra `slack`, and these settings are read without it
    from cryptography.fernet import Fernet

MAKE_KEY = "make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


def ids(text: str) -> frozenset[str]:
    return frozenset(words(text))


def _check_ids(text: str) -> str:
    wrong = [one for one in ids(text) if not re.fullmatch(r"[A-Z][A-Z0-9]{2,}", one)]
    if wrong:
        raise ValueError(f"{min(wrong)!r} is no Slack id: open the profile or the channel's details, Copy ID")
    return text


Ids = Annotated[str, AfterValidator(_check_ids)]


class SlackSettings(GladosSettings):
    """What the Slack adapter needs beside the settings of every role."""

    model_config = SettingsConfigDict(env_prefix="GLADOS_SLACK_")

    bot_token: SecretStr | None = Field(None, description="`xoxb-` token of the one workspace. Empty with OAuth")
    app_token: SecretStr | None = Field(None, description="`xapp-` token, for Socket Mode")
    signing_secret: SecretStr | None = Field(None, description="Signing secret, for HTTP mode")
    mode: Literal["socket", "http"] = Field("socket", description="How events arrive: `socket` needs no public address")
    sockets: int = Field(2, ge=1, le=10, description="Socket Mode connections of this process. Slack allows 10 per app")
    api_base: HttpUrl = Field(HttpUrl("https://slack.com/api/"), description="Slack's Web API")
    http_host: str = Field("127.0.0.1", min_length=1, description="Address that HTTP mode and OAuth listen on")
    http_port: Port = Field(5952, description="Port that HTTP mode and OAuth listen on")
    public_url: HttpUrl | None = Field(None, description="Public address of GLADOS_SLACK_HTTP_PORT, for OAuth")
    client_id: str | None = Field(None, description="Client id, for installation in many workspaces by OAuth")
    client_secret: SecretStr | None = Field(None, description="Client secret, for OAuth")
    installation_keys: SecretStr | None = Field(
        None, description="Fernet keys that encrypt installations in Redis, newest first"
    )
    streaming: bool = Field(default=True, description="Stream answers with Slack's streaming API")
    external_users: bool = Field(default=False, description="Answer people of other organisations in Slack Connect")
    allowed_users: Ids = Field("", description="Answer only these people. Empty means all")
    denied_users: Ids = Field("", description="Never answer these people")
    allowed_channels: Ids = Field(
        "", description="Answer only in these channels and in direct messages. Empty means all"
    )
    denied_channels: Ids = Field("", description="Never answer in these channels")
    catch_up_minutes: int = Field(
        60, ge=0, le=1440, description="Minutes of missed messages that the bot answers after a gap. 0 means none"
    )
    thread_context: int = Field(
        20, ge=0, le=100, description="Earlier messages read at the first mention in a thread. 0 means none"
    )

    @property
    def is_configured(self) -> bool:
        installed = self.bot_token or (self.client_id and self.client_secret)
        return bool(installed and (self.app_token if self.mode == "socket" else self.signing_secret))

    @property
    def uses_oauth(self) -> bool:
        return bool(self.client_id and self.client_secret and not self.bot_token)

    @property
    def keys(self) -> "list[Fernet]":
        """The keys of installations, newest first."""
        from cryptography.fernet import Fernet  # noqa: PLC0415 - see above

        given = self.installation_keys.get_secret_value() if self.installation_keys else ""
        return [Fernet(key) for key in words(given)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.client_id or self.client_secret) and not (self.client_id and self.client_secret):
            raise ValueError("GLADOS_SLACK_CLIENT_ID and GLADOS_SLACK_CLIENT_SECRET belong together: set both")
        try:
            keys = self.keys if self.installation_keys else []
        except ValueError:
            raise ValueError(f"GLADOS_SLACK_INSTALLATION_KEYS: not a Fernet key; {MAKE_KEY}") from None
        if self.uses_oauth and not keys:
            raise ValueError(f"GLADOS_SLACK_INSTALLATION_KEYS is needed with OAuth; {MAKE_KEY}")
        if self.uses_oauth and not self.public_url:
            raise ValueError("GLADOS_SLACK_PUBLIC_URL is needed with OAuth: where Slack sends browsers back to")
        return self
