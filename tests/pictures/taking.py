"""All pictures: a thread on Discord, one on Slack, and the page, each in light and in dark."""

from playwright.async_api import Page, expect

from glados_bots.settings import Settings
from glados_web.app import create_app
from glados_web.settings import WebSettings
from tests.pictures.asking import QUESTION, Thread, ask_on_discord, ask_on_slack, scripted
from tests.pictures.browser import SCHEMES, snap, window
from tests.pictures.drawing import draw
from tests.servers import running

EARLIER = ("Write a release note in two sentences", "What does HTTP 429 mean?", "Sort a dict by its values")
# The page takes the reader's fonts; and a frame tells it from the page that shows the picture.
PAGE_STYLE = """
  :root { --mono: "JetBrains Mono Variable"; } body { font-family: "Inter Variable"; }
  html { clip-path: inset(0 round 12px); contain: paint; }
  body::after { content: ""; position: fixed; inset: 0; border: 1px solid var(--line); border-radius: 12px; }
"""


async def take(redis_url: str) -> dict[str, bytes]:
    """PNGs of everything, by the name of the picture."""
    found: dict[str, bytes] = {}
    for platform, ask in {"discord": ask_on_discord, "slack": ask_on_slack}.items():
        found |= await _of_thread(platform, await ask(redis_url))
    async with running(scripted().app()) as url:
        settings = Settings(redis_url=redis_url, inference_url=f"{url}/v1")
        async with running(create_app(settings, WebSettings())) as site:
            return found | await _of_page(site)


async def _of_thread(platform: str, thread: Thread) -> dict[str, bytes]:
    async with window(480, 760) as page:
        await page.set_content(draw(platform, thread))
        return {f"{platform}-{scheme}": await snap(page, scheme) for scheme in SCHEMES}


async def _of_page(site: str) -> dict[str, bytes]:
    width, height = 920, 600
    async with window(width, height) as page:
        for question in (*EARLIER, QUESTION):
            await page.goto(f"{site}/?new")
            await _ask(page, question)
        hidden = await page.locator("#turns").evaluate("turns => turns.scrollHeight - turns.clientHeight")
        await page.set_viewport_size({"width": width, "height": height + hidden})
        await page.reload()  # as a reader finds it: nothing is scrolled
        return {f"page-{scheme}": await snap(page, scheme, PAGE_STYLE) for scheme in SCHEMES}


async def _ask(page: Page, question: str) -> None:
    await page.locator("#text").fill(question)
    await page.locator("#text").press("Enter")
    await expect(page.locator(".turn")).to_have_attribute("data-state", "done")
