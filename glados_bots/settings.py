"""Settings: `GLADOS_*` variables, `.env` in the working folder, and `GLADOS_X_FILE` for secrets stored in files.

docs/settings.md describes every variable (a test compares them). A bad value stops the start with one line that names
the variable, the value (never that of a secret) and what is allowed. Adapters define their own settings the same way:
they subclass `GladosSettings` with a longer prefix.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from dotenv import dotenv_values
from pydantic import AfterValidator, AnyUrl, Field, SecretStr, UrlConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from glados_bots import env_file
from glados_bots.admins import check as check_admins
from glados_bots.errors import ConfigError
from glados_bots.retention import check as check_retention
from glados_bots.retention import parse as parse_retention
from glados_bots.store import embedded

USER_INFO = re.compile(r"//[^/?#@\s]*@")  # in a URL: it may hold a password
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0, le=10**12)]


def words(text: str) -> tuple[str, ...]:
    """The entries of a list setting, separated by commas or spaces."""
    return tuple(text.replace(",", " ").split())


def _check_language(tag: str) -> str:
    from glados_bots.wording import languages  # noqa: PLC0415 - the locales take longer to load than the command line

    if language := languages.known(tag):
        return language
    raise ValueError(f"it must be one of {', '.join(languages.NAMES)}")


def _check_redis_url(secret: SecretStr) -> SecretStr:
    """The URL is a secret because it may hold a password."""
    from glados_bots.store import urls  # noqa: PLC0415 - importing the client takes longer than rendering an answer

    urls.check(secret.get_secret_value())
    return secret


RedisUrl = Annotated[SecretStr, AfterValidator(_check_redis_url)]
HttpUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["http", "https"])]
S = TypeVar("S", bound="GladosSettings")


class SecretFileSource(PydanticBaseSettingsSource):
    """Reads variables such as `GLADOS_API_KEY_FILE`: the path of a file that holds the secret, as in containers."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Content of the file that `<VARIABLE>_FILE` names, or None. Raises ConfigError if it cannot be read."""
        variable = f"{self.config.get('env_prefix', '')}{field_name}".upper() + "_FILE"
        path = _written(str(self.config.get("env_file") or ""), variable)
        if not path or not _is_secret(field):
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{variable}={path}: cannot read this file ({error}); name a readable text file"
            ) from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class GladosSettings(BaseSettings):
    """Base of all settings classes. It defines where values come from, and in which order."""

    model_config = SettingsConfigDict(
        env_prefix="GLADOS_", env_file=env_file.NAME, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources in order: command line, environment, secret files, `.env`."""
        del file_secret_settings  # a folder of secrets; `*_FILE` variables do the same with fewer rules
        return init_settings, env_settings, SecretFileSource(settings_cls), dotenv_settings


class Settings(GladosSettings):
    """Settings that all roles share. inference/settings.py has those that only the service reads."""

    show_reasoning: bool = Field(default=False, description="Show the model's reasoning before its answer, as a quote")
    host: str = Field("127.0.0.1", min_length=1, description="Address that the web page and the service listen on")
    web_port: Port = Field(5950, description="Port of the web page")
    serve_port: Port = Field(5951, description="Port of the inference service")
    redis_url: RedisUrl | None = Field(None, description="URL of Redis or Valkey. Empty means the embedded Valkey")
    inference_url: HttpUrl | None = Field(
        None, description="OpenAI-compatible endpoint that ends in /v1. Empty means our own service"
    )
    inference_model: str = Field(
        "", max_length=500, description="Model to use at the endpoint. Empty means its first model that can chat"
    )
    inference_context: int | None = Field(
        None, ge=256, le=10_000_000, description="Context length in tokens, if the endpoint does not report it"
    )
    api_key: SecretStr | None = Field(None, description="Bearer key that the service requires and the adapters send")
    data_dir: Path = Field(Path("data"), description="Folder for the embedded database, converted weights and logs")
    conversation_ttl: int = Field(
        30 * 24 * 3600, ge=60, le=10 * 365 * 24 * 3600, description="Seconds that GLaDOS keeps an idle conversation"
    )
    retention: Annotated[str, AfterValidator(check_retention)] = Field(
        "", description="Retention per platform, such as `web=7d,discord=12h`. Others use GLADOS_CONVERSATION_TTL"
    )
    conversation_max_messages: int = Field(
        400, ge=2, le=100_000, description="Most messages kept per conversation. GLaDOS drops the oldest first"
    )
    message_max_chars: int = Field(32_000, ge=200, le=1_000_000, description="Longest accepted question, in characters")
    attachment_max_mb: int = Field(20, ge=0, le=500, description="Largest attached file in MB. 0 reads no files")
    attachments_max: int = Field(10, ge=0, le=50, description="Most files read per question")
    attachment_max_chars: int = Field(
        60_000, ge=1_000, le=1_000_000, description="Most characters of all files together that a question brings along"
    )
    language: Annotated[str, AfterValidator(_check_language)] = Field(
        "en", description="Language of the bot's own sentences where the reader's language is unknown"
    )
    system_prompt: str = Field(
        "You are a helpful AI assistant named GLaDOS.",
        max_length=8_000,
        description="First instruction in every conversation",
    )
    max_answer_tokens: int = Field(1_024, ge=16, le=131_072, description="Longest answer, in tokens")
    show_model: bool = Field(default=False, description="Name the model in small print under each answer")
    join_window: float = Field(
        1.5,
        ge=0,
        le=60,
        description="Seconds in which waiting messages of one person become one question. 0 means never",
    )
    conversation_max_queued: int = Field(
        10, ge=1, le=1_000, description="Most unanswered questions per conversation. GLaDOS politely refuses more"
    )
    lease: float = Field(15.0, ge=1, le=300, description="Seconds of silence after which another worker takes over")
    owner: str = Field(
        "",
        max_length=200,
        description="Name that one process holds at a time. The next holder takes over at once. `glados up` sets it",
    )
    limit_user_per_minute: Count = Field(0, description="Questions per person in any minute. 0 means no limit")
    limit_channel_per_minute: Count = Field(0, description="Questions per channel in any minute. 0 means no limit")
    limit_per_minute: Count = Field(
        0, description="Questions of everybody per platform in any minute. 0 means no limit"
    )
    limit_user_tokens_per_day: Count = Field(0, description="Tokens per person per day (UTC). 0 means no limit")
    limit_channel_tokens_per_day: Count = Field(0, description="Tokens per channel per day (UTC). 0 means no limit")
    limit_tokens_per_day: Count = Field(
        0, description="Tokens of everybody per platform per day (UTC). 0 means no limit"
    )
    admins: Annotated[str, AfterValidator(check_admins)] = Field(
        "", description="Who may see details and change settings: PLATFORM:ID, separated by commas"
    )
    metrics_port: Port | None = Field(
        None, description="Port where an adapter serves /metrics, /health and /ready. Empty means none"
    )
    grace: float = Field(20.0, ge=0, le=600, description="Seconds that running answers get to finish at shutdown")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much GLaDOS logs. Only `debug` may log texts of errors that quote a message"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="`text` for people, or `json` with one object per line"
    )
    otlp_endpoint: HttpUrl | None = Field(
        None, description="OpenTelemetry collector, such as http://localhost:4318. Empty means no traces"
    )

    @property
    def key(self) -> str | None:
        """`api_key` as plain text, to be sent."""
        return self.api_key.get_secret_value() if self.api_key else None

    def ttl_of(self, platform: str) -> int:
        """Seconds for which an idle conversation of a platform is stored."""
        return parse_retention(self.retention).get(platform, self.conversation_ttl)

    @property
    def resolved_redis_url(self) -> str:
        """URL of the Redis in use: the configured one, or the embedded one."""
        return self.redis_url.get_secret_value() if self.redis_url else embedded.url(self.data_dir)

    @property
    def resolved_inference_url(self) -> str:
        """The endpoint in use: the configured one, or our own service on this machine."""
        if self.inference_url:
            return str(self.inference_url).rstrip("/")
        return f"http://{self.connect_host}:{self.serve_port}/v1"

    @property
    def connect_host(self) -> str:
        """The address at which this machine reaches our own servers; an IPv6 address in brackets."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not listened on
        return f"[{host}]" if ":" in host else host


def load(settings_class: type[S], **overrides: Any) -> S:
    """Read the settings of one class. `overrides` are command-line values; None means not given.

    Raises:
        ConfigError: one line per bad value, which names variable, value (unless secret) and what is allowed; or the
            line of `.env` that cannot be read.
    """
    env_file.check(Path(str(settings_class.model_config.get("env_file"))))
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return settings_class(**given)
    except ValidationError as error:
        lines = [_explain(settings_class, dict(detail), given) for detail in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def variable_of(settings_class: type[GladosSettings], name: str) -> str:
    return f"{settings_class.model_config.get('env_prefix', '')}{name}".upper()


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


def _explain(settings_class: type[GladosSettings], detail: dict[str, Any], given: dict[str, Any]) -> str:
    name = str(detail["loc"][0]) if detail["loc"] else ""
    field = settings_class.model_fields.get(name)
    variable = variable_of(settings_class, name)
    reason = detail["msg"].removeprefix("Value error, ")  # pydantic writes this before what our validators say
    if field is None:
        return f"{variable}: {reason}"
    if _is_secret(field):
        return f"{variable}: this secret is not usable ({reason})"
    value = given.get(name) or _written(str(settings_class.model_config.get("env_file") or ""), variable)
    value = USER_INFO.sub("//", value or "")
    return f"{variable}={value}: {reason} ({field.description})"


def _written(path: str, variable: str) -> str | None:
    """The value as the user wrote it, in the environment or in `.env`."""
    return os.environ.get(variable) or dotenv_values(path or None).get(variable)


def settings_classes(base: type[GladosSettings] = GladosSettings) -> Iterator[type[GladosSettings]]:
    """All imported settings classes: the core's, the service's and the adapters'."""
    for each in base.__subclasses__():
        yield each
        yield from settings_classes(each)


def unknown_variables() -> list[str]:
    """`GLADOS_*` variables that no settings class knows: most likely misspelled."""
    names = {variable_of(cls, name) for cls in settings_classes() for name in cls.model_fields}
    written = {*os.environ, *dotenv_values(env_file.NAME)}
    return sorted(name for name in written if name.startswith("GLADOS_") and name.removesuffix("_FILE") not in names)
