"""Commands, buttons, shortcuts and forms: what slack_bolt is sent, and how often and how long it may answer."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.fakes.slack import Channel, FakeSlack, Person, RecordingApp, running
from tests.fakes.slack.tests.conftest import error_of


@pytest.fixture
async def app(fake: FakeSlack, ada: Person) -> AsyncIterator[RecordingApp]:
    """An app whose listeners a test adds while it runs."""
    assert ada.id in fake.world.users
    recording = RecordingApp(fake.settings)
    async with running(fake, recording):
        yield recording


def button(label: str, **more: object) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": label}, "action_id": label.lower(), **more}


def modal(**more: object) -> dict[str, Any]:
    option = {"text": {"type": "plain_text", "text": "Small"}, "value": "small"}
    return {
        "type": "modal",
        "callback_id": "settings",
        "title": {"type": "plain_text", "text": "Settings"},
        "submit": {"type": "plain_text", "text": "Save"},
        "private_metadata": "C1",
        "blocks": [
            {
                "type": "input",
                "block_id": "prompt",
                "label": {"type": "plain_text", "text": "Prompt"},
                "element": {"type": "plain_text_input", "action_id": "text", "initial_value": "Be kind"},
            },
            {
                "type": "input",
                "block_id": "model",
                "label": {"type": "plain_text", "text": "Model"},
                "element": {"type": "static_select", "action_id": "name", "options": [option]},
            },
        ],
        **more,
    }


async def test_a_command_is_answered_for_one_and_then_for_all(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    async def ask(ack: Any, respond: Any, command: dict[str, Any]) -> None:
        await ack(f"asking {command['text']}")
        await respond("for all", response_type="in_channel")

    app.command("/glados")(ask)
    interaction = await ada.run(channel, "/glados", f"ask {fake.bot.mention} 1 < 2 https://a.example")
    await fake.wait_for(lambda: len(interaction.messages) == 2)
    # The answer by the URL may overtake the acknowledgement.
    second, first = sorted(interaction.messages, key=lambda message: message.text, reverse=True)
    text = f"ask {fake.bot.mention} 1 &lt; 2 https://a.example"
    assert (first.text, first.visible_to) == (f"asking {text}", ada.id)
    assert (second.text, second.visible_to) == ("for all", None)
    assert app.seen("/glados")[0]["channel_name"] == "general"
    assert fake.ledger.failures == []
    fake.app.commands = {"/glados"}
    with pytest.raises(LookupError, match="No command '/other'"):
        await ada.run(channel, "/other")


async def test_whoever_clicks_sees_that_the_app_does_not_answer(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    silent = await ada.run(channel, "/glados")
    await fake.wait_for(lambda: app.bodies)
    fake.clock.advance(3.1)
    await fake.wait_for(lambda: silent.is_done)
    assert silent.error == "operation_timeout"
    fake.sockets.disable()
    await fake.wait_for(lambda: not fake.sockets.connections)
    nobody = await ada.run(channel, "/glados")
    await fake.wait_for(lambda: nobody.is_done)
    assert [(one.user_id, one.what, one.error) for one in fake.ledger.failures] == [
        (ada.id, "/glados", "operation_timeout"),
        (ada.id, "/glados", "dispatch_failed"),
    ]


async def test_a_button_changes_its_message(fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp) -> None:
    async def stop(ack: Any, respond: Any, action: dict[str, Any]) -> None:
        await ack()
        await respond(text=f"stopped {action['value']}", replace_original=True)

    app.action("stop")(stop)
    question = await ada.say(channel, "why?")
    buttons = [{"type": "actions", "elements": [button("Stop", value="job-1")]}]
    await app.client.chat_postMessage(channel=channel.id, text="Because", blocks=buttons, thread_ts=question.ts)
    (record,) = fake.answers()
    with pytest.raises(LookupError, match="No element 'Go'"):
        await ada.click(fake.message(record), "Go")
    await ada.click(fake.message(record), "Stop")
    await fake.wait_for(lambda: record.content == "stopped job-1")
    body = app.seen("block_actions")[0]
    assert (body["container"]["thread_ts"], body["message"]["ts"]) == (question.ts, record.ts)
    assert (body["user"]["id"], body["channel"]["id"]) == (ada.id, channel.id)


async def test_feedback_buttons_and_options(fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp) -> None:
    seen: list[object] = []

    async def remember(ack: Any, action: dict[str, Any]) -> None:
        await ack()
        seen.append(action.get("value") or action["selected_option"]["value"])

    app.action({"block_id": "b"})(remember)
    good, bad = ({"text": {"type": "plain_text", "text": text}, "value": text[0]} for text in ("Good", "Bad"))
    feedback = {"type": "feedback_buttons", "action_id": "f", "positive_button": good, "negative_button": bad}
    options = [{"text": {"type": "plain_text", "text": "Small"}, "value": "s"}]
    select = {"type": "static_select", "action_id": "model", "options": options}
    for block in (
        {"type": "context_actions", "block_id": "b", "elements": [feedback]},
        {"type": "actions", "block_id": "b", "elements": [select]},
    ):
        await app.client.chat_postMessage(channel=channel.id, text="x", blocks=[block])
    first, second = (fake.message(record) for record in fake.answers())
    await ada.click(first, "Bad")
    await ada.click(second, "model", "Small")
    await fake.wait_for(lambda: len(seen) == 2)
    assert seen == ["B", "s"]


async def test_a_response_url_works_five_times_in_half_an_hour(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    async def later(ack: Any) -> None:
        await ack()

    app.command("/glados")(later)
    url = (await ada.run(channel, "/glados")).response_url
    async with aiohttp.ClientSession() as session:
        for number in range(5):
            assert (await session.post(url, json={"text": str(number)})).status == 200
        sixth = await session.post(url, json={"text": "six"})
        assert (sixth.status, (await sixth.json())["error"]) == (404, "used_url")
        other = (await ada.run(channel, "/glados")).response_url
        fake.clock.advance(30 * 60 + 1)
        late = await session.post(other, json={"text": "late"})
        assert (await late.json())["error"] == "expired_url"
        unknown = await session.post(f"{url}x", json={"text": "?"})
        assert (await unknown.json())["error"] == "invalid_url"
    assert [record.content for record in fake.answers()] == ["0", "1", "2", "3", "4"]
    assert {record.visible_to for record in fake.answers()} == {ada.id}


async def test_a_message_shortcut_opens_a_form_that_is_checked_and_sent(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    async def ask(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    async def save(ack: Any, view: dict[str, Any]) -> None:
        text = view["state"]["values"]["prompt"]["text"]["value"]
        if text == "bad":
            await ack(response_action="errors", errors={"prompt": "not this"})
        else:
            saved.append((view["private_metadata"], view["state"]["values"]))
            await ack()

    saved: list[tuple[str, Any]] = []
    app.shortcut("ask")(ask)
    app.view("settings")(save)
    question = await ada.say(channel, "why?")
    interaction = await ada.shortcut(question, "ask")
    await fake.wait_for(lambda: interaction.view)
    assert app.seen("message_action")[0]["message"]["text"] == "why?"
    view = interaction.view
    assert view is not None
    refused = await ada.submit(view, {"prompt": "bad"})
    await fake.wait_for(lambda: refused.is_done)
    assert (view.errors, view.is_open) == ({"prompt": "not this"}, True)
    with pytest.raises(LookupError, match="No input"):
        await ada.submit(view, {"nonsense": "x"})
    await ada.submit(view, {"model": "small"})
    await fake.wait_for(lambda: saved)
    ((metadata, values),) = saved
    assert metadata == "C1"
    assert values["prompt"]["text"]["value"] == "Be kind"
    assert values["model"]["name"]["selected_option"]["value"] == "small"
    await fake.wait_for(lambda: not view.is_open)
    with pytest.raises(LookupError, match="closed"):
        await ada.submit(view)


async def test_a_trigger_works_once_within_three_seconds(
    fake: FakeSlack, channel: Channel, ada: Person, app: RecordingApp
) -> None:
    async def take(ack: Any) -> None:
        await ack()

    app.command("/glados")(take)
    late = await ada.run(channel, "/glados")
    fake.clock.advance(3.1)
    used = await ada.run(channel, "/glados")
    opened = await app.client.views_open(trigger_id=used.trigger_id, view=modal(external_id="one"))
    for trigger, error in [
        (late.trigger_id, "expired_trigger_id"),
        (used.trigger_id, "exchanged_trigger_id"),
        ("1.2.3", "invalid_trigger_id"),
    ]:
        with pytest.raises(SlackApiError) as refused:
            await app.client.views_open(trigger_id=trigger, view=modal())
        assert error_of(refused) == error
    changed = await app.client.views_update(view_id=opened["view"]["id"], view=modal(), hash=opened["view"]["hash"])
    with pytest.raises(SlackApiError) as conflict:
        await app.client.views_update(view_id=changed["view"]["id"], view=modal(), hash=opened["view"]["hash"])
    assert error_of(conflict) == "hash_conflict"
    again = await ada.run(channel, "/glados")
    with pytest.raises(SlackApiError) as twice:
        await app.client.views_open(trigger_id=again.trigger_id, view=modal(external_id="one"))
    assert error_of(twice) == "duplicate_external_id"
    await ada.close(fake.world.views[opened["view"]["id"]])
    with pytest.raises(SlackApiError) as closed:
        await app.client.views_update(view_id=opened["view"]["id"], view=modal())
    assert error_of(closed) == "not_found"


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ({"title": {"type": "plain_text", "text": "x" * 25}}, "invalid_arguments"),
        ({"submit": None}, "invalid_arguments"),
        ({"private_metadata": "x" * 3_001}, "invalid_arguments"),
        ({"blocks": [{"type": "context_actions", "elements": []}]}, "invalid_blocks"),
        ({"type": "home"}, "invalid_arguments"),
    ],
)
async def test_forms_have_limits(
    ada: Person, channel: Channel, app: RecordingApp, broken: dict[str, Any], error: str
) -> None:
    used = await ada.run(channel, "/glados")
    with pytest.raises(SlackApiError) as refused:
        await app.client.views_open(trigger_id=used.trigger_id, view=modal(**broken))
    assert error_of(refused) == error


async def test_the_home_is_published_and_pressed(fake: FakeSlack, ada: Person, app: RecordingApp) -> None:
    async def show(client: Any, event: dict[str, Any]) -> None:
        blocks = [{"type": "actions", "elements": [button("Forget")]}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    async def forget(ack: Any) -> None:
        await ack()

    app.event("app_home_opened")(show)
    app.action("forget")(forget)
    await ada.open_home()
    await fake.wait_for(lambda: fake.world.views)
    (home,) = fake.world.views.values()
    await ada.open_home()
    await fake.wait_for(lambda: len(fake.ledger.calls("views.publish")) == 2)
    assert list(fake.world.views.values()) == [home]
    assert app.seen("app_home_opened")[1]["view"]["id"] == home.id
    pressed = await ada.click(home, "Forget")
    await fake.wait_for(lambda: pressed.is_done)
    assert (pressed.error, pressed.response_url) == ("", "")
    assert app.seen("block_actions")[0]["view"]["type"] == "home"
