"""Settings of the Discord adapter: `GLADOS_DISCORD_*`. Lists of ids are written with commas or spaces between them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AnyUrl, Field, SecretStr, UrlConstraints, model_validator
from pydantic_settings import SettingsConfigDict

from glados_bots.settings import GladosSettings, HttpUrl, words

WebSocketUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["ws", "wss"])]
ArchiveMinutes = Literal[60, 1440, 4320, 10080]


def ids(text: str) -> frozenset[int]:
    """The entries of a list of Discord ids."""
    return frozenset(int(word) for word in words(text))


def _check_ids(text: str) -> str:
    wrong = [word for word in words(text) if not word.isdecimal()]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no Discord id: switch on developer mode, right-click, Copy ID")
    return text


def _check_commands(text: str) -> str:
    return text if text in {"global", "off"} else _check_ids(text)


Ids = Annotated[str, AfterValidator(_check_ids)]


class DiscordSettings(GladosSettings):
    """What `glados discord` needs beside the settings of every role. See docs/settings.md for a table."""

    model_config = SettingsConfigDict(env_prefix="GLADOS_DISCORD_")

    token: SecretStr | None = Field(None, description="The bot's token; without it the adapter does not run")
    api_base: HttpUrl | None = Field(None, description="Discord's REST API, for proxies and tests; empty: the real one")
    gateway_url: WebSocketUrl | None = Field(None, description="Discord's gateway, for proxies and tests")
    cdn_hosts: str = Field("cdn.discordapp.com media.discordapp.net", description="Hosts attachments may be read from")
    answer_in: Literal["thread", "reply", "channel"] = Field(
        "thread", description="A mention in a channel is answered in a new thread, as a reply, or in the channel"
    )
    follow: Literal["joined", "own", "none"] = Field(
        "joined", description="Threads where no mention is needed: all it is a member of, those it opened, none"
    )
    message_content: bool = Field(
        default=True, description="Ask for the Message Content intent; without it every message needs a mention"
    )
    dms: Literal["everyone", "allowed", "nobody"] = Field(
        "everyone", description="Who may write directly; `allowed` means GLADOS_DISCORD_ALLOWED_USERS"
    )
    allowed_guilds: Ids = Field("", description="Only these servers; empty: wherever it was invited")
    denied_guilds: Ids = Field("", description="Never these servers")
    allowed_channels: Ids = Field("", description="Only these channels or categories")
    denied_channels: Ids = Field("", description="Never these channels or categories")
    allowed_roles: Ids = Field("", description="Only people with one of these roles")
    denied_roles: Ids = Field("", description="Nobody with one of these roles")
    allowed_users: Ids = Field("", description="Only these people; they need no allowed role")
    denied_users: Ids = Field("", description="Never these people")
    commands: Annotated[str, AfterValidator(_check_commands)] = Field(
        "global", description="Where slash commands are offered: `global`, `off`, or ids of servers"
    )
    thread_archive_minutes: ArchiveMinutes = Field(
        1440, description="Idle minutes after which its threads are archived"
    )
    attachments: int = Field(4, ge=0, le=10, description="Text files read of one message; 0 reads none")
    attachment_kb: int = Field(1024, ge=1, le=51_200, description="Most read of a text file, in KiB")
    catch_up_minutes: int = Field(15, ge=0, le=1440, description="Missed messages answered after a gap; 0: none")
    catch_up_messages: int = Field(500, ge=1, le=10_000, description="Messages looked at after a gap, at most")
    limit_guild_per_minute: int = Field(0, ge=0, description="Questions of one server in a minute; 0: no limit")
    purge_on_leave: bool = Field(default=False, description="Forget a server's conversations when the bot is removed")
    shards: int = Field(0, ge=0, le=10_000, description="Gateway shards in all; 0: one, without sharding")
    shard_ids: Ids = Field("", description="Shards of this process; empty: all of them")

    @model_validator(mode="after")
    def _shards_exist(self) -> "DiscordSettings":
        if any(number >= self.shards for number in ids(self.shard_ids)):
            raise ValueError("GLADOS_DISCORD_SHARD_IDS must be below GLADOS_DISCORD_SHARDS")
        return self
