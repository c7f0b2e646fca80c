"""The page in several tabs, in real Chromium over plain http under a name: nobody starves, and all show the same."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from pydantic import SecretStr

from glados_bots.settings import Settings
from glados_web.app import create_app
from glados_web.settings import WebSettings
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.browser.conftest import OFFICE
from tests.web.browser.test_page import done, say, turn
from tests.web.conftest import HASH, PASSWORD, english

pytestmark = pytest.mark.slow

TABS = 8


@pytest.fixture
async def office(settings: Settings) -> AsyncIterator[str]:
    """URL of the page as a team opens it: behind a password, plain http, a name that is not localhost."""
    async with running(create_app(settings, WebSettings(password=SecretStr(HASH)))) as url:
        yield url.replace("127.0.0.1", OFFICE)


@pytest.fixture
async def person(chromium: Browser, office: str) -> AsyncIterator[BrowserContext]:
    """A browser that has signed in."""
    context = await chromium.new_context(base_url=office)
    page = await context.new_page()
    await enter(page)
    await page.close()
    yield context
    await context.close()


async def enter(page: Page) -> None:
    await page.goto("/")
    await page.get_by_label("Password of this page").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Your message")).to_be_visible()


async def tab(person: BrowserContext, path: str) -> Page:
    page = await person.new_page()
    await page.goto(path)
    return page


async def hide(page: Page, *, is_hidden: bool) -> None:
    """Pages of a headless browser are always visible: this one says that it is not."""
    await page.evaluate(
        f"Object.defineProperty(document, 'hidden', {{ value: {str(is_hidden).lower()}, writable: true }})"
    )
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_eight_tabs_each_follow_an_answer(person: BrowserContext, model: ScriptedModel) -> None:
    """A browser makes six connections to a server, for all its tabs. Each loads, asks, sees its answer grow and end."""
    model.gate.clear()
    tabs = []
    for number in range(TABS):
        page = await tab(person, "/?new")
        assert not await page.evaluate("isSecureContext")
        await say(page, f"Question {number}")
        tabs.append(page)
    for page in tabs:
        await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    await asyncio.gather(*(page.reload() for page in tabs))
    for page in tabs:
        await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    model.gate.set()
    for page in tabs:
        await done(page)
    assert len(model.prompts) == TABS


async def test_ten_questions_in_one_chat_use_one_connection(person: BrowserContext, model: ScriptedModel) -> None:
    model.gate.clear()
    page = await tab(person, "/?new")
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if request.resource_type == "eventsource" else None)
    for number in range(10):
        await say(page, f"Question {number}")
        await expect(page.locator("#turns .turn")).to_have_count(number + 1)
    model.gate.set()
    for number in range(10):
        await done(page, number)
    assert len(streams) == 1


async def test_tabs_beyond_the_bound_are_in_step_as_well(person: BrowserContext, model: ScriptedModel) -> None:
    """One chat in five tabs: a question, its growing answer, its end, another answer, and that all was forgotten."""
    first = await tab(person, "/?new")
    await say(first, "From the first")
    await done(first)
    tabs = [first, *[await tab(person, first.url) for _ in range(4)]]
    model.gate.clear()
    await say(tabs[3], "From another")
    for page in tabs:
        await expect(turn(page, 1).locator(".question")).to_contain_text("From another")
        await expect(turn(page, 1).locator(".answer")).to_have_text("Hello world")
    model.gate.set()
    for page in tabs:
        await done(page, 1)
    model.pieces = ["Something ", "else"]
    await turn(tabs[2]).get_by_role("button", name="Regenerate").click()
    for page in tabs:
        await expect(turn(page).locator(".answer")).to_have_text("Something else")
        await expect(page.locator("#turns .turn")).to_have_count(2)
    first.on("dialog", lambda dialog: asyncio.create_task(dialog.accept()))
    await first.get_by_role("button", name="Clear").click()
    for page in tabs:
        await expect(page.locator("#turns .turn")).to_have_count(0)


async def test_a_tab_that_nobody_sees_has_no_connection_and_catches_up(
    person: BrowserContext, model: ScriptedModel
) -> None:
    page = await tab(person, "/?new")
    await say(page, "One")
    await done(page)
    other = await tab(person, page.url)
    await hide(other, is_hidden=True)
    model.pieces = ["Made ", "anew"]
    await turn(page).get_by_role("button", name="Regenerate").click()
    await expect(turn(page).locator(".answer")).to_have_text("Made anew")
    await say(page, "Two")
    await done(page, 1)
    await expect(other.locator("#turns .turn")).to_have_count(1)
    await hide(other, is_hidden=False)
    await expect(turn(other, 1).locator(".question")).to_contain_text("Two")
    for number in range(2):
        await done(other, number)
        await expect(turn(other, number).locator(".answer")).to_have_text("Made anew")
    await turn(other, 1).get_by_role("button", name="Plain").click()
    await expect(turn(other, 1).locator(".plain")).to_have_text("Made anew")


async def test_a_tab_that_was_opened_behind_others_begins_when_it_is_seen(
    person: BrowserContext, model: ScriptedModel
) -> None:
    model.gate.clear()
    page = await tab(person, "/?new")
    await say(page, "One")
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    other = await person.new_page()
    streams: list[str] = []
    other.on("request", lambda request: streams.append(request.url) if request.resource_type == "eventsource" else None)
    await other.add_init_script("Object.defineProperty(document, 'hidden', { value: true, writable: true })")
    await other.goto(page.url)
    await expect(turn(other).locator(".question")).to_contain_text("One")
    assert streams == []
    await other.evaluate("document.hidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    await expect(turn(other).locator(".answer")).to_have_text("Hello world")
    model.gate.set()
    await done(other)


async def test_an_answer_that_ends_as_it_was_ends_here_too(person: BrowserContext, model: ScriptedModel) -> None:
    """Made anew with the same words."""
    page = await tab(person, "/?new")
    await say(page, "One")
    await done(page)
    for count in (2, 3):
        await turn(page).get_by_role("button", name="Regenerate").click()
        await expect(turn(page)).to_have_attribute("data-state", "done")
        assert len(model.prompts) <= count
    await expect(turn(page).locator(".answer")).to_have_text("Hello world!")


async def test_a_new_chat_is_called_by_its_first_question_at_once(person: BrowserContext) -> None:
    page = await tab(person, "/?new")
    await expect(page).to_have_title("GLaDOS")
    await say(page, "  Why\nis the sky blue? " + "x" * 80)
    await done(page)
    title = f"Why is the sky blue? {'x' * 38}… · GLaDOS"
    await expect(page).to_have_title(title)
    await say(page, "And the sea?")
    await done(page, 1)
    await expect(page).to_have_title(title)
    await page.reload()
    await expect(page).to_have_title(title)
    page.on("dialog", lambda dialog: asyncio.create_task(dialog.accept()))
    await page.get_by_role("button", name="Clear").click()
    await expect(page).to_have_title("GLaDOS")
    await page.reload()
    await say(page, "Something else")
    await expect(page).to_have_title("Something else · GLaDOS")


async def test_copy_works_where_scripts_have_no_clipboard(person: BrowserContext, model: ScriptedModel) -> None:
    model.pieces = ["```\n", "  one\n\ttwo & <three>\n", "```"]
    page = await tab(person, "/?new")
    assert await page.evaluate("navigator.clipboard") is None
    await say(page, "Code, please")
    await done(page)
    await page.get_by_label("Your message").fill("")
    await turn(page).locator(".code").get_by_role("button", name="Copy").click()
    await expect(turn(page).get_by_role("button", name="Copied")).to_be_visible()
    await page.get_by_label("Your message").focus()
    await page.keyboard.press("ControlOrMeta+V")
    await expect(page.get_by_label("Your message")).not_to_be_empty()
    assert await page.get_by_label("Your message").input_value() == "  one\n\ttwo & <three>\n"
    assert await page.locator(".copied").count() == 0
    await page.evaluate("document.execCommand = () => false")
    await turn(page).locator(".actions").get_by_role("button", name="Copy").click()
    await expect(turn(page).get_by_role("button", name=english("page-copy-refused"))).to_be_visible()


async def test_chats_and_words_of_a_browser_are_there_after_the_next_sign_in(person: BrowserContext) -> None:
    page = await tab(person, "/?new")
    await say(page, "Mine")
    await done(page)
    await page.get_by_label("Your message").fill("Half of a quest")
    await page.get_by_role("button", name="Sign out").click()
    await enter(page)
    await expect(turn(page).locator(".question")).to_contain_text("Mine")
    await expect(page.get_by_label("Your message")).to_have_value("Half of a quest")
