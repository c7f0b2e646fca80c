"""The fake as a tool: a developer chats with a bot from the terminal."""

from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from tests.fakes.common.screen import Program, Shown
from tests.fakes.slack import ConnectSettings, FakeSlack, RecordingApp, connected, running
from tests.fakes.slack.terminal import Terminal
from tests.fakes.slack.viewer import Viewer


def bot(settings: ConnectSettings) -> RecordingApp:
    """Answers a mention with a stream and a button, and knows one command."""
    app = RecordingApp(settings)

    async def answer(say_stream: Any, set_status: Any) -> None:
        await set_status("is thinking…")
        stream = await say_stream(buffer_size=1)
        await stream.append(markdown_text="Hel")
        label = {"type": "plain_text", "text": "Again"}
        button = {"type": "button", "text": label, "action_id": "again"}
        await stream.stop(markdown_text="lo.", blocks=[{"type": "actions", "elements": [button]}])

    async def add(ack: Any, command: dict[str, Any], client: Any) -> None:
        await ack(str(sum(map(int, command["text"].split()))))
        title = {"type": "plain_text", "text": "Sum"}
        line = {"type": "plain_text_input", "action_id": "first"}
        field = {"type": "input", "block_id": "first", "label": title, "element": line}
        view = {"type": "modal", "callback_id": "sum", "title": title, "submit": title, "blocks": [field]}
        await client.views_open(trigger_id=command["trigger_id"], view=view)

    async def done(ack: Any) -> None:
        await ack()

    app.event("app_mention")(answer)
    app.command("/add")(add)
    app.action("again")(done)
    app.view("sum")(done)
    app.listen()
    return app


async def test_a_conversation(fake: FakeSlack) -> None:
    shown = Shown()
    general = fake.add_channel("general")
    terminal = Terminal(fake, fake.add_user("ada"), general, shown.append)
    viewer = Viewer(fake, shown.append)
    fake.ledger.listeners += [viewer.refresh, terminal.follow]
    async with running(fake, bot(fake.settings)) as app:
        await terminal.carry_out("@glados hello")
        await fake.wait_for(lambda: "GLaDOS …lo." in shown)
        assert "[general] ada: @GLaDOS hello" in shown
        assert "[general] GLaDOS is thinking…" in shown
        assert "    [Again]" in shown
        assert terminal.thread is not None
        await terminal.carry_out(".press Again")
        await fake.wait_for(lambda: app.seen("block_actions"))
        await terminal.carry_out("/add 1 2")
        await fake.wait_for(lambda: "GLaDOS (only you see this): 3" in shown and "(a form: Sum)" in shown)
        await terminal.carry_out(".submit first=4")
        await fake.wait_for(lambda: app.seen("view_submission"))
        await terminal.carry_out(".fail chat.startStream internal_error")
        await terminal.carry_out("@GLaDOS again")
        await fake.wait_for(lambda: "! 200 chat.startStream internal_error" in shown)
        await terminal.carry_out(".edit @GLaDOS never mind")
        await terminal.carry_out(".delete")
        assert "ada (edited): @GLaDOS never mind" in shown
        assert "ada (deleted): @GLaDOS never mind" in shown
        await terminal.carry_out(".dm")
        await fake.wait_for(lambda: app.seen("app_home_opened"))
        assert terminal.place.kind == "im"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (".jump", "There is no .jump"),
        (".go nowhere", "There is no place 'nowhere'"),
        (".press Stop", "There is no button here"),
        (".stop", "The bot has not said anything here"),
        (".delete", "You have not said anything yet"),
        (".submit a=b", "No modal is open"),
        (".limit x", "could not convert"),
        ("/ask hi", "No command '/ask'"),
    ],
)
async def test_mistakes_are_explained(fake: FakeSlack, line: str, error: str) -> None:
    shown = Shown()
    fake.app.commands = {"/glados"}
    terminal = Terminal(fake, fake.add_user("ada"), fake.add_channel("general"), shown.append)
    assert await terminal.carry_out(line)
    assert error in shown
    await terminal.carry_out(".help")
    assert ".press LABEL" in shown
    assert not await terminal.carry_out(".quit")


async def test_the_module_starts_prints_its_settings_and_serves_a_bot() -> None:
    program = await Program.start("tests.fakes.slack", last="GLADOS_SLACK_API_BASE")
    names = ("API_BASE", "BOT_TOKEN", "APP_TOKEN", "SIGNING_SECRET")
    settings = ConnectSettings(*(program.settings[f"GLADOS_SLACK_{name}"] for name in names))
    with connected(settings):
        handler = AsyncSocketModeHandler(bot(settings), settings.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    program.type("@GLaDOS hello")
    await program.shows("lo.")
    await handler.close_async()  # type: ignore[no-untyped-call]
    program.type(".quit")
    assert await program.ended() == 0
