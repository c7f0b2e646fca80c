"""The page as it runs: uvicorn, a real Valkey, a scripted model at the far end of the wire, and real Chromium."""

import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from glados_bots.settings import Settings
from glados_web.app import create_app
from tests.conftest import do_without
from tests.fakes.scripted_model import ScriptedModel, serve
from tests.waiting import LONGEST_S

PATIENCE_MS = 1000 * LONGEST_S
expect.set_options(timeout=PATIENCE_MS)  # a busy machine draws late
CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
    "--disable-extensions", "--no-first-run", "--no-default-browser-check", "--hide-scrollbars",
    "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding", "--remote-debugging-port=0",
]  # fmt: skip


@pytest.fixture
async def model() -> ScriptedModel:
    """Answers at once, until the test closes its gate."""
    scripted = ScriptedModel()
    scripted.gate.set()
    return scripted


@pytest.fixture
async def settings(redis_url: str, model: ScriptedModel) -> AsyncIterator[Settings]:
    """Settings of a page on the empty database and the scripted model."""
    async with serve(model.app()) as url:
        yield Settings(redis_url=redis_url, inference_url=f"{url}/v1", grace=1, message_max_chars=2000)


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[str]:
    """URL of the running page."""
    async with serve(create_app(settings)) as url:
        yield url


@pytest.fixture
async def visitor(site: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's HTTP side, which has seen the page."""
    async with httpx.AsyncClient(base_url=site, trust_env=False) as client:
        await client.get("/")
        yield client


@pytest.fixture(scope="session")
def chromium_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the one real browser of this session is driven; each test has a profile of its own in it."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        do_without("Chromium")
    folder = tmp_path_factory.mktemp("chromium")
    process = subprocess.Popen(
        [path, *CHROMIUM, f"--user-data-dir={folder}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    told = folder / "DevToolsActivePort"
    deadline = time.monotonic() + LONGEST_S
    try:
        while not told.is_file() or len(words := told.read_text().split()) < 2:
            assert process.poll() is None, "Chromium ended"
            assert time.monotonic() < deadline, "Chromium does not start"
            time.sleep(0.02)
        yield f"ws://127.0.0.1:{words[0]}{words[1]}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
async def chromium(chromium_url: str) -> AsyncIterator[Browser]:
    """A real browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium_url, timeout=2 * PATIENCE_MS)
        yield browser
        for context in browser.contexts[1:]:  # what a test left open; the first is the browser's own
            await context.close()
        await browser.close()


@pytest.fixture
async def page(chromium: Browser, site: str) -> AsyncIterator[Page]:
    """The page in a fresh browser profile. A script error or a violated policy fails the test."""
    context = await chromium.new_context(base_url=site, viewport={"width": 1100, "height": 800})
    opened = await context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)
    await opened.goto("/")
    yield opened
    await context.close()
    assert problems == []
