"""Files in a question, in real Chromium: pasted, dropped and picked, and what a person sees of them."""

import base64
import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, FilePayload, Locator, Page, Route, expect

from glados_bots.settings import Settings
from glados_web.app import create_app
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.browser.test_page import done, say, turn
from tests.web.conftest import english

pytestmark = pytest.mark.slow

BROUGHT = """([event, files, words]) => {
  const brought = new DataTransfer();
  for (const [name, type, bytes] of files) {
    brought.items.add(new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], name, { type }));
  }
  if (words) brought.setData("text/plain", words);
  const how = { bubbles: true, cancelable: true };
  const made = event === "paste" ? new ClipboardEvent(event, { ...how, clipboardData: brought })
    : new DragEvent(event, { ...how, dataTransfer: brought });
  document.querySelector("main").dispatchEvent(made);
  return made.defaultPrevented;
}"""


def png(width: int = 60, height: int = 40) -> bytes:
    found = io.BytesIO()
    Image.new("RGB", (width, height), (30, 120, 200)).save(found, "PNG")
    return found.getvalue()


async def bring(page: Page, event: str, *files: tuple[str, str, bytes], words: str = "") -> bool:
    """Paste or drop files. Whether the page took the event."""
    encoded = [[name, kind, base64.b64encode(content).decode()] for name, kind, content in files]
    return bool(await page.evaluate(BROUGHT, [event, encoded, words]))


async def pick(page: Page, *files: tuple[str, str, bytes]) -> None:
    """As with the button: the browser's own dialog opens, and the person picks files in it."""
    async with page.expect_file_chooser() as opened:
        await page.get_by_role("button", name=english("page-attach")).click()
    chooser = await opened.value
    await chooser.set_files([FilePayload(name=name, mimeType=kind, buffer=content) for name, kind, content in files])


def chips(page: Page) -> Locator:
    return page.locator("#chips li")


def seen_by(model: ScriptedModel) -> tuple[str, list[bytes]]:
    """The words and the pictures of the last question."""
    content: Any = model.prompts[-1][-1]["content"]
    if isinstance(content, str):
        return content, []
    pictures = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    words = "".join(part["text"] for part in content if part["type"] == "text")
    return words, [base64.b64decode(url.partition(",")[2]) for url in pictures]


async def test_what_is_pasted_dropped_and_picked_reaches_the_model(page: Page, model: ScriptedModel) -> None:
    model.sees = True
    marks = ["pasted words", "dropped words", "picked words"]
    assert await bring(page, "paste", ("image.png", "image/png", png()))
    assert await bring(page, "paste", ("note.txt", "text/plain", marks[0].encode()))
    assert await bring(page, "dragover", ("a.csv", "text/csv", b"x"))
    await expect(page.locator(".drop")).to_be_visible()
    assert await bring(page, "drop", ("a.csv", "text/csv", marks[1].encode()))
    await expect(page.locator(".drop")).to_be_hidden()
    await pick(page, ("b.md", "text/markdown", marks[2].encode()))
    await expect(chips(page)).to_have_count(4)
    await say(page, "Look")
    await done(page)
    words, pictures = seen_by(model)
    assert words.startswith("Look")
    assert [mark for mark in marks if mark not in words] == []
    (picture,) = pictures
    assert Image.open(io.BytesIO(picture)).size == (60, 40)
    await expect(chips(page)).to_have_count(0)
    names = ["image.png", "note.txt", "a.csv", "b.md"]
    await expect(turn(page).locator(".files bdi")).to_have_text(names)
    await page.reload()
    await expect(turn(page).locator(".files bdi")).to_have_text(names)
    shown = turn(page).locator(".files img")
    await expect(shown).to_have_count(1)
    await shown.evaluate("picture => picture.decode()")
    assert await shown.evaluate("picture => picture.naturalWidth") == 60


async def test_a_screenshot_from_the_real_clipboard(page: Page) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy = """(bytes) => navigator.clipboard.write([new ClipboardItem({ "image/png":
      new Blob([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], { type: "image/png" }) })])"""
    await page.evaluate(copy, base64.b64encode(png()).decode())
    await page.get_by_label("Your message").focus()
    await page.keyboard.press("Control+V")
    await expect(chips(page)).to_have_count(1)
    await expect(chips(page).locator("img")).to_have_attribute("src", re.compile("^data:image/"))


async def test_copied_cells_are_pasted_as_words(page: Page) -> None:
    """A spreadsheet's clipboard holds a picture of the cells, too."""
    assert not await bring(page, "paste", ("image.png", "image/png", png()), words="1\t2")
    await expect(chips(page)).to_have_count(0)


async def test_files_alone_are_a_question_by_keyboard_alone(page: Page, model: ScriptedModel) -> None:
    await page.get_by_label("Your message").focus()
    await page.keyboard.press("Shift+Tab")
    async with page.expect_file_chooser() as opened:
        await expect(page.get_by_role("button", name=english("page-attach"))).to_be_focused()
        await page.keyboard.press("Enter")
    plan = FilePayload(name="plan.txt", mimeType="text/plain", buffer=b"A secret plan")
    other = FilePayload(name="other.txt", mimeType="text/plain", buffer=b"Another")
    await (await opened.value).set_files([plan, other])
    await expect(chips(page)).to_have_count(2)
    await expect(page.get_by_label("Your message")).to_be_focused()
    await chips(page).nth(1).get_by_role("button", name=english("page-remove-file", name="other.txt")).focus()
    await page.keyboard.press("Enter")
    await expect(chips(page)).to_have_count(1)
    await page.keyboard.press("Enter")
    await done(page)
    assert "A secret plan" in seen_by(model)[0]
    assert "Another" not in seen_by(model)[0]
    await expect(page).to_have_title("plan.txt · GLaDOS")
    await page.reload()
    await expect(turn(page).locator(".files bdi")).to_have_text(["plan.txt"])


async def test_a_file_that_breaks_a_limit_is_refused_before_it_is_sent(chromium: Browser, settings: Settings) -> None:
    small = settings.model_copy(update={"attachment_max_mb": 1, "attachments_max": 3})
    async with running(create_app(small)) as url:
        page = await (await chromium.new_context(base_url=url)).new_page()
        await page.goto("/")
        problem, megabyte = page.locator("#problem"), bytes(2**20)
        await pick(page, ("big.bin", "", megabyte + b"x"))
        await expect(problem).to_contain_text(english("page-file-too-large", name="big.bin", most=1))
        await pick(page, ("1.bin", "", megabyte), ("2.bin", "", megabyte), ("3.bin", "", b"x"))
        await expect(problem).to_contain_text(english("page-files-too-large", most=2))
        await expect(chips(page)).to_have_count(2)
        await page.reload()
        await pick(page, *((f"{number}.txt", "text/plain", b"x") for number in range(4)))
        await expect(problem).to_contain_text(english("page-files-too-many", most=3))
        await expect(chips(page)).to_have_count(3)


async def test_where_files_are_switched_off_there_is_no_button_and_a_drop_says_so(
    chromium: Browser, settings: Settings
) -> None:
    async with running(create_app(settings.model_copy(update={"attachments_max": 0}))) as url:
        page = await (await chromium.new_context(base_url=url)).new_page()
        await page.goto("/")
        await expect(page.get_by_role("button", name=english("page-attach"))).to_have_count(0)
        await bring(page, "drop", ("a.txt", "text/plain", b"x"))
        await expect(page.locator("#problem")).to_contain_text(english("page-files-off"))


async def test_what_the_browser_cannot_read_is_not_attached(page: Page) -> None:
    await page.evaluate("() => { File.prototype.arrayBuffer = () => Promise.reject(Error('a folder')); }")
    await bring(page, "drop", ("folder", "", b""))
    await expect(page.locator("#problem")).to_contain_text(english("page-file-unreadable", name="folder"))
    await expect(chips(page)).to_have_count(0)


async def test_a_picture_that_is_none_has_no_thumbnail(page: Page) -> None:
    await bring(page, "drop", ("a.png", "image/png", b"no picture"), ("x" * 300 + ".png", "image/png", png()))
    await expect(chips(page)).to_have_count(2)
    await expect(chips(page).nth(0).locator("img")).to_have_count(0)
    await expect(chips(page).nth(1).locator("img")).to_have_count(1)
    await expect(chips(page).nth(1).locator("bdi")).to_have_text(re.compile(r"^x+…x+\.png$"))


async def test_a_lost_response_is_no_second_question_and_the_progress_is_shown(
    page: Page, model: ScriptedModel
) -> None:
    keys: list[bytes] = []

    async def lose(route: Route) -> None:
        keys.extend(re.findall(rb'name="key"\r\n\r\n(\w+)', route.request.post_data_buffer or b""))
        if len(keys) == 1:
            await expect(page.locator("#sent")).to_be_visible()
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/messages", lose)
    await pick(page, ("a.txt", "text/plain", b"once"))
    await say(page, "Speak")
    await done(page)
    await expect(page.locator("#sent")).to_be_hidden()
    await expect(page.locator("#turns .turn")).to_have_count(1)
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(model.prompts) == 1


async def test_a_refused_question_keeps_its_files(chromium: Browser, settings: Settings, model: ScriptedModel) -> None:
    async with running(create_app(settings.model_copy(update={"limit_user_per_minute": 1}))) as url:
        page = await (await chromium.new_context(base_url=url)).new_page()
        await page.goto("/")
        await say(page, "One")
        await done(page)
        await pick(page, ("a.txt", "text/plain", b"kept"))
        await say(page, "Two")
        await expect(page.locator("#problem")).to_be_visible()
        await expect(chips(page)).to_have_count(1)
        assert len(model.prompts) == 1


async def test_another_tab_names_the_files_of_a_question_under_way(page: Page, model: ScriptedModel) -> None:
    await say(page, "One")
    await done(page)
    other = await page.context.new_page()
    await other.goto(page.url)
    model.gate.clear()
    await pick(page, ("a.txt", "text/plain", b"x"))
    await page.keyboard.press("Enter")
    await expect(turn(other, 1).locator(".files bdi")).to_have_text(["a.txt"])
    model.gate.set()
    await done(other, 1)
