"""The settings of the Discord adapter: `GLADOS_DISCORD_*`. Commas or spaces separate the ids of a list."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AnyUrl, Field, SecretStr, UrlConstraints, model_validator
from pydantic_settings import SettingsConfigDict

from glados_bots.settings import GladosSettings, HttpUrl, words

WebSocketUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["ws", "wss"])]
ArchiveMinutes = Literal[60, 1440, 4320, 10080]


def ids(text: str) -> frozenset[int]:
    """The ids in a list of Discord ids."""
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
    """The settings of `glados discord`, beside those of every role. docs/settings.md has a table."""

    model_config = SettingsConfigDict(env_prefix="GLADOS_DISCORD_")

    token: SecretStr | None = Field(None, description="Token of the bot. Without it the adapter does not run")
    api_base: HttpUrl | None = Field(
        None, description="Discord's REST API, for proxies and tests. Empty means the real one"
    )
    gateway_url: WebSocketUrl | None = Field(
        None, description="Discord's gateway, for proxies and tests. Empty means the real one"
    )
    cdn_hosts: str = Field(
        "cdn.discordapp.com media.discordapp.net", description="Hosts that attached files may come from"
    )
    answer_in: Literal["thread", "reply", "channel"] = Field(
        "thread", description="Where to answer a mention: in a new `thread`, as a `reply`, in the `channel`"
    )
    follow: Literal["joined", "own", "none"] = Field(
        "joined", description="Threads that need no mention: all `joined` ones, its `own` ones, or `none`"
    )
    message_content: bool = Field(
        default=True, description="Request the Message Content intent. Without it, mentions and DMs only"
    )
    dms: Literal["everyone", "allowed", "nobody"] = Field(
        "everyone", description="Who may write to the bot directly. `allowed` means GLADOS_DISCORD_ALLOWED_USERS"
    )
    allowed_guilds: Ids = Field(
        "", description="Answer only in these servers. Empty means every server that invited the bot"
    )
    denied_guilds: Ids = Field("", description="Never answer in these servers")
    allowed_channels: Ids = Field("", description="Answer only in these channels or categories. Empty means all")
    denied_channels: Ids = Field("", description="Never answer in these channels or categories")
    allowed_roles: Ids = Field("", description="Answer only people with one of these roles. Empty means all")
    denied_roles: Ids = Field("", description="Never answer people with one of these roles")
    allowed_users: Ids = Field("", description="Answer only these people. They need no allowed role. Empty means all")
    denied_users: Ids = Field("", description="Never answer these people")
    commands: Annotated[str, AfterValidator(_check_commands)] = Field(
        "global", description="Where the bot offers slash commands: `global`, `off`, or ids of servers"
    )
    thread_archive_minutes: ArchiveMinutes = Field(
        1440, description="Idle minutes after which Discord archives the bot's threads"
    )
    catch_up_minutes: int = Field(
        15, ge=0, le=1440, description="Minutes of missed messages that the bot answers after a gap. 0 means none"
    )
    catch_up_messages: int = Field(500, ge=1, le=10_000, description="Most messages that the bot checks after a gap")
    limit_guild_per_minute: int = Field(0, ge=0, description="Questions per server in any minute. 0 means no limit")
    purge_on_leave: bool = Field(default=False, description="Forget a server's conversations when it removes the bot")
    shards: int = Field(0, ge=0, le=10_000, description="Gateway shards in total. 0 means one, without sharding")
    shard_ids: Ids = Field("", description="Shards of this process. Empty means all")

    @model_validator(mode="after")
    def _shards_exist(self) -> "DiscordSettings":
        if any(number >= self.shards for number in ids(self.shard_ids)):
            raise ValueError("GLADOS_DISCORD_SHARD_IDS must be below GLADOS_DISCORD_SHARDS")
        return self
