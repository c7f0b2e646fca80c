"""Who may talk to the bot, and who may change what."""

from types import SimpleNamespace

import discord
import pytest

from glados_discord.access import DiscordAsker, Rules, may_control, may_manage, may_moderate, refusal
from glados_discord.incoming.where import channel_ids

GUILD, CHANNEL, THREAD, ADA, ROLE, OTHER = 1, 10, 11, 100, 50, 999
HERE = DiscordAsker(ADA, GUILD, frozenset({THREAD, CHANNEL}), frozenset({ROLE}))
DIRECT = DiscordAsker(ADA)


def ids(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(), ""),
        (Rules(allowed_guilds=ids(GUILD)), ""),
        (Rules(allowed_guilds=ids(OTHER)), "not-on-server"),
        (Rules(denied_guilds=ids(GUILD)), "not-on-server"),
        (Rules(allowed_guilds=ids(GUILD), denied_guilds=ids(GUILD)), "not-on-server"),
        (Rules(allowed_channels=ids(CHANNEL)), ""),
        (Rules(allowed_channels=ids(THREAD)), ""),
        (Rules(allowed_channels=ids(OTHER)), "not-in-channel"),
        (Rules(denied_channels=ids(CHANNEL)), "not-in-channel"),
        (Rules(denied_channels=ids(THREAD), allowed_channels=ids(CHANNEL)), "not-in-channel"),
        (Rules(allowed_roles=ids(ROLE)), ""),
        (Rules(allowed_roles=ids(OTHER)), "not-for-you"),
        (Rules(allowed_roles=ids(OTHER), allowed_users=ids(ADA)), ""),
        (Rules(allowed_users=ids(OTHER)), "not-for-you"),
        (Rules(allowed_users=ids(OTHER), allowed_roles=ids(ROLE)), ""),
        (Rules(denied_roles=ids(ROLE), allowed_users=ids(ADA)), "not-for-you"),
        (Rules(denied_users=ids(ADA), allowed_users=ids(ADA)), "not-for-you"),
        (Rules(dms="nobody"), ""),
    ],
)
def test_lists_in_a_guild(rules: Rules, expected: str) -> None:
    assert refusal(rules, HERE).name == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(), ""),
        (Rules(dms="nobody"), "no-direct-messages"),
        (Rules(dms="nobody", allowed_users=ids(ADA)), "no-direct-messages"),
        (Rules(dms="allowed"), "not-for-you"),
        (Rules(dms="allowed", allowed_users=ids(ADA)), ""),
        (Rules(allowed_users=ids(OTHER)), "not-for-you"),
        (Rules(denied_users=ids(ADA)), "not-for-you"),
        # Roles are not told in direct messages: who has a refused role must not get in this way.
        (Rules(allowed_roles=ids(ROLE)), "not-for-you"),
        (Rules(denied_roles=ids(ROLE)), "not-for-you"),
        (Rules(denied_roles=ids(ROLE), allowed_users=ids(ADA)), ""),
        # Lists of places are about servers.
        (Rules(allowed_guilds=ids(GUILD), allowed_channels=ids(CHANNEL)), ""),
    ],
)
def test_lists_in_direct_messages(rules: Rules, expected: str) -> None:
    assert refusal(rules, DIRECT).name == expected


def test_a_place_is_known_by_its_channel_and_category_too() -> None:
    parent = SimpleNamespace(id=CHANNEL, category_id=5)
    assert channel_ids(SimpleNamespace(id=THREAD, parent_id=CHANNEL, parent=parent)) == {THREAD, CHANNEL, 5}
    assert channel_ids(SimpleNamespace(id=THREAD, parent_id=CHANNEL, parent=None)) == {THREAD, CHANNEL}
    assert channel_ids(parent) == {CHANNEL, 5}
    assert channel_ids(None) == frozenset()


@pytest.mark.parametrize(
    ("permission", "manages", "moderates"),
    [
        ("send_messages", False, False),
        ("manage_messages", False, True),
        ("manage_threads", False, True),
        ("manage_channels", True, True),
        ("manage_guild", True, True),
        ("administrator", True, True),
    ],
)
def test_rights_come_from_permissions(permission: str, manages: bool, moderates: bool) -> None:
    granted = discord.Permissions(**{permission: True})
    assert may_manage(granted, GUILD) is manages
    assert may_moderate(granted, GUILD) is moderates
    assert may_control(str(OTHER), ADA, granted, GUILD) is moderates
    assert may_control(str(ADA), ADA, granted, GUILD)


def test_in_direct_messages_everybody_manages_their_own_only() -> None:
    assert may_manage(discord.Permissions.none(), None)
    assert not may_moderate(discord.Permissions.all(), None)
    assert may_control(str(ADA), ADA, discord.Permissions.none(), None)
    assert not may_control(str(OTHER), ADA, discord.Permissions.all(), None)
