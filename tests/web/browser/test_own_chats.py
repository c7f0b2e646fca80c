"""Search, export, shared links and the installed page in a browser: within two clicks or three keys."""

import pytest
from playwright.async_api import Browser, Page, expect

from glados_bots.settings import Settings
from glados_bots.wording.languages import NAMES, PSEUDO
from glados_web.app import create_app
from glados_web.manifest import ICONS
from glados_web.settings import WebSettings
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.browser.test_accessibility import RICH, Scheme, inspect, say, scheme, screen
from tests.web.browser.test_languages import BOTTOMS, MISFITS, NARROW, visit
from tests.web.browser.test_page import done, turn
from tests.web.conftest import english

__all__ = ["scheme", "screen"]  # fixtures
pytestmark = pytest.mark.slow

FIELD = ".find input"


async def answered(page: Page, text: str, number: int = 0) -> None:
    await page.locator("#text").fill(text)
    await page.keyboard.press("Enter")
    await done(page, number)


async def chats_of(page: Page, model: ScriptedModel) -> None:
    """Two chats; the first is long, and the page shows the second."""
    model.pieces = ["An answer of **many** lines.\n\n" + "- a line\n" * 60]
    await answered(page, "Where is the Rhine?")
    await answered(page, "And the Danube?", 1)
    await page.goto("/?new")
    await answered(page, "Who painted Guernica?")


# --- search ----------------------------------------------------------------------------------------------------------


async def test_a_place_is_found_while_typing_and_opened_with_a_click(page: Page, model: ScriptedModel) -> None:
    await chats_of(page, model)
    await page.locator(FIELD).fill("RHINE")
    await expect(page.locator("#found mark")).to_have_text("Rhine")
    await expect(page.locator("#count")).to_have_text(english("page-search-found", number=1))
    await expect(page.locator(".chats > ul")).to_be_hidden()
    await page.locator(".found ul a").click()
    await expect(page.locator(".turn:target .question")).to_contain_text("Where is the Rhine?")
    await expect(page.locator(".turn:target .question")).to_be_in_viewport()
    await expect(page.locator(".newest")).to_be_visible()  # it is not the end of the chat


async def test_nothing_found_and_an_emptied_field(page: Page, model: ScriptedModel) -> None:
    await chats_of(page, model)
    await page.locator(FIELD).fill("zebra")
    await expect(page.locator("#count")).to_have_text(english("page-search-nothing", words="zebra"))
    await page.keyboard.press("Escape")
    await expect(page.locator(FIELD)).to_have_value("")
    await expect(page.locator(".chats > ul a")).to_have_count(2)
    await expect(page.locator("#found")).to_be_hidden()


async def test_keys_alone_search_and_open(page: Page, model: ScriptedModel) -> None:
    await chats_of(page, model)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("danube")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/search?q=danube")
    await expect(page.locator("mark")).to_have_text("Danube")
    await page.locator(".found ul a").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".turn:target .question")).to_contain_text("And the Danube?")


async def test_escape_in_the_search_stops_no_answer(page: Page, model: ScriptedModel) -> None:
    model.gate.clear()
    await say(page, "Write")
    await expect(page.locator(".turn[data-state=writing]")).to_be_visible()
    await page.locator(FIELD).fill("words")
    await page.keyboard.press("Escape")
    await page.locator(".more").click()
    await page.keyboard.press("Escape")
    await expect(page.locator("#more")).to_be_hidden()
    model.gate.set()
    await done(page)


async def test_a_search_that_fails_says_so(page: Page, model: ScriptedModel) -> None:
    await chats_of(page, model)
    for how in (lambda route: route.abort(), lambda route: route.fulfill(status=503, body="x")):
        await page.route("**/search?*", how)
        await page.locator(FIELD).fill("rhine")
        await expect(page.locator("#count")).to_have_text(english("page-search-away"))
        await page.locator(FIELD).fill("")
        await expect(page.locator("#count")).to_have_text("")


async def test_search_needs_no_script(chromium: Browser, site: str, page: Page, model: ScriptedModel) -> None:
    await chats_of(page, model)
    plain = await chromium.new_context(base_url=site, java_script_enabled=False)
    await plain.add_cookies(await page.context.cookies())  # type: ignore[arg-type]  # as they came
    bare = await plain.new_page()
    await bare.goto("/")
    await bare.locator(FIELD).fill("rhine")
    await bare.keyboard.press("Enter")
    await expect(bare.locator("mark")).to_have_text("Rhine")
    await bare.locator(".found ul a").click()
    await expect(bare.locator(".turn:target .question")).to_be_in_viewport()


# --- export ----------------------------------------------------------------------------------------------------------


async def test_a_chat_and_an_answer_are_files_within_two_clicks(page: Page, model: ScriptedModel) -> None:
    model.pieces = ["# An *answer*\n"]
    await answered(page, "What?")
    async with page.expect_download() as one:
        await turn(page).locator("[data-action=file]").click()
    answer = await one.value
    assert answer.suggested_filename == "GLaDOS-What.md"
    assert (await answer.path()).read_text(encoding="utf-8") == "# An *answer*\n"
    await page.locator(".more").click()
    async with page.expect_download() as other:
        await page.locator("#more a").click()
    chat = await other.value
    assert "\n\n# An *answer*\n" in (await chat.path()).read_text(encoding="utf-8")
    await say(page, "The page is still there")
    await done(page, 1)


async def test_long_code_is_a_file_below_the_answer_until_it_is_made_again(page: Page, model: ScriptedModel) -> None:
    code = "\n".join(f"print({number})" for number in range(61))
    model.pieces = [f"```python\n{code}\n```\n"]
    await answered(page, "Count")
    offered = turn(page).locator(".offered a")
    for _ in range(2):  # streamed, and rendered by the server
        await expect(offered).to_have_text("code.py")
        async with page.expect_download() as one:
            await offered.click()
        assert (await (await one.value).path()).read_text(encoding="utf-8") == f"{code}\n"
        await page.reload()
        await done(page)
    model.pieces = ["Short"]
    await turn(page).locator("[data-action=redo]").click()
    await done(page)
    await expect(turn(page).locator(".answer")).to_have_text("Short")
    await expect(turn(page).locator(".offered")).to_be_hidden()


# --- shared links ----------------------------------------------------------------------------------------------------


async def share(page: Page) -> str:
    await page.locator(".more").click()
    await page.locator("[data-action=share]:visible").click()
    await expect(page.locator(".share input")).to_be_visible()
    return await page.locator(".share input").input_value()


async def test_a_link_is_made_copied_opened_and_taken_back(chromium: Browser, page: Page, model: ScriptedModel) -> None:
    model.pieces = [RICH]
    await answered(page, "Tell me about rivers")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    link = await share(page)
    await page.locator("[data-action=copyLink]").click()
    assert await page.evaluate("navigator.clipboard.readText()") == link
    reader = await (await chromium.new_context(viewport={"width": 360, "height": 700})).new_page()
    asked: list[str] = []
    reader.on("request", lambda request: asked.append(request.url))
    await reader.goto(link)
    await expect(reader.locator(".question")).to_contain_text("Tell me about rivers")
    await expect(reader.locator(".code").first).to_be_visible()
    await inspect(reader)
    assert await reader.context.cookies() == []
    assert not [url for url in asked if "/c/" in url or "/events" in url]
    assert await reader.locator("a[href^='/'], form, nav, textarea").count() == 0
    await page.locator("[data-action=unshare]").click()
    await expect(page.locator(".share [role=status]")).to_have_text(english("page-unshared"))
    await reader.reload()
    await expect(reader.get_by_text(english("page-no-link"))).to_be_visible()


async def test_after_a_reload_a_new_link_takes_the_place_of_the_old_one(chromium: Browser, page: Page) -> None:
    await answered(page, "A question")
    old = await share(page)
    await page.reload()
    await page.locator(".more").click()
    await expect(page.get_by_text(english("page-is-shared"))).to_be_visible()
    await page.locator("[data-action=share]:visible").click()
    await expect(page.locator(".share input")).to_be_visible()
    new = await page.locator(".share input").input_value()
    reader = await chromium.new_page()
    assert [(await reader.goto(link)).status for link in (old, new)] == [404, 200]  # type: ignore[union-attr]
    await page.locator("[data-action=unshare]").click()
    await expect(page.locator("[data-action=share]:visible")).to_be_focused()
    await page.keyboard.press("Escape")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.locator("[data-action=clear]").click()
    await expect(page.locator(".more")).to_be_hidden()


async def test_where_sharing_is_off_the_menu_only_exports(chromium: Browser, settings: Settings) -> None:
    async with running(create_app(settings, WebSettings(share="off"))) as url:
        page = await chromium.new_page(base_url=url)
        await page.goto("/")
        await answered(page, "A question")
        await page.locator(".more").click()
        await expect(page.locator("#more a")).to_be_visible()
        await expect(page.locator("#more button")).to_have_count(0)


# --- for everybody ---------------------------------------------------------------------------------------------------


async def test_search_and_menu_have_no_barriers(screen: Page, scheme: Scheme, model: ScriptedModel) -> None:
    del scheme
    await chats_of(screen, model)
    await screen.keyboard.press("Control+k")
    await screen.keyboard.type("rhine")
    await expect(screen.locator("#found mark")).to_be_in_viewport()
    await inspect(screen)
    await screen.goto("/search?q=answer")
    await inspect(screen)
    await screen.goto("/")
    await done(screen)
    await share(screen)
    await inspect(screen)


async def fits(page: Page) -> None:
    """Fail where something does not fit; for the rules of axe-core, which take longer, see above."""
    await page.wait_for_load_state()
    for width in NARROW:
        await page.set_viewport_size({"width": width, "height": 700})
        await page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")  # of the drawer
        assert await page.evaluate(MISFITS) == [], width


@pytest.mark.parametrize("language", [*NAMES, PSEUDO])
async def test_what_is_found_the_menu_and_a_shared_chat_fit(chromium: Browser, site: str, language: str) -> None:
    page = await visit(chromium, language, site)
    await page.goto("/")
    await answered(page, "Rivers of Europe")
    await page.locator(".burger").click()
    for text, count in (("rivers", 1), ("zebra", 0)):
        await page.locator(FIELD).fill(text)
        await expect(page.locator("#count")).not_to_be_empty()
        await expect(page.locator("#found mark")).to_have_count(count)
        await fits(page)
    await page.goto("/search?q=rivers")
    await fits(page)
    await page.goto("/")
    await page.set_viewport_size({"width": 320, "height": 700})
    bottoms = await page.locator("header > :is(button, .button):visible").evaluate_all(BOTTOMS)
    assert len(set(bottoms)) == 1, "the header has one line"
    await page.locator(".more").click()
    await fits(page)
    await page.locator("[data-action=share]:visible").click()
    await expect(page.locator(".share input")).to_be_visible()
    await fits(page)
    await page.goto(await page.locator(".share input").input_value())
    await fits(page)


async def test_words_from_right_to_left_are_found_and_shared_as_they_run(page: Page, model: ScriptedModel) -> None:
    model.pieces = ["שלום (עולם)!"]
    await answered(page, "מה זה?")
    await page.locator(FIELD).fill("עולם")
    await expect(page.locator("#found mark")).to_have_text("עולם")
    for where in (FIELD, ".found ul span", "#found .in"):
        assert await page.locator(where).first.evaluate("each => getComputedStyle(each).direction") == "rtl", where
    await page.goto(await share(page))
    assert await page.locator(".question").evaluate("each => getComputedStyle(each).direction") == "rtl"


# --- installed -------------------------------------------------------------------------------------------------------


async def test_chromium_offers_to_install_the_page(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    found = await session.send("Page.getAppManifest")
    assert found["errors"] == []
    assert (found["manifest"]["name"], found["manifest"]["display"]) == ("GLaDOS", "kStandalone")
    assert len(found["manifest"]["icons"]) == len(ICONS)
    assert (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"] == []
