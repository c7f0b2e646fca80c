"""The message box, in real Chromium: keys of input methods and of phones, indents, and drafts."""

import asyncio

import pytest
from playwright.async_api import Browser, Page, expect

from tests.fakes.scripted_model import ScriptedModel
from tests.web.browser.test_page import done, say, turn

pytestmark = pytest.mark.slow

KEY = "(how) => text.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...how }))"


async def box_holds(page: Page, words: str) -> None:
    await expect(page.get_by_label("Your message")).to_have_value(words)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"key": "Enter", "keyCode": 13, "isComposing": True}, id="while composing"),
        pytest.param({"key": "Enter", "keyCode": 229}, id="Safari, after the composition's end"),
        pytest.param({"key": "Process", "keyCode": 229}, id="Windows"),
        pytest.param({"key": "Escape", "keyCode": 27, "isComposing": True}, id="cancels a composition"),
        pytest.param({"key": "Escape", "keyCode": 229}, id="cancels one in Safari"),
    ],
)
async def test_keys_of_an_input_method_neither_send_nor_stop(
    page: Page, model: ScriptedModel, how: dict[str, object]
) -> None:
    model.gate.clear()
    await say(page, "Speak")
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    await page.get_by_label("Your message").fill("にほん")
    await page.evaluate(KEY, how)
    model.gate.set()
    await done(page)
    await box_holds(page, "にほん")
    await expect(page.locator("#turns .turn")).to_have_count(1)


async def test_a_composition_by_the_browser_itself(page: Page, model: ScriptedModel) -> None:
    await page.get_by_label("Your message").focus()
    line = await page.context.new_cdp_session(page)
    await line.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
    await line.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Enter", "windowsVirtualKeyCode": 229})
    await line.send("Input.insertText", {"text": "日本"})
    await box_holds(page, "日本")
    assert model.prompts == []
    await page.keyboard.press("Enter")
    await done(page)
    assert model.prompts[0][-1]["content"] == "日本"


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("    return 1\n", "    return 1"),
        ("\n\n  \n\tif x:\n\t\ty\n\n \n", "\tif x:\n\t\ty"),
        ("  word  ", "  word  "),
        ("\u3000一段\n  - 二", "\u3000一段\n  - 二"),
    ],
)
async def test_an_indent_is_kept_and_empty_lines_at_the_ends_are_not(
    page: Page, model: ScriptedModel, typed: str, asked: str
) -> None:
    await say(page, typed)
    await done(page)
    assert model.prompts[0][-1]["content"] == asked
    for _ in range(2):  # as it was sent, and as the server shows it
        assert await turn(page).locator(".question").evaluate("q => q.lastChild.data") == asked
        await page.reload()
    await box_holds(page, "")


async def test_on_a_phone_enter_makes_a_line_and_the_button_sends(
    chromium: Browser, site: str, model: ScriptedModel
) -> None:
    context = await chromium.new_context(
        base_url=site, viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_label("Your message").tap()
    await page.keyboard.type("one")
    await page.keyboard.press("Enter")
    await page.keyboard.type("two")
    await box_holds(page, "one\ntwo")
    await expect(page.locator("#hint")).to_be_hidden()
    await page.get_by_role("button", name="Send").tap()
    await done(page)
    await page.get_by_label("Your message").tap()
    await page.keyboard.type("with a keyboard")
    await page.keyboard.press("Control+Enter")
    await done(page, 1)
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["one\ntwo", "with a keyboard"]
    await context.close()


async def test_what_is_sent_while_another_question_is_on_its_way_follows_it(page: Page, model: ScriptedModel) -> None:
    held, let_go = asyncio.Event(), asyncio.Event()

    async def hold(route: object) -> None:
        held.set()
        await let_go.wait()
        await route.continue_()  # type: ignore[attr-defined]  # Playwright's Route

    await page.route("**/messages", hold)
    await say(page, "One")
    await held.wait()
    await page.keyboard.press("Enter")  # twice is once
    await say(page, "Two")
    let_go.set()
    await done(page, 1)
    await box_holds(page, "")
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["One", "Two"]


async def test_each_chat_keeps_its_draft_until_it_is_sent_or_deleted(page: Page) -> None:
    box = page.get_by_label("Your message")
    await box.fill("begun in a new chat")
    await page.reload()
    await box_holds(page, "begun in a new chat")
    await page.keyboard.press("Enter")
    await done(page)
    await box.fill("half of\n  a second question")
    chat = page.url
    await page.reload()
    await box_holds(page, "half of\n  a second question")
    await page.goto("/?new")
    await box_holds(page, "")
    await box.fill("another new chat")
    await page.goto(chat)
    await box_holds(page, "half of\n  a second question")
    other = await page.context.new_page()  # the tab was closed
    await other.goto(chat)
    await box_holds(other, "half of\n  a second question")
    await other.goto("/?new")
    await box_holds(other, "another new chat")
    page.on("dialog", lambda dialog: asyncio.create_task(dialog.accept()))
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator("#turns .turn")).to_have_count(0)
    await page.wait_for_load_state()
    await box_holds(page, "another new chat")
    assert await page.evaluate("Object.values(localStorage)") == ["another new chat"]


async def test_without_storage_all_else_works(page: Page) -> None:
    await page.add_init_script("delete Storage.prototype.getItem; delete Storage.prototype.setItem;")
    await page.reload()
    await say(page, "Speak")
    await done(page)
    await box_holds(page, "")


async def test_a_typed_command_is_answered_above_the_box_and_asks_nothing(page: Page, model: ScriptedModel) -> None:
    await say(page, "/thinking")
    await expect(page.locator("#problem span")).to_contain_text("In this channel the model thinks")
    await expect(page.locator("#problem button")).to_be_hidden()
    await box_holds(page, "")
    assert model.prompts == []
    await say(page, "Hello")
    await done(page)
    await expect(page.locator("#problem")).to_be_hidden()
