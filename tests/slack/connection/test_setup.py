"""What an operator sets up: the manifest, the settings, and what doctor says of both."""

from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from cryptography.fernet import Fernet

from glados_bots.cli.up import roles
from glados_bots.commands import NAMES
from glados_bots.errors import ConfigError
from glados_bots.inference.settings import ServeSettings
from glados_bots.platforms import installed
from glados_bots.settings import load
from glados_slack import app_config, examine
from glados_slack.incoming.commands import SlashCommands
from glados_slack.settings import SlackSettings
from tests.fakes.slack import FakeSlack
from tests.slack.conftest import MANIFEST


@pytest.fixture
def manifest() -> dict[str, Any]:
    return dict(yaml.safe_load(MANIFEST.read_text(encoding="utf-8")))


def test_the_manifest_asks_for_what_the_code_uses_and_nothing_else(manifest: dict[str, Any]) -> None:
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == app_config.SCOPES
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == app_config.EVENTS
    assert [one["command"] for one in manifest["features"]["slash_commands"]] == [app_config.COMMAND]
    shortcuts = {one["callback_id"]: one["name"] for one in manifest["features"]["shortcuts"]}
    assert shortcuts == app_config.SHORTCUTS
    assert manifest["settings"]["interactivity"]["is_enabled"]


def test_the_manifest_keeps_slacks_limits(manifest: dict[str, Any]) -> None:
    about = manifest["display_information"]
    assert len(about["name"]) <= 35
    assert len(about["description"]) <= 140
    assert 174 <= len(about["long_description"]) <= 4000
    assert len(manifest["features"]["agent_view"]["agent_description"]) <= 300
    assert all(len(one["name"]) <= 35 for one in manifest["features"]["shortcuts"])
    hint = manifest["features"]["slash_commands"][0]["usage_hint"]
    assert len(hint) <= 1000


def test_the_hint_of_the_command_names_every_word(manifest: dict[str, Any]) -> None:
    hint = manifest["features"]["slash_commands"][0]["usage_hint"]
    works = SlashCommands(MagicMock(), MagicMock(), MagicMock())._works({"channel": "C1"}, "U1", "")
    words = {"ask", "forget", *works} - {""}
    assert words == set(NAMES)
    assert [word for word in words if word not in hint] == []


def test_the_platform_is_found_and_runs_only_when_its_tokens_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = installed()["slack"]
    assert not platform.configured()
    monkeypatch.setenv("GLADOS_SLACK_BOT_TOKEN", "xoxb-1")
    assert not platform.configured()
    monkeypatch.setenv("GLADOS_SLACK_APP_TOKEN", "xapp-1")
    assert platform.configured()
    monkeypatch.setenv("GLADOS_SLACK_MODE", "http")
    assert not platform.configured()
    monkeypatch.setenv("GLADOS_SLACK_SIGNING_SECRET", "s")
    assert platform.configured()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"CLIENT_ID": "1.2"}, "belong together"),
        ({"CLIENT_ID": "1.2", "CLIENT_SECRET": "s"}, "INSTALLATION_KEYS is needed"),
        ({"CLIENT_ID": "1.2", "CLIENT_SECRET": "s", "INSTALLATION_KEYS": "canary"}, "not a Fernet key"),
        ({"CLIENT_ID": "1.2", "CLIENT_SECRET": "s", "INSTALLATION_KEYS": Fernet.generate_key().decode()}, "PUBLIC_URL"),
        ({"ALLOWED_USERS": "@ada"}, "is no Slack id"),
        ({"MODE": "pigeon"}, "'socket' or 'http'"),
        ({"SOCKETS": "11"}, "less than or equal to 10"),
    ],
)
def test_settings_that_do_not_fit_are_one_line(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], says: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"GLADOS_SLACK_{name}", value)
    with pytest.raises(ConfigError) as wrong:
        load(SlackSettings)
    assert says in str(wrong.value)
    assert "canary" not in str(wrong.value)
    assert "\n" not in str(wrong.value)


async def test_doctor_checks_tokens_and_scopes(slack: FakeSlack) -> None:
    own = slack.settings
    settings = SlackSettings(bot_token=own.bot_token, app_token=own.app_token, api_base=own.api_base)
    assert [check.state for check in await examine._ask(settings)] == ["ok", "ok", "ok"]
    slack.team.installation.scopes -= {"files:read", "users:read"}
    found = await examine._ask(settings)
    assert [check.finding for check in found if check.state == "warn"] == [
        "files:read is missing, which is for reading attached files",
        "users:read is missing, which is for names and languages of people, and who is an admin",
    ]
    slack.team.installation.scopes -= {"chat:write"}
    found = await examine._ask(settings.model_copy(update={"app_token": type(settings.app_token)("xapp-wrong")}))  # type: ignore[misc]
    assert [(check.name, check.state) for check in found] == [
        ("slack bot token", "ok"),
        ("slack scopes", "fail"),
        ("slack app token", "fail"),
    ]
    slack.tokens.revoke(own.bot_token)
    assert (await examine._ask(settings))[0].finding == "Slack refuses it: token_revoked"


def test_doctor_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [check.state for check in examine.examine()] == ["ok"]
    monkeypatch.setenv("GLADOS_SLACK_BOT_TOKEN", "xoxb-1")
    assert [(check.state, check.finding) for check in examine.examine()] == [
        ("fail", "GLADOS_SLACK_APP_TOKEN is not set; the app will not run")
    ]
    monkeypatch.setenv("GLADOS_SLACK_APP_TOKEN", "xapp-1")
    monkeypatch.setenv("GLADOS_SLACK_API_BASE", "http://127.0.0.1:9/api/")
    assert [check.state for check in examine.examine()] == ["fail", "fail"]


def test_glados_up_starts_it_when_the_tokens_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ServeSettings(redis_url="redis://127.0.0.1:9/0", inference_url="http://127.0.0.1:9/v1")
    assert "slack" not in [role.name for role in roles(settings)]
    monkeypatch.setenv("GLADOS_SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("GLADOS_SLACK_APP_TOKEN", "xapp-1")
    assert "slack" in [role.name for role in roles(settings)]
