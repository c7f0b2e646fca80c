"""The real discord.py lives through what a gateway does to it: resumes, invalid sessions, closes, duplicates."""

import aiohttp
import discord
import pytest

from tests.fakes.discord import Channel, FakeDiscord, FakeGuild, Intent, Person, RecordingClient, connected, running


async def test_ready_brings_the_guild_with_channels_roles_and_the_bot(
    fake: FakeDiscord, guild: FakeGuild, channel: Channel
) -> None:
    async with running(fake) as bot:
        (found,) = bot.guilds
        assert (found.id, found.me.id) == (guild.id, fake.bot.id)
        assert [one.name for one in found.text_channels] == [channel.name]
        assert found.self_role is not None
        assert found.self_role.id == guild.bot_role.id
        new = guild.add_text_channel("new")
        role = guild.add_role("mods")
        await fake.wait_for(lambda: bot.seen("guild_role_create"))
        assert bot.get_channel(new.id) is not None
        assert found.get_role(role.id) is not None
        guild.delete_channel(new)
        await fake.wait_for(lambda: bot.seen("guild_channel_delete"))


@pytest.mark.parametrize("code", [1000, 4000, 4007, 4009])
async def test_after_a_close_the_session_resumes_and_misses_nothing(
    fake: FakeDiscord, channel: Channel, ada: Person, code: int
) -> None:
    async with running(fake) as bot:
        await ada.say(channel, "before")
        await fake.wait_for(lambda: bot.texts == ["before"])
        await fake.gateway.close(code)
        await ada.say(channel, "meanwhile")
        await fake.wait_for(lambda: bot.seen("resumed"))
        await ada.say(channel, "after")
        await fake.wait_for(lambda: bot.texts == ["before", "meanwhile", "after"])
    assert (fake.gateway.identified, fake.gateway.resumed) == (1, 1)


async def test_a_cut_connection_and_op_7_resume_too(fake: FakeDiscord, channel: Channel, ada: Person) -> None:
    async with running(fake) as bot:
        fake.gateway.drop()
        await fake.wait_for(lambda: fake.gateway.resumed == 1)
        fake.gateway.reconnect()
        await ada.say(channel, "on the way")
        await fake.wait_for(lambda: fake.gateway.resumed == 2)
        fake.gateway.invalidate(resumable=True)
        await fake.wait_for(lambda: fake.gateway.resumed == 3)
        await fake.wait_for(lambda: bot.texts == ["on the way"])
    assert fake.gateway.identified == 1


async def test_heartbeats_are_answered_and_a_silent_connection_is_left(fake: FakeDiscord) -> None:
    fake.gateway.heartbeat_interval_ms = 50
    async with running(fake, RecordingClient(heartbeat_timeout=0.5)) as bot:
        await fake.wait_for(lambda: bot.latency < 1)
        assert fake.gateway.resumed == 0
        fake.gateway.answers_heartbeats = False
        await fake.wait_for(lambda: fake.gateway.resumed)
        fake.gateway.answers_heartbeats = True
    assert fake.gateway.identified == 1


async def test_an_invalid_session_loses_what_happened_in_between(
    fake: FakeDiscord, channel: Channel, ada: Person
) -> None:
    async with running(fake) as bot:
        fake.gateway.invalidate(resumable=False)
        await ada.say(channel, "lost")
        await fake.wait_for(lambda: fake.gateway.identified == 2)
        await fake.wait_for(lambda: len(bot.seen("ready")) == 2)
        await ada.say(channel, "heard")
        await fake.wait_for(lambda: bot.texts)
        assert bot.texts == ["heard"]
        text = bot.get_channel(channel.id)
        assert isinstance(text, discord.TextChannel)
        assert "lost" in [message.content async for message in text.history()]


@pytest.mark.parametrize("how", ["refused", "expired", "closed"])
async def test_a_resume_that_fails_ends_in_a_new_session(fake: FakeDiscord, how: str) -> None:
    async with running(fake) as bot:
        fake.gateway.refuse_resumes = how == "refused"
        fake.gateway.resume_close_code = 4009 if how == "closed" else None
        if how == "expired":
            fake.gateway.refused_connections = 10
        fake.gateway.drop()
        if how == "expired":
            await fake.wait_for(lambda: not fake.gateway.connections)
            fake.clock.advance(61)
            fake.gateway.refused_connections = 0
        if how == "closed":
            await fake.wait_for(lambda: fake.gateway.refused_resumes)
            fake.gateway.resume_close_code = None
            await fake.wait_for(lambda: fake.gateway.resumed == 1)
            return
        await fake.wait_for(lambda: len(bot.seen("ready")) == 2, seconds=20)
    assert fake.gateway.identified == 2


@pytest.mark.parametrize(
    ("code", "error"), [(4014, discord.PrivilegedIntentsRequired), (4013, discord.ConnectionClosed)]
)
async def test_fatal_closes_end_the_client(fake: FakeDiscord, code: int, error: type[Exception]) -> None:
    fake.gateway.identify_close_code = code
    with pytest.raises(error):
        async with running(fake):
            pass


async def test_missing_privileged_intents_are_refused_and_bad_tokens_too(fake: FakeDiscord) -> None:
    fake.world.application.privileged_intents = int(Intent.GUILD_MEMBERS)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(fake):
            pass
    with connected(fake.settings):
        async with RecordingClient() as client:
            with pytest.raises(discord.LoginFailure):
                await client.start("wrong")
    assert [request.status for request in fake.ledger.invalid_requests] == [401]
    async with aiohttp.ClientSession() as session, session.ws_connect(fake.settings.gateway_url) as socket:
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": "wrong", "intents": 0}})
        await socket.receive()
        assert socket.close_code == 4004


async def test_two_replicas_hear_everything(fake: FakeDiscord, channel: Channel, ada: Person) -> None:
    async with running(fake) as one, running(fake) as two:
        await ada.say(channel, "to all")
        await fake.wait_for(lambda: one.texts == two.texts == ["to all"])
        assert len(fake.gateway.connections) == 2


async def test_events_can_come_twice_and_out_of_order(fake: FakeDiscord, channel: Channel, ada: Person) -> None:
    async with running(fake) as bot:
        fake.gateway.repeat(2)
        await ada.say(channel, "thrice")
        await fake.wait_for(lambda: bot.texts == ["thrice"] * 3)
        assert len({message.id for message in bot.seen("message")}) == 1
        fake.gateway.repeat(0)
        fake.gateway.hold()
        for text in "abcd":
            await ada.say(channel, text)
        fake.gateway.release(lambda events: [events[2], events[0], events[3], events[1]])
        await fake.wait_for(lambda: len(bot.texts) == 7)
        assert bot.texts[3:] == list("cadb")


async def test_leaving_joining_and_outages_of_a_guild(fake: FakeDiscord, guild: FakeGuild, channel: Channel) -> None:
    async with running(fake) as bot:
        guild.set_unavailable(unavailable=True)
        await fake.wait_for(lambda: bot.seen("guild_unavailable"))
        guild.set_unavailable(unavailable=False)
        await fake.wait_for(lambda: bot.seen("guild_available")[1:])
        guild.kick(fake.bot)
        await fake.wait_for(lambda: bot.seen("guild_remove"))
        with pytest.raises(discord.Forbidden) as refused:
            await bot.get_partial_messageable(channel.id).send("still there?")
        assert refused.value.code == 50001
        fake.add_guild("Black Mesa")
        await fake.wait_for(lambda: bot.seen("guild_join"))


async def test_members_are_there_for_those_who_ask(fake: FakeDiscord, ada: Person) -> None:
    intents = discord.Intents(guilds=True, members=True, guild_messages=True)
    async with running(fake, RecordingClient(intents)) as bot:
        (guild,) = bot.guilds
        assert guild.get_member(ada.id) is not None
        assert [member.id for member in await guild.query_members("ada")] == [ada.id]
        assert (await guild.fetch_member(ada.id)).name == "ada"


async def test_shards_share_the_guilds(fake: FakeDiscord, ada: Person) -> None:
    class Sharded(discord.AutoShardedClient):
        """Two connections in one client."""

        texts: list[str]

        async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
            """Do not wait between the shards."""

        async def on_message(self, message: discord.Message) -> None:
            self.texts.append(message.content)

    fake.users.shards = 2
    channels = [fake.add_guild(name).add_text_channel("general") for name in ("one", "two", "three", "four")]
    with connected(fake.settings):
        client = Sharded(intents=discord.Intents(guilds=True, guild_messages=True, message_content=True))
        client.texts = []
        async with client:
            await client.login(fake.token)
            task = client.loop.create_task(client.connect())
            await fake.wait_for(lambda: len(client.guilds) == 5)
            assert {guild.shard_id for guild in client.guilds} <= {0, 1}
            assert {session.shard for session in fake.gateway.sessions.values()} == {(0, 2), (1, 2)}
            for channel in channels:
                assert channel.guild is not None
                await ada.say(channel, channel.guild.name)
            await fake.wait_for(lambda: sorted(client.texts) == ["four", "one", "three", "two"])
        await task
