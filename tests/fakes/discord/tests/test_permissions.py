"""What the fake allows agrees with what discord.py computes from the same roles and overwrites."""

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.discord import ALL, FakeDiscord, Permission, running

BITS = st.lists(st.sampled_from(list(Permission))).map(lambda bits: Permission(sum(set(bits))))


async def test_refusals_come_from_computed_permissions(fake: FakeDiscord) -> None:
    guild = fake.add_guild()
    hidden, mute, open_ = (guild.add_text_channel(name) for name in ("hidden", "mute", "open"))
    guild.overwrite(hidden, guild.everyone, deny=Permission.VIEW_CHANNEL)
    guild.overwrite(mute, guild.bot_role, deny=Permission.SEND_MESSAGES)
    async with running(fake) as bot:
        for channel, code in [(hidden, 50001), (mute, 50013)]:
            with pytest.raises(discord.Forbidden) as refused:
                await bot.get_partial_messageable(channel.id).send("hi")
            assert refused.value.code == code
        guild.overwrite(mute, fake.bot, allow=Permission.SEND_MESSAGES)
        await bot.get_partial_messageable(mute.id).send("hi")
        guild.time_out(fake.bot, 60)
        with pytest.raises(discord.Forbidden):
            await bot.get_partial_messageable(open_.id).send("hi")
        fake.clock.advance(61)
        await bot.get_partial_messageable(open_.id).send("hi")
        guild.overwrite(open_, guild.everyone, deny=Permission.READ_MESSAGE_HISTORY)
        target = discord.MessageReference(message_id=next(iter(open_.messages)), channel_id=open_.id)
        with pytest.raises(discord.HTTPException) as no_reply:
            await bot.get_partial_messageable(open_.id).send("hi", reference=target)
        assert no_reply.value.code == 160002
        assert [one async for one in bot.get_partial_messageable(open_.id).history()] == []
    assert len(fake.ledger.invalid_requests) == 3


async def test_messages_in_a_hidden_channel_are_not_delivered(fake: FakeDiscord) -> None:
    guild = fake.add_guild()
    hidden, shown = guild.add_text_channel("hidden"), guild.add_text_channel("shown")
    ada = fake.add_user("ada")
    guild.overwrite(hidden, fake.bot, deny=Permission.VIEW_CHANNEL)
    async with running(fake) as bot:
        await ada.say(hidden, "unheard")
        await ada.say(shown, "heard")
        await fake.wait_for(lambda: bot.seen("message"))
        assert bot.texts == ["heard"]


@settings(max_examples=25, deadline=None)
@given(grants=st.tuples(*[BITS] * 6))
async def test_computation_agrees_with_discord_py(grants: tuple[Permission, ...]) -> None:
    everyone, role, allow, deny, own_allow, own_deny = grants
    async with FakeDiscord() as fake:
        guild = fake.add_guild(permissions=role)
        guild.set_permissions(guild.everyone, everyone)
        channel = guild.add_text_channel("general")
        guild.overwrite(channel, guild.bot_role, allow=allow, deny=deny)
        guild.overwrite(channel, fake.bot, allow=own_allow, deny=own_deny)
        async with running(fake) as bot:
            place = bot.get_channel(channel.id)
            assert isinstance(place, discord.TextChannel)
            theirs = place.permissions_for(place.guild.me).value & int(ALL)
            ours = fake.world.permissions(channel, fake.bot)
            if ours & Permission.VIEW_CHANNEL:
                assert Permission(theirs) == ours
            else:
                assert not theirs & Permission.VIEW_CHANNEL


async def test_the_bot_hears_of_its_own_time_out_without_the_members_intent(fake: FakeDiscord) -> None:
    guild = fake.add_guild()
    ada = fake.add_user("ada")
    async with running(fake) as bot:
        guild.time_out(ada, 60)
        guild.time_out(fake.bot, 60)
        await fake.wait_for(bot.guilds[0].me.is_timed_out)
        assert bot.guilds[0].get_member(ada.id) is None
