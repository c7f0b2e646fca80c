"""Files, votes, edits and the menu of a chat in the pseudo-language: no English word of ours is left."""

import pytest
from playwright.async_api import Browser, Page, Route, expect

from glados_bots.settings import Settings
from glados_web import uploads
from glados_web.app import create_app
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.browser.ear import Ear, ask, press, until_state, visit
from tests.web.browser.test_attachments import bring
from tests.web.browser.test_page import done

pytestmark = pytest.mark.slow
# What only programs meet, which send a form that the page's script never does: tests/web/test_uploads.py.
FOR_PROGRAMS = {"page-form-wrong"}


async def attach(page: Page, *sizes: int) -> None:
    for number, size in enumerate(sizes):
        await bring(page, "drop", (f"αβγ{number}", "", bytes(size)))


async def test_files_from_their_choice_to_the_answer(chromium: Browser, site: str, ear: Ear) -> None:
    page = await visit(chromium, ear, site)
    await ear.hears("page-attach", "page-files", "page-drop", "page-uploading")
    await attach(page, 10, 2000, 2**20)
    await ear.hears("page-remove-file")
    await ask(page)
    await done(page)
    await page.evaluate("() => { File.prototype.arrayBuffer = () => Promise.reject(Error('…')); }")
    await attach(page, 1)
    await ear.hears("page-file-unreadable")


async def test_files_that_are_refused(
    chromium: Browser, settings: Settings, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = settings.model_copy(update={"attachment_max_mb": 1, "attachments_max": 2})
    monkeypatch.setattr(uploads, "Room", NoRoom)
    async with running(create_app(small)) as url:
        page = await visit(chromium, ear, url)
        await attach(page, 2**20 + 1)
        await ear.hears("page-file-too-large")
        await attach(page, 1, 1, 1)
        await ear.hears("page-files-too-many")
        await page.keyboard.press("Enter")
        await ear.hears("page-uploads-full")
    together = settings.model_copy(update={"attachment_max_mb": 1})
    async with running(create_app(together)) as url:
        page = await visit(chromium, ear, url)
        await attach(page, 2**20, 2**20, 1)
        await ear.hears("page-files-too-large")
    async with running(create_app(settings.model_copy(update={"attachments_max": 0}))) as url:
        page = await visit(chromium, ear, url)
        await attach(page, 1)
        await ear.hears("page-files-off")


class NoRoom(uploads.Room):
    """Room for nothing, as when many files are on their way."""

    def __init__(self, _: int) -> None:
        super().__init__(0)


async def test_votes_and_edits(chromium: Browser, site: str, ear: Ear) -> None:
    page = await visit(chromium, ear, site)
    await ask(page)
    await done(page)
    await ear.hears("page-good", "page-bad", "page-edit")
    vote = page.locator("[data-vote=up]")
    await vote.click()
    await expect(vote).to_have_attribute("aria-pressed", "true")
    await press(page, "edit")
    await ear.hears("page-your-question", "page-save", "page-cancel")
    await page.locator(".edit textarea").fill(" ")
    await page.keyboard.press("Enter")
    await ear.hears("page-message-empty")


async def test_a_vote_on_an_answer_that_begins_again_elsewhere(
    chromium: Browser, site: str, model: ScriptedModel, ear: Ear
) -> None:
    page = await visit(chromium, ear, site)
    await ask(page)
    await done(page)
    await page.route("**/events?*", lambda route: route.abort())
    model.gate.clear()
    await press(page, "redo")
    await until_state(page, "waiting")
    await page.locator("[data-vote=up]").evaluate("button => button.click()")
    await ear.hears("no-vote-yet")
    model.gate.set()


async def test_the_menu(chromium: Browser, site: str, model: ScriptedModel, ear: Ear) -> None:
    model.sees = True
    page = await visit(chromium, ear, site)
    menu = page.locator("[data-action=settings]")
    await menu.click()
    await ear.hears(
        "page-settings", "page-model", "page-default-model", "page-model-sees", "page-at-most", "page-close"
    )
    await ear.hears("form-persona", "form-persona-hint")
    await page.locator("#model").select_option("scripted")
    await ear.hears("model-set")
    await page.locator("#persona").fill("χ" * 4001)
    await page.locator("[data-action=persona]").click()
    await ear.hears("persona-too-long")
    await page.locator("#persona").fill("χ")
    await page.locator("[data-action=persona]").click()
    await ear.hears("persona-set")


async def test_the_menu_without_a_server(chromium: Browser, site: str, ear: Ear) -> None:
    async def away(route: Route) -> None:
        await route.abort()

    page = await visit(chromium, ear, site)
    await page.route("**/settings", away)
    await page.locator("[data-action=settings]").click()
    await ear.hears("page-unreachable")
