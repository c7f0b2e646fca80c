"""How platforms are found, and what is said when one cannot run."""

import pytest

from glados_bots.errors import ConfigError
from glados_bots.platforms import installed, require


def test_the_shelf_has_three_platforms_each_under_its_own_name() -> None:
    found = installed()
    assert {"web", "discord", "slack"} <= set(found)
    assert all(name == platform.name for name, platform in found.items())


def test_a_library_that_is_missing_is_named_with_the_remedy() -> None:
    require("asyncio", "asyncio", "web")
    with pytest.raises(ConfigError, match=r"chat\.lib is not installed; run `pip install 'glados-bots\[chat\]'`"):
        require("no_such_library", "chat.lib", "chat")
