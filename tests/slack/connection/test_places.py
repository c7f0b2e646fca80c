"""Places where nobody can be answered, dead and changing tokens, other organisations."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
import pytest
from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator

from glados_bots.conversation import Turn
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_bots.store.store import Store
from glados_bots.surface import PlaceGoneError
from glados_bots.wording.sentence import say
from glados_slack.answers.refusals import Refusals, why_closed
from glados_slack.connection.calls import Calls, RefusedError
from glados_slack.connection.http import INSTALL_PATH
from glados_slack.connection.installation_store import Installations
from glados_slack.connection.installs import web_client
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.fakes.slack.teams import Workspace
from tests.servers import free_port
from tests.slack.conftest import Adapter, answered, kept
from tests.waiting import LONGEST_S, until

KEY = Fernet.generate_key().decode()


@pytest.mark.parametrize("error", ["not_in_channel", "is_archived", "restricted_action_read_only_channel", "gone"])
async def test_who_cannot_be_answered_in_a_place_is_told_why_once_and_nothing_stays_behind(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, *, error: str
) -> None:
    model.gate.clear()
    model.pieces = ["Hello"]
    async with adapter():
        await ada.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(model.reached.is_set)
        match error:
            case "not_in_channel":
                channel.members.remove(slack.bot.id)
            case "is_archived":
                channel.is_archived = True
            case "gone":
                del slack.world.channels[channel.id]
            case refusal:
                channel.refuses = refusal
        model.gate.set()
        await slack.wait_for(lambda: slack.answers(ada.direct), what="to tell ada")
        reason = why_closed("channel_not_found" if error == "gone" else error)
        assert slack.answers(ada.direct)[0].content == str(say("could-not-answer-you", reason=reason))
        calls = len(slack.ledger.calls("chat.postMessage"))
        later = await ada.dm("still there?")
        await answered(slack, later)
    assert calls <= 2, "what is refused for good is not tried again"
    assert len(slack.answers(ada.direct)) == 2


async def test_a_revoked_token_ends_the_work_for_that_workspace_only(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel, client: Client
) -> None:
    async with many(slack, adapter) as (black_mesa, bob):
        other = black_mesa.add_channel("lab")
        model.gate.clear()
        await bob.say(other, f"{black_mesa.bot.mention} hi")
        await slack.wait_for(model.reached.is_set)
        black_mesa.installation.is_live = False
        model.gate.set()
        question = await ada.dm("hi")
        await answered(slack, question)
        await slack.wait_for(lambda: any(call.error == "account_inactive" for call in slack.ledger.refused))
        await kept(client, 2)
        calls = len(slack.ledger.requests)
        question = await ada.dm("hi again")
        await answered(slack, question)
    refused = [call for call in slack.ledger.requests[calls:] if call.error]
    assert not refused, "nothing more is tried with the dead token"


async def test_of_two_processes_one_refreshes_a_token_and_the_other_reads_it(slack: FakeSlack, client: Client) -> None:
    slack.app.rotates_tokens = True
    api = web_client(None, slack.settings.api_base, None)
    rotator = AsyncTokenRotator(client_id=slack.app.client_id, client_secret=slack.app.client_secret, client=api)
    store = Store(client, "slack", ttl=60, max_exchanges=10)
    one, two = (Installations(store, [Fernet(KEY)], rotator) for _ in range(2))
    await one.async_save(await _installed(slack, api))
    before = await two.find("", slack.team.id)
    assert before is not None
    slack.faults.add(method="oauth.v2.access", delay_s=0.3)
    await _make_old(one)
    two._known.clear()
    found = await asyncio.gather(*(each.find("", slack.team.id) for each in (one, two, one, two)))
    assert slack.tokens.refreshes == 1
    assert len({install.token for install in found if install}) == 1
    assert before.token not in {install.token for install in found if install}
    stored = await client.get("glados:{slack}:install:-:" + slack.team.id)
    assert stored is not None
    assert before.token not in stored
    assert "xoxe" not in stored


async def test_a_lock_that_ran_out_is_left_to_its_new_holder(slack: FakeSlack, client: Client) -> None:
    slack.app.rotates_tokens = True
    api = web_client(None, slack.settings.api_base, None)
    rotator = AsyncTokenRotator(client_id=slack.app.client_id, client_secret=slack.app.client_secret, client=api)
    slow = Installations(Store(client, "slack", ttl=60, max_exchanges=10), [Fernet(KEY)], rotator)
    await slow.async_save(await _installed(slack, api))
    await _make_old(slow)
    refresh = slack.faults.add(method="oauth.v2.access", delay_s=LONGEST_S)
    finding = asyncio.create_task(slow.find("", slack.team.id))
    lock = f"glados:{{slack}}:refreshing:-:{slack.team.id}"
    await slack.wait_for(lambda: refresh.hits)
    assert await client.exists(lock)
    await client.set(lock, "somebody else", ex=30)
    slack.clock.advance(LONGEST_S)
    assert await finding
    assert await client.get(lock) == "somebody else"


async def _installed(slack: FakeSlack, api: Any) -> Any:
    told = await api.oauth_v2_access(
        client_id=slack.app.client_id, client_secret=slack.app.client_secret, code=slack.allow(slack.team)
    )
    return Installation(
        team_id=told["team"]["id"],
        bot_token=told["access_token"],
        bot_user_id=told["bot_user_id"],
        bot_refresh_token=told["refresh_token"],
        bot_token_expires_in=told["expires_in"],
        user_id="U1",
    )


async def _make_old(installations: Installations) -> None:
    """Ten hours and a bit go by: the token works still, and is to be refreshed."""
    (key,) = installations._known
    found = await installations._load(key)
    assert found is not None
    assert found.bot_token_expires_at is not None
    found.bot_token_expires_at -= 12 * 3600 - 10
    await installations.async_save(found)
    installations._known.clear()


async def test_people_of_other_organisations_are_refused_or_answered_as_the_operator_says(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    stranger = slack.add_team("Black Mesa").add_user("gordon")
    slack.team.share(channel, stranger)
    async with adapter():
        await stranger.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: any(one.visible_to == stranger.id for one in slack.answers(channel)))
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, question)
    assert len(model.prompts) == 1
    model.pieces = [f"word{number} " for number in range(30)]
    model.pause_s = 0.02
    async with adapter(external_users=True):
        question = await stranger.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, question)
        started = slack.ledger.calls("chat.startStream")[-1].args
        assert (started["recipient_user_id"], started["recipient_team_id"]) == (stranger.id, stranger.team.id)
        slack.faults.add(method="chat.startStream", error="team_access_not_granted")
        question = await stranger.say(channel, f"{slack.bot.mention} once more")
        (answer,) = await answered(slack, question)
    assert answer.content == "".join(model.pieces).strip()


async def test_an_organisations_installation_serves_its_workspaces_and_names_them_in_every_call(
    slack: FakeSlack, adapter: Adapter, ada: Person, settings: Settings
) -> None:
    assert ada.team is slack.team
    team = slack.add_team("Aperture West", enterprise_id="E1")
    team.install(org=True)
    channel = team.add_channel("west")
    cave = team.add_user("cave")
    async with adapter(bot_token=team.new_token()):
        question = await cave.say(channel, f"{team.bot.mention} hi")
        await slack.wait_for(lambda: slack.ledger.by(team.bot, channel.id))
        await slack.wait_for(lambda: not slack.ledger.unfinished)
    assert settings.redis_url is not None
    (answer,) = slack.ledger.by(team.bot, channel.id)
    assert answer.thread_ts == question.ts
    chat = [call for call in slack.ledger.requests if call.method.startswith("chat.")]
    assert {call.args["team_id"] for call in chat} == {team.id}


async def test_many_workspaces_install_by_oauth_and_remove_the_app(
    slack: FakeSlack, adapter: Adapter, model: ScriptedModel, client: Client, *, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with many(slack, adapter) as (black_mesa, bob):
        question = await bob.dm("hi")
        await slack.wait_for(lambda: len(model.prompts) == 1)
        await slack.wait_for(lambda: slack.ledger.by(black_mesa.bot, bob.direct.id, question.ts))
        await slack.wait_for(lambda: not slack.ledger.unfinished)
        names = [key async for key in client.scan_iter("glados:{slack}:install:*")]
        assert len(names) == 2
        assert "xoxb" not in str(await client.mget(names))
        assert not [line for line in caplog.messages if "xoxb-T" in line]
        black_mesa.uninstall()
        await slack.settled()
        assert len([key async for key in client.scan_iter("glados:{slack}:install:*")]) == 1


@asynccontextmanager
async def many(slack: FakeSlack, adapter: Adapter) -> AsyncIterator[tuple[Workspace, Person]]:
    """The adapter with OAuth, installed in two workspaces by a browser; yields the second one and a person there."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    oauth = {"bot_token": None, "client_id": slack.settings.client_id, "client_secret": slack.settings.client_secret}
    async with adapter(**oauth, installation_keys=KEY, http_port=port, public_url=url):
        other = slack.add_team("Black Mesa")
        for team in (slack.team, other):
            await install_by_browser(url, team.id)
        yield other, other.add_user("bob")


async def install_by_browser(url: str, team: str) -> str:
    """Go to our page, press the button, allow it on Slack's page, and come back; returns the last page."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(url + INSTALL_PATH, params={"team": team}) as page:
            html = await page.text()
            cookie = page.headers["Set-Cookie"].partition(";")[0]
        link = re.findall(r'href="(http[^"]+authorize[^"]+)"', html)[0].replace("&amp;", "&")
        async with browser.get(link, allow_redirects=False) as allowed:
            back = allowed.headers["Location"]
        async with browser.get(back, headers={"Cookie": cookie}) as end:
            assert end.status == 200, await end.text()
            return await end.text()


async def test_installations_move_to_the_newest_key_and_an_unknown_key_opens_nothing(
    slack: FakeSlack, client: Client
) -> None:
    api = web_client(None, slack.settings.api_base, None)
    rotator = AsyncTokenRotator(client_id="1", client_secret="s", client=api)
    store = Store(client, "slack", ttl=60, max_exchanges=10)
    old, new = Fernet(KEY), Fernet(Fernet.generate_key())
    slack.app.rotates_tokens = True
    await Installations(store, [old], rotator).async_save(await _installed(slack, api))
    assert await Installations(store, [new], rotator).find("", slack.team.id) is None
    assert await Installations(store, [new, old], rotator).find("", slack.team.id)
    assert await Installations(store, [new], rotator).find("", slack.team.id)


async def test_two_refused_calls_of_one_turn_tell_its_asker_once() -> None:
    said: list[str] = []

    class Quiet:
        async def wait(self, *_: object) -> None:
            """There is room."""

        async def __call__(self, _: object, method: str, **_args: Any) -> Any:
            raise RefusedError(method, "ratelimited")

        async def quietly(self, _: object, method: str, **args: str) -> bool:
            said.append(f"{method} {args['text']}")
            return True

    refusals = Refusals(cast("Calls", Quiet()))
    place = {"team": "T1", "channel": "C1", "kind": "channel", "thread": "1.0", "ts": "1.0"}
    for turn in ("one", "one", "two"):
        with pytest.raises(PlaceGoneError), refusals.sorted_out(Turn(turn, "c", "U1", "hi", place=place)):
            raise RefusedError("chat.postMessage", "is_archived")
    await until(lambda: len(said) == 2)
    assert said == [f"chat.postEphemeral {say('could-not-answer-you', reason=say('slack-archived'))}"] * 2
