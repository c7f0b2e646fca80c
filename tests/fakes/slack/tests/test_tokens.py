"""Tokens and installations: what the real slack_sdk and slack_bolt are told when one is wrong, old, rotated or gone."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Installation as StoredInstallation
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import Channel, FakeSlack, Person, running
from tests.fakes.slack.tests.conftest import error_of


async def test_who_am_i(fake: FakeSlack, client: AsyncWebClient) -> None:
    told = await client.auth_test()
    assert (told["user_id"], told["team_id"], told["bot_id"]) == (fake.bot.id, fake.team.id, fake.bot.bot_id)
    assert set(told.headers["x-oauth-scopes"].split(",")) == fake.team.installation.scopes


async def test_wrong_tokens(fake: FakeSlack, channel: Channel, client: AsyncWebClient) -> None:
    fake.app.rotates_tokens = True
    rotating = fake.team.new_token()
    revoked = fake.team.new_token()
    fake.tokens.revoke(revoked)
    fake.clock.advance(12 * 3600 + 1)
    for token, error in [
        ("xoxb-wrong", "invalid_auth"),
        (fake.settings.app_token, "not_allowed_token_type"),
        (rotating, "token_expired"),
        (revoked, "token_revoked"),
    ]:
        with pytest.raises(SlackApiError) as refused:
            await client.chat_postMessage(token=token, channel=channel.id, text="hi")
        assert error_of(refused) == error
    async with aiohttp.ClientSession() as session, session.post(f"{fake.settings.api_base}auth.test") as response:
        assert (await response.json())["error"] == "not_authed"
    assert fake.answers() == []


async def test_a_missing_scope_is_named(fake: FakeSlack, channel: Channel, client: AsyncWebClient) -> None:
    fake.team.installation.scopes -= {"chat:write"}
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=channel.id, text="hi")
    assert error_of(refused) == "missing_scope"
    assert refused.value.response["needed"] == "chat:write"


async def test_uninstalling_is_told_and_kills_the_tokens(fake: FakeSlack, client: AsyncWebClient) -> None:
    bot = fake.bot
    async with running(fake) as app:
        fake.team.uninstall()
        await fake.wait_for(lambda: app.seen("app_uninstalled"))
        assert app.seen("tokens_revoked")[0]["tokens"] == {"bot": [bot.id]}
    with pytest.raises(SlackApiError) as gone:
        await client.auth_test()
    assert error_of(gone) == "account_inactive"
    code = fake.allow(fake.team, "http://localhost/done")
    told = await access(fake, client, code)
    assert told["bot_user_id"] == bot.id
    assert (await client.auth_test(token=told["access_token"]))["ok"]
    with pytest.raises(SlackApiError):
        await client.auth_test()


async def access(fake: FakeSlack, client: AsyncWebClient, code: str, **other: str) -> dict[str, Any]:
    """The answer of oauth.v2.access."""
    secret = other.pop("client_secret", fake.settings.client_secret)
    redirect = other.pop("redirect_uri", "http://localhost/done")
    told = await client.oauth_v2_access(
        client_id=fake.settings.client_id, client_secret=secret, code=code, redirect_uri=redirect
    )
    assert isinstance(told.data, dict)
    return told.data


async def test_a_code_works_once_for_its_address(fake: FakeSlack, client: AsyncWebClient) -> None:
    other = fake.add_team("Black Mesa")
    for wrong, error in [
        ({"client_secret": "wrong"}, "bad_client_secret"),
        ({"redirect_uri": "http://localhost/else"}, "bad_redirect_uri"),
    ]:
        with pytest.raises(SlackApiError) as refused:
            await access(fake, client, fake.allow(other, "http://localhost/done"), **wrong)
        assert error_of(refused) == error
    code = fake.allow(other, "http://localhost/done")
    told = await access(fake, client, code)
    assert told["team"] == {"id": other.id, "name": "Black Mesa"}
    assert (await client.auth_test(token=told["access_token"]))["team_id"] == other.id
    with pytest.raises(SlackApiError) as again:
        await access(fake, client, code)
    assert error_of(again) == "invalid_code"
    late = fake.allow(other, "http://localhost/done")
    fake.clock.advance(601)
    with pytest.raises(SlackApiError):
        await access(fake, client, late)


async def test_the_page_of_slack_sends_the_browser_back(fake: FakeSlack, client: AsyncWebClient) -> None:
    asked = {"client_id": fake.settings.client_id, "scope": "chat:write", "state": "s1"}
    asked |= {"redirect_uri": "http://localhost/done", "team": fake.team.id}
    url = fake.settings.api_base.replace("/api/", "/oauth/v2/authorize")
    async with aiohttp.ClientSession() as session, session.get(url, params=asked, allow_redirects=False) as page:
        where = page.headers["Location"]
    code = where.partition("code=")[2].partition("&")[0]
    assert where.endswith("&state=s1")
    assert (await access(fake, client, code))["scope"] == "chat:write"


async def test_the_sdk_rotates_a_token_once(fake: FakeSlack, client: AsyncWebClient) -> None:
    fake.app.rotates_tokens = True
    first = await access(fake, client, fake.allow(fake.team, "http://localhost/done"))
    stored = StoredInstallation(
        team_id=fake.team.id,
        user_id="U1",
        bot_token=first["access_token"],
        bot_refresh_token=first["refresh_token"],
        bot_token_expires_in=int(first["expires_in"]),
    )
    own = {"client_id": fake.settings.client_id, "client_secret": fake.settings.client_secret}
    rotator = AsyncTokenRotator(**own, client=client)
    renewed = await rotator.perform_token_rotation(installation=stored, minutes_before_expiration=13 * 60)
    assert renewed is not None
    assert renewed.bot_token is not None
    assert renewed.bot_token != first["access_token"]
    assert (await client.auth_test(token=renewed.bot_token))["ok"]
    assert (await client.auth_test(token=first["access_token"]))["ok"]
    with pytest.raises(SlackApiError) as used:
        await client.oauth_v2_access(
            client_id=fake.settings.client_id,
            client_secret=fake.settings.client_secret,
            grant_type="refresh_token",
            refresh_token=first["refresh_token"],
        )
    assert error_of(used) == "invalid_refresh_token"
    assert fake.tokens.refreshes == 1


async def test_a_token_without_end_is_exchanged(fake: FakeSlack, client: AsyncWebClient) -> None:
    asked = {"client_id": fake.settings.client_id, "client_secret": fake.settings.client_secret}
    asked |= {"token": fake.settings.bot_token}
    for rotates, error in [(False, "token_rotation_not_enabled"), (True, ""), (True, "token_already_exchanged")]:
        fake.app.rotates_tokens = rotates
        if error:
            with pytest.raises(SlackApiError) as refused:
                await client.oauth_v2_exchange(**asked)
            assert error_of(refused) == error
        else:
            told = await client.oauth_v2_exchange(**asked)
            assert told["expires_in"] == 12 * 3600


async def test_configuration_tokens_rotate(fake: FakeSlack, client: AsyncWebClient) -> None:
    refresh = fake.tokens.add_tooling()
    told = await client.tooling_tokens_rotate(refresh_token=refresh)
    assert told["exp"] - told["iat"] == 12 * 3600
    with pytest.raises(SlackApiError) as used:
        await client.tooling_tokens_rotate(refresh_token=refresh)
    assert error_of(used) == "invalid_refresh_token"


async def test_an_organisation_installs_once_for_all_its_workspaces(fake: FakeSlack) -> None:
    north = fake.add_team("North", enterprise_id="E1")
    south = fake.add_team("South", enterprise_id="E1")
    bot = north.install(org=True).bot
    place = south.add_channel("lobby")
    caroline = south.add_user("caroline")
    assert bot.id in place.members
    async with running(fake) as app:
        await caroline.say(place, f"{bot.mention} hello")
        await fake.wait_for(lambda: app.seen("app_mention"))
        body = app.bodies[-1]
    assert (body["team_id"], body["enterprise_id"]) == (south.id, "E1")
    assert body["authorizations"][0]["is_enterprise_install"] is True
    assert body["authorizations"][0]["team_id"] is None


async def test_a_manifest_says_what_the_app_may_do(ada: Person) -> None:
    assert ada.name == "ada"
    manifest = {
        "features": {
            "bot_user": {"display_name": "Wheatley"},
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": False},
            "agent_view": {"agent_description": "x"},
            "slash_commands": [{"command": "/glados"}],
            "shortcuts": [{"type": "message", "callback_id": "ask"}, {"type": "global", "callback_id": "new"}],
        },
        "oauth_config": {"scopes": {"bot": ["chat:write"]}},
        "settings": {"event_subscriptions": {"bot_events": ["app_mention"]}, "socket_mode_enabled": True},
    }
    strict = FakeSlack(manifest=manifest)
    assert strict.bot.name == "Wheatley"
    assert strict.team.installation.scopes == {"chat:write"}
    assert (strict.app.agent, strict.app.commands, strict.app.shortcuts) == ("agent", {"/glados"}, {"ask"})
    assert not strict.app.messages_tab
