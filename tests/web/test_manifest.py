"""The page as an app on a home screen: its manifest, its icons, and who may read them."""

import json
import struct
from pathlib import Path

import pytest

from glados_bots.wording.languages import NAMES
from glados_bots.wording.sentence import say
from tests.web.conftest import browser

STATIC = Path(__file__).parents[2] / "adapters/glados_web/static"
MOST_BYTES = 6_000  # of one icon


async def test_a_stranger_may_read_the_manifest_and_learns_nothing_from_it(site: str, locked: str) -> None:
    told = []
    for url in (site, locked):
        async with browser(url) as stranger:
            found = await stranger.get("/manifest.webmanifest")
            assert found.status_code == 200
            assert found.headers["content-type"] == "application/manifest+json"
            assert "manifest-src 'self'" in found.headers["content-security-policy"]
            assert "set-cookie" not in found.headers
            told.append(found.json())
            assert (
                '<link rel="manifest" href="/manifest.webmanifest">' in (await stranger.get("/sign-in")).text
                or url == site
            )
    assert told[0] == told[1]


@pytest.mark.parametrize("language", NAMES)
async def test_the_manifest_is_in_the_browsers_language(site: str, language: str) -> None:
    async with browser(site) as visitor:
        found = await visitor.get("/manifest.webmanifest", headers={"Accept-Language": language})
    manifest = found.json()
    assert manifest["lang"] == found.headers["content-language"] == language
    assert manifest["shortcuts"][0]["name"] == say("page-new-chat").in_language(language)


async def test_each_icon_is_there_in_its_size_and_small(site: str) -> None:
    async with browser(site) as visitor:
        icons = (await visitor.get("/manifest.webmanifest")).json()["icons"]
        pages = (await visitor.get("/")).text
        assert '<link rel="apple-touch-icon" href="/static/icons/maskable-192.png">' in pages
        for icon in icons:
            found = await visitor.get(icon["src"])
            assert found.headers["content-type"] == icon["type"]
            assert len(found.content) <= MOST_BYTES
            if icon["type"] == "image/png":
                size = struct.unpack(">II", found.content[16:24])
                assert icon["sizes"] == "x".join(map(str, size))
    needed = {(icon["purpose"], icon["sizes"]) for icon in icons}
    assert needed >= {(purpose, size) for purpose in ("any", "maskable") for size in ("192x192", "512x512")}


async def test_the_address_of_the_app_is_the_page_itself(site: str) -> None:
    async with browser(site) as visitor:
        manifest = json.loads((await visitor.get("/manifest.webmanifest")).text)
        assert (await visitor.get(manifest["start_url"])).status_code == 200
        assert manifest["start_url"].startswith(manifest["scope"])
        assert manifest["display"] == "standalone"
