"""A server that speaks German, and its manager, who reads French."""

import pytest

from tests.discord.conftest import World
from tests.fakes.discord import Permission, Person


@pytest.fixture
def german(world: World) -> World:
    """A world whose server has chosen German."""
    world.guild.set_locale("de")
    return world


@pytest.fixture
def manager(world: World) -> Person:
    """Who may manage the channel, and reads French."""
    manager = world.fake.add_user("manager")
    world.guild.add_member(manager, world.guild.add_role("managers", Permission.MANAGE_CHANNELS))
    manager.locale = "fr"
    return manager
