"""What people do with the page, in real Chromium."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from glados_bots.settings import Settings
from glados_bots.store import embedded
from glados_web.app import create_app
from tests.conftest import wait_for_redis
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.waiting import until
from tests.web.conftest import english

pytestmark = pytest.mark.slow

HOSTILE = """Hi <script>window.owned = 1</script><img src=x onerror="window.owned = 2">
<a href="javascript:window.owned=3" onclick="window.owned=4">click</a> [link](javascript:window.owned=5)
<svg onload="window.owned=6"><style>body{display:none}</style><iframe srcdoc="<script>parent.owned=7</script>"></iframe>
![tracker](https://evil.example/pixel.png) [fine](https://example.org/)

```html
<script>window.owned = 8</script>
```
"""


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Your message").fill(text)
    await page.keyboard.press("Enter")


def turn(page: Page, number: int = 0) -> Locator:
    return page.locator("#turns .turn").nth(number)


async def done(page: Page, number: int = 0) -> None:
    await expect(turn(page, number)).to_have_attribute("data-state", "done")


async def test_ask_stream_and_ask_again(page: Page, model: ScriptedModel) -> None:
    model.gate.clear()
    await say(page, "Who are you?")
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")  # the last piece is held back
    await expect(turn(page)).to_have_attribute("data-state", "writing")
    model.gate.set()
    await done(page)
    await expect(turn(page).locator(".answer strong")).to_have_text("world")
    await expect(page.get_by_label("Your message")).to_have_value("")
    await expect(page.get_by_label("Your message")).to_be_focused()
    await say(page, "And now?")
    await done(page, 1)
    assert [message["content"] for message in model.prompts[1][1:]] == ["Who are you?", "Hello **world**!", "And now?"]


async def test_tabs_opened_before_the_first_question_belong_to_one_browser(page: Page, model: ScriptedModel) -> None:
    """Nothing is kept of a browser that only looks; its first question, from whichever tab, begins its session."""
    other = await page.context.new_page()
    await other.goto("/")
    model.gate.clear()
    await say(other, "From the second tab")
    await say(page, "From the first tab")
    for tab in (other, page):
        await expect(turn(tab).locator(".answer")).to_have_text("Hello world")
    model.gate.set()
    for tab in (other, page):
        await done(tab)
        await tab.reload()
        await done(tab)
    links = page.get_by_role("navigation").locator("li a")
    await expect(links).to_have_count(2)


async def test_stop_with_escape(page: Page, model: ScriptedModel) -> None:
    model.gate.clear()
    await say(page, "Speak")
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    await page.keyboard.press("Escape")
    await expect(turn(page)).to_have_attribute("data-state", "stopped")
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    await expect(turn(page).get_by_role("status")).to_have_text(english("stopped"))


async def test_reload_in_the_middle_of_an_answer(page: Page, model: ScriptedModel) -> None:
    model.gate.clear()
    await say(page, "Speak")
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    await page.reload()
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    model.gate.set()
    await done(page)
    await expect(turn(page).locator(".answer")).to_have_text("Hello world!")
    await page.goto("/")
    await expect(turn(page).locator(".answer")).to_have_text("Hello world!")
    assert len(model.prompts) == 1


async def test_regenerate(page: Page, model: ScriptedModel) -> None:
    await say(page, "Speak")
    await done(page)
    model.pieces = ["Something ", "else"]
    await turn(page).get_by_role("button", name="Regenerate").click()
    await expect(turn(page).locator(".answer")).to_have_text("Something else")
    await done(page)
    await expect(page.locator("#turns .turn")).to_have_count(1)


async def test_refused_question_can_be_retried(page: Page, model: ScriptedModel) -> None:
    model.refusal = "too spicy"
    await say(page, "Speak")
    await expect(turn(page).get_by_role("status")).to_contain_text(english("server-rejects", status="400"))
    await page.reload()
    await expect(turn(page).get_by_role("status")).to_contain_text(english("server-rejects", status="400"))
    model.refusal = ""
    await turn(page).get_by_role("button", name="Retry").click()
    await expect(turn(page).locator(".answer")).to_have_text("Hello world!")
    await expect(turn(page).locator(".notice")).to_be_empty()


async def test_scrolling_follows_the_answer_but_not_against_the_reader(page: Page, model: ScriptedModel) -> None:
    model.pieces = ["long line\n\n" * 60, "the ", "end"]
    model.gate.clear()
    await say(page, "Speak")
    await expect(turn(page).locator(".answer")).to_contain_text("the")
    to_go = "turns.scrollHeight - turns.scrollTop - turns.clientHeight"
    assert await page.evaluate(to_go) < 5
    await page.evaluate("turns.scrollTop = 100")
    model.gate.set()
    await done(page)
    assert await page.evaluate("turns.scrollTop") == 100


async def test_second_question_waits_its_turn(page: Page, model: ScriptedModel) -> None:
    model.gate.clear()
    await say(page, "First")
    await expect(turn(page).locator(".answer")).to_have_text("Hello world")
    await say(page, "Second")
    await expect(turn(page, 1).get_by_role("status")).to_have_text(english("queued-next"))
    model.gate.set()
    await done(page, 1)


async def test_hostile_answer_does_nothing(page: Page, model: ScriptedModel) -> None:
    model.pieces = [HOSTILE[i : i + 7] for i in range(0, len(HOSTILE), 7)]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await say(page, "<img src=x onerror=window.owned=9>")
    await done(page)
    for _ in range(2):  # streamed, and rendered by the server
        assert await page.evaluate("window.owned") is None
        harmful = "script, img, svg, style, iframe, [onclick], [onerror], a[href^='javascript']"
        assert await page.locator("#turns :is(.question, .answer, .plain)").locator(harmful).count() == 0
        link = page.get_by_role("link", name="fine")
        await expect(link).to_have_attribute("href", "https://example.org/")
        await expect(link).to_have_attribute("rel", re.compile("nofollow"))
        await page.reload()
        await done(page)
    assert not [url for url in asked if "evil" in url]


async def test_plain_text_and_code_copy(page: Page, model: ScriptedModel) -> None:
    model.pieces = ["```python\n", "print('hi')\n", "```\n"]
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await say(page, "Code, please")
    await done(page)
    await expect(turn(page).locator("pre code span").first).to_be_visible()  # coloured
    await turn(page).locator(".code").get_by_role("button", name="Copy").click()
    await expect(turn(page).get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "print('hi')\n"
    await turn(page).get_by_role("button", name="Plain").click()
    await expect(turn(page).locator(".plain")).to_have_text("```python\nprint('hi')\n```\n")
    await expect(turn(page).locator(".answer")).to_be_hidden()


async def test_too_long_a_message_is_kept(page: Page, model: ScriptedModel) -> None:
    await say(page, "x" * 2001)
    await expect(page.get_by_role("alert")).to_contain_text(english("page-too-long", length=2001, most=2000))
    assert len(await page.get_by_label("Your message").input_value()) == 2001
    assert model.prompts == []


async def test_chats_are_listed_cleared_and_deleted(page: Page) -> None:
    page.on("dialog", lambda dialog: asyncio.create_task(dialog.accept()))
    await say(page, "A first chat")
    await done(page)
    await page.get_by_role("link", name="New chat").first.click()
    await page.wait_for_url("**/?new")  # with its script: typing into half a page sends nothing
    await expect(page.locator("#turns .turn")).to_have_count(0)
    await say(page, "A second chat")
    await done(page)
    links = page.get_by_role("navigation").locator("li a")
    await expect(links).to_have_text(["A second chat", "A first chat"])
    await page.get_by_role("button", name="Delete").click()
    await expect(links).to_have_text(["A first chat"])
    await page.wait_for_load_state()  # with its script
    await page.get_by_role("button", name="Clear").click()
    await expect(page.locator("#turns .turn")).to_have_count(0)


async def test_server_away_then_back(page: Page, model: ScriptedModel) -> None:
    """A question sent while the server is away is kept, and sent by itself when it is back: once."""
    await page.route("**/messages", lambda route: route.abort())
    await say(page, "Are you there?")
    await expect(page.get_by_role("alert")).to_contain_text(english("page-unreachable"))
    await expect(page.get_by_label("Your message")).to_have_value("Are you there?")
    await page.unroute("**/messages")
    await done(page)
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(page.locator("#turns .turn")).to_have_count(1)
    assert len(model.prompts) == 1


async def test_store_away_then_back(chromium: Browser, model: ScriptedModel, tmp_path: Path) -> None:
    """Redis dies in the middle of a chat: the page says so, keeps the question, and goes on when Redis is back."""
    url = embedded.url(tmp_path)
    store = await start_store(tmp_path)
    try:
        async with (
            running(model.app()) as inference,
            running(create_app(Settings(redis_url=url, inference_url=f"{inference}/v1", grace=1))) as site,
        ):
            page = await chromium.new_page()
            await page.goto(site)
            await say(page, "First")
            await done(page)
            store.kill()
            await store.wait()
            await say(page, "Second")
            await expect(page.get_by_role("alert")).to_contain_text(english("page-store-unreachable"), timeout=30_000)
            await expect(page.get_by_label("Your message")).to_have_value("Second")
            store = await start_store(tmp_path)
            await expect(turn(page, 1)).to_have_attribute("data-state", "done", timeout=30_000)
            await expect(page.get_by_role("alert")).to_be_hidden()
            assert len(model.prompts) == 2
            await page.close()
    finally:
        store.kill()
        await store.wait()


async def test_store_away_in_the_middle_of_an_answer(chromium: Browser, model: ScriptedModel, tmp_path: Path) -> None:
    """What was said so far stays, the page says what is wrong, and the answer ends once Redis is back."""
    store = await start_store(tmp_path)
    settings = Settings(redis_url=embedded.url(tmp_path), grace=1)
    model.gate.clear()
    try:
        async with running(model.app()) as inference:
            settings = settings.model_copy(update={"inference_url": f"{inference}/v1"})
            async with running(create_app(settings)) as site:
                page = await chromium.new_page()
                await page.goto(site)
                await say(page, "Speak")
                await expect(turn(page).locator(".answer")).to_have_text("Hello world")
                store.kill()
                await store.wait()
                await expect(turn(page).get_by_role("status")).to_contain_text(english("page-lost"), timeout=30_000)
                model.gate.set()
                await until(lambda: model.ended)  # the answer is whole now, and cannot be saved
                store = await start_store(tmp_path)
                await expect(turn(page)).to_have_attribute("data-state", "done", timeout=30_000)
                await expect(turn(page).locator(".answer")).to_have_text("Hello world!")
                await expect(turn(page).locator(".notice")).to_be_empty()
                assert len(model.prompts) == 1
                await page.close()
    finally:
        store.kill()
        await store.wait()


async def start_store(folder: Path) -> asyncio.subprocess.Process:
    """A Valkey of this test's own."""
    process = await asyncio.create_subprocess_exec(*embedded.command(folder), stdout=asyncio.subprocess.DEVNULL)
    await asyncio.to_thread(wait_for_redis, embedded.url(folder))
    return process


async def test_conversation_survives_a_restart(page: Page, settings: Settings) -> None:
    await say(page, "Remember me")
    await done(page)
    async with running(create_app(settings)) as restarted:
        await page.goto(f"{restarted}/")
        await expect(turn(page).locator(".question")).to_contain_text("Remember me")
        await expect(turn(page).locator(".answer")).to_have_text("Hello world!")


async def test_phone(page: Page) -> None:
    await page.set_viewport_size({"width": 375, "height": 700})
    await say(page, "A question")
    await done(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375
    link = page.get_by_role("navigation").get_by_role("link", name="A question")
    await expect(link).not_to_be_in_viewport()
    await page.locator(".burger").click()
    await expect(link).to_be_in_viewport()
    await page.keyboard.press("Escape")
    await expect(link).not_to_be_in_viewport()
