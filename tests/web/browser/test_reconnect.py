"""The page through lost connections, in real Chromium: quick at first, never silent, nothing sent twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Route, expect

from glados_bots.settings import Settings
from glados_web.answers import stream
from glados_web.app import create_app
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import free_port, running
from tests.waiting import until
from tests.web.browser.test_page import done, say, turn
from tests.web.conftest import english

pytestmark = pytest.mark.slow

STREAMS = "**/events?*"
MESSAGES = "**/messages"
FIRST_PAUSES_MS = [250, 500, 1000, 2000, 3000, 3000]
SILENT_MS = 25_000


class Line:
    """The page's requests of one kind, which are let through or cut."""

    def __init__(self) -> None:
        self.tries = 0
        self.is_cut = True

    async def __call__(self, route: Route) -> None:
        """One request."""
        self.tries += 1
        await (route.abort() if self.is_cut else route.continue_())


@pytest.fixture
async def line(page: Page) -> AsyncIterator[Line]:
    """The connections of answers, which are cut; the page's time stands still, and it has no luck."""
    await page.evaluate("Math.random = () => 0.5")
    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("Date.now()") + 1000)
    cut = Line()
    await page.route(STREAMS, cut)
    yield cut
    await page.unroute(STREAMS)


async def is_lost(page: Page) -> None:
    await expect(turn(page).get_by_role("status")).to_have_text(english("page-lost"))


async def pauses(page: Page) -> int:
    """How many tries the page waits to make."""
    return int(await page.evaluate("import('/static/again.js').then((again) => again.waiting.size)"))


async def lost_again(page: Page, line: Line, tries: int) -> None:
    """Return when that many tries were made, and the page waits for the time of the next."""
    await until(lambda: line.tries == tries)
    await until(lambda: pauses(page))


async def test_a_lost_connection_is_made_again_quickly_and_then_more_slowly(page: Page, line: Line) -> None:
    await say(page, "Are you there?")
    for tries, pause in enumerate(FIRST_PAUSES_MS, 1):
        await lost_again(page, line, tries)
        await is_lost(page)
        await page.clock.run_for(pause - 1)
        assert await pauses(page) == 1, "not yet"
        line.is_cut = tries < len(FIRST_PAUSES_MS)
        await page.clock.run_for(1)
    await done(page)
    assert line.tries == len(FIRST_PAUSES_MS) + 1
    await expect(turn(page).locator(".notice")).to_be_empty()


@pytest.mark.parametrize("happens", ["window, 'online'", "window, 'pageshow'", "document, 'visibilitychange'"])
async def test_when_the_network_or_the_reader_is_back_nothing_is_waited_for(
    page: Page, line: Line, happens: str
) -> None:
    await say(page, "Are you there?")
    await lost_again(page, line, 1)
    line.is_cut = False
    await page.evaluate(f"((where, what) => where.dispatchEvent(new Event(what)))({happens})")
    await done(page)
    assert line.tries == 2


async def test_a_connection_that_says_nothing_is_made_anew(
    page: Page, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error tells a browser that the machine at the other end is gone: only the silence does."""
    monkeypatch.setattr(stream, "KEEP_ALIVE_S", 1000.0)
    model.gate.clear()
    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("Date.now()") + 1000)
    begun: list[str] = []
    page.on("request", lambda request: begun.append(request.url) if "/events?" in request.url else None)
    await say(page, "Speak")
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    await page.clock.run_for(SILENT_MS)
    await is_lost(page)
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    await page.clock.run_for(1000)
    await expect(turn(page).locator(".notice")).to_be_empty()
    assert len(begun) == 2
    model.gate.set()
    await done(page)
    await expect(turn(page).locator(".answer")).to_have_text("Hello world!")


async def test_the_server_goes_and_comes_back_in_the_middle_of_an_answer(
    chromium: Browser, settings: Settings, model: ScriptedModel
) -> None:
    """What was said stays on view all the while, however often the page tries."""
    port = free_port()
    model.gate.clear()
    context = await chromium.new_context()
    page = await context.new_page()
    tries = 0

    def count(_: object) -> None:
        nonlocal tries
        tries += 1

    async with running(create_app(settings), port) as site:
        await page.goto(site)
        await say(page, "Speak")
        await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    page.on("requestfailed", count)
    await until(lambda: tries >= 3)
    await is_lost(page)
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    model.gate.set()
    async with running(create_app(settings), port):
        await done(page)
        await expect(turn(page).locator(".answer")).to_have_text("Hello world!")
        await context.close()


@pytest.mark.parametrize("status", [502, 504])
async def test_a_question_that_a_proxy_could_not_hand_on_is_sent_again_as_the_same(
    page: Page, model: ScriptedModel, status: int
) -> None:
    """The server may have taken it in before it went away."""
    tries = 0

    async def taken_and_lost(route: Route) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await route.fetch()
            await route.fulfill(status=status)
        else:
            await route.continue_()

    await page.route(MESSAGES, taken_and_lost)
    await say(page, "Once only")
    await done(page)
    await expect(page.locator("#turns .turn")).to_have_count(1)
    await expect(page.get_by_role("alert")).to_be_hidden()
    assert tries == 2
    assert len(model.prompts) == 1


async def test_a_question_to_a_server_that_never_answers_is_not_held_for_ever(page: Page, model: ScriptedModel) -> None:
    held = asyncio.Event()

    async def hold(_: Route) -> None:
        held.set()

    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("Date.now()") + 1000)
    await page.route(MESSAGES, hold)
    await say(page, "Are you there?")
    await held.wait()
    await page.clock.run_for(30_000)
    await expect(page.get_by_role("alert")).to_contain_text(english("page-unreachable"))
    await page.unroute(MESSAGES)
    await page.clock.run_for(1000)
    await done(page)
    assert len(model.prompts) == 1


async def test_a_chat_that_is_gone_is_not_promised_to_go_on(page: Page, model: ScriptedModel, line: Line) -> None:
    """Redis was emptied: then the browser owns nothing any more."""
    model.gate.clear()
    await say(page, "Speak")
    await lost_again(page, line, 1)
    await page.context.clear_cookies()
    line.is_cut = False
    await page.clock.run_for(1000)
    await expect(turn(page).get_by_role("status")).to_have_text(english("page-chat-gone"))
    assert await pauses(page) == 0
