"""Slash commands, buttons and forms of the real discord.py on the fake."""

from collections.abc import AsyncIterator

import discord
import pytest
from discord import app_commands

from tests.fakes.discord import (
    Channel,
    FakeDiscord,
    Interaction,
    MessageType,
    Permission,
    Person,
    RecordingClient,
    UnknownCommandError,
    running,
)

Context = discord.Interaction[RecordingClient]


class Form(discord.ui.Modal, title="Why?"):
    """A form with one field."""

    reason: discord.ui.TextInput["Form"] = discord.ui.TextInput(label="Reason", custom_id="reason")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"because {self.reason.value}", ephemeral=True)


class Buttons(discord.ui.View):
    """A persistent view, as it stands under answers."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Stop", custom_id="stop")
    async def stop_answer(self, interaction: discord.Interaction, _: "discord.ui.Button[Buttons]") -> None:
        await interaction.response.edit_message(content="stopped", view=None)

    @discord.ui.button(emoji="👎", custom_id="bad")
    async def bad(self, interaction: discord.Interaction, _: "discord.ui.Button[Buttons]") -> None:
        await interaction.response.send_modal(Form())


class Bot(RecordingClient):
    """A client with commands of every kind."""

    async def setup_hook(self) -> None:
        """Add and sync them."""
        self.add_view(Buttons())

        @self.tree.command(description="Answer")
        async def ask(interaction: Context, question: str, loud: bool = False) -> None:
            await interaction.response.send_message(question.upper() if loud else question, view=Buttons())

        @self.tree.command(description="Answer later")
        async def later(interaction: Context) -> None:
            await interaction.response.defer(thinking=True, ephemeral=True)
            await interaction.edit_original_response(content="done")
            await interaction.followup.send("more")
            await interaction.followup.send("private", ephemeral=True)

        @self.tree.command(description="For moderators")
        @app_commands.default_permissions(manage_guild=True)
        @app_commands.guild_only()
        async def persona(interaction: Context, who: discord.User) -> None:
            await interaction.response.send_message(who.name)

        group = app_commands.Group(name="model", description="Models")

        @group.command(description="Choose one")
        async def choose(interaction: Context, name: str) -> None:
            await interaction.response.send_message(f"chose {name}")

        @choose.autocomplete("name")
        async def names(_: Context, typed: str) -> list[app_commands.Choice[str]]:
            return [app_commands.Choice(name=name, value=name) for name in ("tiny", "large") if typed in name]

        @self.tree.context_menu(name="Explain")
        async def explain(interaction: Context, message: discord.Message) -> None:
            await interaction.response.send_message(f"it says {message.content}")

        self.tree.add_command(group)
        await self.tree.sync()


@pytest.fixture
async def bot(fake: FakeDiscord, ada: Person) -> AsyncIterator[Bot]:
    assert ada.id in fake.world.users
    async with running(fake, Bot()) as client:
        assert isinstance(client, Bot)
        yield client


async def done(fake: FakeDiscord, interaction: Interaction) -> Interaction:
    """The interaction, once the bot has answered it."""
    await fake.wait_for(lambda: interaction.callback is not None, what="for an answer to the interaction")
    return interaction


@pytest.mark.usefixtures("bot")
async def test_a_command_is_answered_in_the_channel(fake: FakeDiscord, channel: Channel, ada: Person) -> None:
    answer = await done(fake, await ada.run(channel, "/ask", question="why?", loud=True))
    assert answer.content == "WHY?"
    assert not answer.is_ephemeral
    assert [record.content for record in fake.answers(channel)] == ["WHY?"]


async def test_a_deferred_answer_and_follow_ups(fake: FakeDiscord, channel: Channel, ada: Person, bot: Bot) -> None:
    answer = await ada.run(channel, "later")
    await fake.wait_for(lambda: len(answer.follow_ups) == 2)
    first, *others = fake.answers(channel)
    assert [(revision.content, revision.loading) for revision in first.revisions] == [("", True), ("done", False)]
    assert [(record.content, record.visible_to) for record in others] == [("more", None), ("private", ada.id)]
    assert first.visible_to == ada.id
    place = bot.get_channel(channel.id)
    assert isinstance(place, discord.TextChannel)
    assert [message.content async for message in place.history()] == ["more"]


@pytest.mark.usefixtures("bot")
async def test_buttons_work_by_their_id_and_for_those_who_see_them(
    fake: FakeDiscord, channel: Channel, ada: Person
) -> None:
    answer = await done(fake, await ada.run(channel, "ask", question="why?"))
    assert answer.original is not None
    with pytest.raises(LookupError, match="No button 'Go'"):
        await ada.click(answer.original, "Go")
    form = await done(fake, await ada.click(answer.original, "👎"))
    reply = await done(fake, await ada.submit(form, {"reason": "cake"}))
    assert (reply.content, reply.is_ephemeral) == ("because cake", True)
    await done(fake, await ada.click(answer.original, "Stop"))
    assert answer.content == "stopped"
    assert answer.original.components == []


@pytest.mark.usefixtures("bot")
async def test_the_client_offers_only_what_fits(fake: FakeDiscord, channel: Channel, ada: Person) -> None:
    for command, options in [("nothing", {}), ("ask", {}), ("ask", {"question": "?", "volume": 1}), ("model pick", {})]:
        with pytest.raises(UnknownCommandError):
            await ada.run(channel, command, **options)
    with pytest.raises(UnknownCommandError, match="may not use"):
        await ada.run(channel, "persona", who=ada)
    direct = (await ada.dm("hi")).channel
    with pytest.raises(UnknownCommandError, match="direct messages"):
        await ada.run(direct, "persona", who=ada)
    assert (await done(fake, await ada.run(direct, "ask", question="private?"))).content == "private?"
    guild = next(iter(fake.world.guilds.values()))
    guild.roles[guild.id].permissions |= Permission.MANAGE_GUILD
    assert (await done(fake, await ada.run(channel, "persona", who=ada))).content == "ada"


@pytest.mark.usefixtures("bot")
async def test_groups_completion_and_message_commands(fake: FakeDiscord, channel: Channel, ada: Person) -> None:
    assert (await done(fake, await ada.run(channel, "model choose", name="tiny"))).content == "chose tiny"
    offered = await done(fake, await ada.complete(channel, "model choose", "name", "la"))
    assert offered.choices is not None
    assert [choice["value"] for choice in offered.choices] == ["large"]
    message = await ada.say(channel, "cake")
    assert (await done(fake, await ada.run_on(message, "Explain"))).content == "it says cake"
    types = [fake.message(record).type for record in fake.answers(channel)]
    assert types == [MessageType.CHAT_INPUT_COMMAND, MessageType.CONTEXT_MENU_COMMAND]


async def test_late_and_double_answers_are_refused(fake: FakeDiscord, channel: Channel, ada: Person) -> None:
    """10062 after three seconds, 40060 for a second answer, 50027 after fifteen minutes."""

    class Silent(Bot):
        """Answers no command by itself."""

        async def setup_hook(self) -> None:
            """Sync, then forget what was synced."""
            await super().setup_hook()
            self.tree.clear_commands(guild=None)
            self.tree.error(self.ignore)

        async def ignore(self, _: Context, error: app_commands.AppCommandError) -> None:
            assert isinstance(error, app_commands.CommandNotFound)

    async with running(fake, Silent()) as bot:
        await ada.run(channel, "ask", question="late")
        await ada.run(channel, "ask", question="twice")
        await fake.wait_for(lambda: len(bot.seen("interaction")) == 2)
        late, twice = bot.seen("interaction")
        await bot.http.request(callback(twice), json={"type": 5})
        with pytest.raises(discord.HTTPException) as refused:
            await bot.http.request(callback(twice), json={"type": 5})
        assert refused.value.code == 40060
        fake.clock.advance(4)
        with pytest.raises(discord.NotFound) as unknown:
            await late.response.send_message("too late")
        assert unknown.value.code == 10062
        with pytest.raises(discord.NotFound) as missing:
            await late.followup.send("?")
        assert missing.value.code == 10015
        await twice.followup.send("instead of the deferral")
        assert [record.contents for record in fake.answers()] == [["", "instead of the deferral"]]
        fake.clock.advance(900)
        with pytest.raises(discord.HTTPException) as expired:
            await twice.followup.send("much too late")
        assert expired.value.code == 50027


def callback(interaction: Context) -> discord.http.Route:
    """The route of an interaction's first answer."""
    path = "/interactions/{webhook_id}/{webhook_token}/callback"
    return discord.http.Route("POST", path, webhook_id=interaction.id, webhook_token=interaction.token)


async def test_commands_are_checked_and_kept_by_guild(
    fake: FakeDiscord, channel: Channel, ada: Person, bot: Bot
) -> None:
    assert channel.guild is not None
    scope = discord.Object(channel.guild.id)
    before = {command.name: command.id for command in await bot.tree.fetch_commands()}
    assert set(before) == {"ask", "later", "persona", "model", "Explain"}
    assert {command.name: command.id for command in await bot.tree.sync()} == before

    @bot.tree.command(description="Here only", guild=scope)
    async def ask(interaction: Context) -> None:
        await interaction.response.send_message("from the guild")

    await bot.tree.sync(guild=scope)
    assert (await done(fake, await ada.run(channel, "ask"))).content == "from the guild"
    for bad in ({"name": "Bad Name", "description": "x"}, {"name": "good", "description": ""}):
        with pytest.raises(discord.HTTPException) as refused:
            await bot.http.bulk_upsert_global_commands(fake.world.application.id, payload=[bad])
        assert refused.value.code == 50035
