"""Search, export and shared links in the pseudo-language: no English word of ours is left."""

import pytest
from playwright.async_api import Browser, expect
from pydantic import SecretStr

from glados_bots.settings import Settings
from glados_web.app import create_app
from glados_web.search import search
from glados_web.settings import WebSettings
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.browser.ear import Ear, ask, until_state, visit
from tests.web.browser.test_page import done
from tests.web.browser.test_pseudo_pages import enter
from tests.web.conftest import HASH

pytestmark = pytest.mark.slow

FIELD = ".find input"


async def test_search(chromium: Browser, site: str, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    page = await visit(chromium, ear, site)
    for number in range(6):
        await page.goto("/?new")
        await ask(page, f"Ερώτηση {number}")
        await done(page)
    await ear.hears("page-search")
    await page.locator(".burger").click()
    await page.locator(FIELD).fill("ερωτηση")
    await ear.hears("page-search-found", "page-question")
    await page.locator(FIELD).fill("Απάντηση")
    await ear.hears("page-answer")
    await page.locator(FIELD).fill("ζέβρα")
    await ear.hears("page-search-nothing")
    monkeypatch.setattr(search, "MOST_FOUND", 1)
    await page.goto("/search?q=ερ")
    await ear.hears("page-search-more", "page-search-go")
    monkeypatch.setattr(search, "MOST_FOUND", 50)
    monkeypatch.setattr(search, "MOST_WORK", 1)
    await page.goto("/search?q=ερ")
    await ear.hears("page-search-partly")
    await page.goto(f"/search?q={201 * 'χ'}")
    await ear.hears("page-search-long")
    await page.goto("/")
    await page.route("**/search?*", lambda route: route.abort())
    await page.locator(".burger").click()
    await page.locator(FIELD).fill("ερ")
    await ear.hears("page-search-away")


async def test_a_shared_chat(chromium: Browser, site: str, model: ScriptedModel, ear: Ear) -> None:
    page = await visit(chromium, ear, site)
    model.gate.clear()
    await ask(page)
    await until_state(page, "writing")
    await page.locator(".more").click()
    await ear.hears("page-menu", "page-export", "page-share", "page-share-members", "page-as-file")
    await page.locator("[data-action=share]:visible").click()
    await ear.hears("page-share-nothing")
    chat, turn = page.url, await page.locator("#turns .turn").get_attribute("data-turn")
    await page.goto(f"{chat}/turns/{turn}/answer.md")
    await ear.hears("page-no-answer")
    model.gate.set()
    await page.goto(chat)
    await done(page)
    await page.goto(f"{chat}/turns/{turn}/files/x")
    await ear.hears("page-no-file", "page-offered")
    await page.goto(chat)
    await done(page)
    await page.locator(".more").click()
    await page.locator("[data-action=share]:visible").click()
    await ear.hears("page-share-once", "page-share-link")
    link = await page.locator(".share input").input_value()
    reader = await page.context.new_page()
    await reader.goto(link)
    await ear.hears("page-shared-on")
    await page.locator("[data-action=unshare]").click()
    await ear.hears("page-unshared", "page-unshare", "page-is-shared", "page-share-again")
    await reader.reload()
    await ear.hears("page-no-link")


async def test_a_link_for_everybody(chromium: Browser, settings: Settings, ear: Ear) -> None:
    web = WebSettings(password=SecretStr(HASH), share="everybody")
    async with running(create_app(settings, web)) as url:
        page = await visit(chromium, ear, url)
        await enter(page)
        await ask(page)
        await done(page)
        await page.locator(".more").click()
        await ear.hears("page-share-everybody")
        await expect(page.locator("[data-action=share]:visible")).to_be_visible()
