"""The fake as a tool: a developer chats with a bot from the terminal."""

import asyncio

import discord
import pytest

from tests.fakes.common.screen import Program, Shown
from tests.fakes.discord import ConnectSettings, FakeDiscord, RecordingClient, connected, running
from tests.fakes.discord.terminal import Terminal
from tests.fakes.discord.viewer import Viewer


class Bot(RecordingClient):
    """Answers a mention in a thread, with a button, and knows one command."""

    async def setup_hook(self) -> None:
        @self.tree.command(description="Add")
        async def add(interaction: discord.Interaction[RecordingClient], first: int, second: int = 1) -> None:
            await interaction.response.send_message(str(first + second), ephemeral=True)

        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        if self.user not in message.mentions or message.type is not discord.MessageType.default:
            return
        view = discord.ui.View()
        view.add_item(discord.ui.Button(label="Stop", custom_id="stop"))
        place = message.channel
        if isinstance(place, discord.TextChannel):
            place = await message.create_thread(name="Answer")
        answer = await place.send("Hel", view=view)
        await answer.edit(content="Hello.")


async def test_a_conversation(fake: FakeDiscord) -> None:
    shown = Shown()
    general = fake.add_guild().add_text_channel("general")
    terminal = Terminal(fake, fake.add_user("ada"), general, shown.append)
    viewer = Viewer(fake, shown.append)
    fake.ledger.listeners += [viewer.refresh, terminal.follow]
    async with running(fake, Bot()) as bot:
        await terminal.carry_out("@glados hello")
        await fake.wait_for(lambda: "[Answer] GLaDOS …lo." in shown)
        assert "[general] ada: <@" in shown
        assert "    [Stop]" in shown
        assert terminal.place.name == "Answer"
        await terminal.carry_out(".press Stop")
        await fake.wait_for(lambda: bot.seen("interaction"))
        await terminal.carry_out("/add 1")
        await fake.wait_for(lambda: "GLaDOS (only you see this): 2" in shown)
        await terminal.carry_out("/add second=4 first=3")
        await fake.wait_for(lambda: "GLaDOS (only you see this): 7" in shown)
        await terminal.carry_out(".locale ja")
        await terminal.carry_out(".server de")
        (known,) = bot.guilds
        await fake.wait_for(lambda: str(known.preferred_locale) == "de")
        assert terminal.person.locale == "ja"
        await terminal.carry_out(".fail 503")
        await terminal.carry_out("@GLaDOS again")
        await fake.wait_for(lambda: "! 503 POST" in shown)
        await terminal.carry_out(".edit never mind")
        await terminal.carry_out(".delete")
        assert "ada (edited): never mind" in shown
        assert "ada (deleted): never mind" in shown


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (".jump", "There is no .jump"),
        (".go nowhere", "There is no place 'nowhere'"),
        ("/ask hi", "No command 'ask'"),
        (".press Stop", "There is no button here"),
        (".delete", "You have not said anything yet"),
        (".limit x", "could not convert"),
        ("x" * 2001, "50035"),
    ],
)
async def test_mistakes_are_explained(fake: FakeDiscord, line: str, error: str) -> None:
    shown = Shown()
    general = fake.add_guild().add_text_channel("general")
    terminal = Terminal(fake, fake.add_user("ada"), general, shown.append)
    assert await terminal.carry_out(line)
    assert error in shown
    await terminal.carry_out(".help")
    assert ".press LABEL" in shown
    assert not await terminal.carry_out(".quit")


async def test_the_module_starts_prints_its_settings_and_serves_a_bot() -> None:
    program = await Program.start("tests.fakes.discord", last="GLADOS_DISCORD_GATEWAY_URL")
    told = program.settings
    with connected(ConnectSettings(told["GLADOS_DISCORD_API_BASE"], told["GLADOS_DISCORD_GATEWAY_URL"])):
        async with Bot() as bot:
            await bot.login(told["GLADOS_DISCORD_TOKEN"])
            task = asyncio.create_task(bot.connect())
            await bot.wait_until_ready()
            program.type("@GLaDOS hello")
            await program.shows("lo.")
        await task
    program.type(".quit")
    assert await program.ended() == 0
