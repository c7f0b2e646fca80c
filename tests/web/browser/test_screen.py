"""What fits the screen and what moves on it, in real Chromium: small screens, deep answers, scrolling."""

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from tests.fakes.scripted_model import ScriptedModel
from tests.waiting import until
from tests.web.browser.test_accessibility import RICH
from tests.web.browser.test_page import done, say, turn
from tests.web.conftest import english

pytestmark = pytest.mark.slow

TO_GO = "turns.scrollHeight - turns.scrollTop - turns.clientHeight"


async def until_at_the_end(page: Page) -> None:
    """The page follows after its layout, not with it."""

    async def is_there() -> bool:
        return bool(await page.evaluate(f"{TO_GO} <= 2"))

    await until(is_there)


LINES = "long line\n\n" * 60
DEEP = "\n".join(f"{'  ' * depth}- level {depth}" for depth in range(14))
QUOTES = "\n".join(f"{'> ' * depth}quote {depth}\n" for depth in range(1, 14))
WIDE = f"""{RICH}

{DEEP}

{QUOTES}

{"w" * 400} <https://example.org/{"x" * 200}> `{"y" * 200}` **{"z" * 200}**

# {"h" * 100}
"""


async def sideways(page: Page) -> list[str]:
    """What is wider than its place, or sticks out of the screen; but for code and tables, which may."""
    found: list[str] = await page.evaluate(
        """() => [...document.querySelectorAll("*")]
            .filter((each) => each.checkVisibility() && !each.matches(".sr-only, .skip") && !each.closest("nav"))
            .filter((each) => !each.closest(".code > pre, .table"))
            .filter((each) => getComputedStyle(each).overflowX !== "visible"
                ? each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX !== "hidden"
                : each.getBoundingClientRect().right > innerWidth + 1)
            .map((each) => each.outerHTML.slice(0, 200))"""
    )
    return found


@pytest.mark.parametrize("width", [320, 360])
async def test_nothing_but_code_and_tables_scrolls_sideways(
    chromium: Browser, site: str, model: ScriptedModel, width: int
) -> None:
    """320 px is also what 400 % of 1,280 leaves."""
    context = await chromium.new_context(base_url=site, viewport={"width": width, "height": 640})
    page = await context.new_page()
    await page.goto("/")
    assert await sideways(page) == []
    await page.get_by_role("button", name=english("page-settings")).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await sideways(page) == []
    await page.keyboard.press("Escape")
    names = ["n" * 200 + ".txt", "a b " * 40, "short"]
    await page.locator("#picker").set_input_files(
        [FilePayload(name=name, mimeType="text/plain", buffer=name.encode()) for name in names]
    )
    await expect(page.locator("#chips li")).to_have_count(3)
    assert await sideways(page) == []
    model.pieces = [WIDE]
    await say(page, "q" * 300)
    await done(page)
    assert await sideways(page) == []
    await page.get_by_label("Your message").press("ArrowUp")
    await expect(page.get_by_label(english("page-your-question"))).to_be_focused()
    assert await sideways(page) == []
    await page.keyboard.press("Escape")
    await turn(page).get_by_role("button", name="Plain").click()
    model.refusal = "r" * 300
    await say(page, "No")
    await expect(turn(page, 1)).to_have_attribute("data-state", "failed")
    await page.route("**/messages", lambda route: route.abort())
    await say(page, "Not sent")
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await sideways(page) == []
    for path in ("/status?still", "/c/none"):
        await page.goto(path)
        assert await sideways(page) == []
    await context.close()


@pytest.mark.parametrize("deltas", [[-3], [-1, -1], [-20], [-400]])
async def test_any_turn_of_the_wheel_upwards_lets_go(page: Page, model: ScriptedModel, deltas: list[int]) -> None:
    model.pieces = [LINES, "the ", LINES, "end"]
    model.is_stepped = True
    await say(page, "Speak")
    model.gate.set()
    await expect(turn(page).locator(".answer")).to_contain_text("line")
    await expect(page.get_by_role("button", name=english("page-newest"))).to_be_hidden()
    await until_at_the_end(page)
    await page.locator("#turns").hover()
    for delta in deltas:
        await page.mouse.wheel(0, delta)
    newest = page.get_by_role("button", name=english("page-newest"))
    await expect(newest).to_be_visible()
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    stays = await page.evaluate("turns.scrollTop")
    model.is_stepped = False
    model.gate.set()
    await done(page)
    assert await page.evaluate("turns.scrollTop") == pytest.approx(stays, abs=400 if deltas == [-400] else 1)
    assert await page.evaluate(TO_GO) > 1000
    await newest.click()
    await until_at_the_end(page)
    await expect(newest).to_be_hidden()


async def test_who_scrolls_back_to_the_end_is_kept_there_again(page: Page, model: ScriptedModel) -> None:
    model.pieces = [LINES, "the ", LINES, "end"]
    model.gate.clear()
    await say(page, "Speak")
    await expect(turn(page).locator(".answer")).to_contain_text("the")
    await page.locator("#turns").focus()
    await page.evaluate("turns.scrollTop -= 300")
    await expect(page.get_by_role("button", name=english("page-newest"))).to_be_visible()
    await page.evaluate("turns.scrollTop = turns.scrollHeight")
    await expect(page.get_by_role("button", name=english("page-newest"))).to_be_hidden()
    model.gate.set()
    await done(page)
    await until_at_the_end(page)


async def test_a_keyboard_on_the_screen_does_not_hide_the_newest(page: Page, model: ScriptedModel) -> None:
    model.pieces = [LINES]
    await say(page, "Speak")
    await done(page)
    await page.set_viewport_size({"width": 1100, "height": 400})
    await expect(page.get_by_role("button", name=english("page-newest"))).to_be_hidden()
    await until_at_the_end(page)
