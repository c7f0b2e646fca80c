"""`make pictures` still finds its way: through both platforms and the page, in a real browser."""

import shutil

import pytest

from tests.conftest import do_without
from tests.pictures.taking import take
from tests.web.browser.conftest import PROGRAMS

pytestmark = pytest.mark.slow
PNG = b"\x89PNG\r\n"
NAMES = {f"{name}-{scheme}" for name in ("page", "discord", "slack") for scheme in ("light", "dark")}


async def test_every_picture_can_be_taken(redis_url: str) -> None:
    if not any(map(shutil.which, PROGRAMS)):
        do_without("Chromium")
    taken = await take(redis_url)
    assert set(taken) == NAMES
    assert all(png.startswith(PNG) for png in taken.values())
    assert len(set(taken.values())) == len(NAMES)  # light is not dark, and each shows its own
